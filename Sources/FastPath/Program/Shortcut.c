// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Hands a container's frame straight to the container on the same bridge that it is for. Runs where a bridge port takes
// frames in, before the bridge sees them; whatever it is not sure about, the bridge gets as if there were no program.
// Cheap and likely reasons against come first.
#include "Guard.h"
#include "Kernel.h"

enum { has_addresses = 1 << 0, is_isolated = 1 << 1, ignores_filter_of_ip = 1 << 2, may_use = 1 << 3 };
/// How this program is where a port takes frames in: by itself (tcx), as a filter (clsact), or as one that keeps VLANs, with
/// its companion where the port sends (Guard.h).
enum place { as_program, as_filter, as_guard };
enum { most_addresses = 4 };
enum { ways_count = 512, counts_count = 4096, most_probes = 8 };  // the first two powers of two

/// Laid out as in FastPathPort.swift.
struct port {
    u32 bridge;
    u16 vlan;
    u16 flags;
    u8 address[6];
    u8 count4, count6;
    u32 addresses4[most_addresses];
    u64 addresses6[most_addresses][2];
};

/// Laid out as in FastPathStation.swift.
struct station_key {
    u32 bridge;
    u16 vlan;
    u16 address[3];
};

struct station {
    u32 port;
    u32 flags;
};

/// Laid out as in FastPathCounters.swift. What one processor counts of a link, where the link's number, or one of the
/// next few, leads to: it is its first frame that takes a place that is free, or whose link is no port any more.
struct count {
    u32 link, padding;
    u64 seen_by_bridge;
    u64 sent_frames, sent_octets, received_frames, received_octets;
};

/// A way that a processor has found free lately: what it was found for, and where the kernel has what may change. While
/// the namespace has the same devices, those among the addresses are good.
struct way {
    u64 header;           // the frame's first 14 octets, and its VLAN
    u64 rest;
    u64 source[2];        // the packet's, if it matters
    u64 generation, net, to, bridge, bridge_device;
    u64 programs, queueing, programs_out, queueing_out;  // where the one takes in, and where the other sends
    u64 before_routing, forwarding, after_routing;  // the one function of each of netfilter's hooks
    u64 renewal;
    u32 link, destination, sequence, flags, sent, received;
};

extern const char ports[], stations[], counts[], ways[];
/// The number in the kernel of the program where ports send that keeps VLANs: leave_vlan.
extern const char number_of_exit[];
/// Another number after each change of ports or stations.
extern const u64 generation[];

/// A source address that the port may not use is the bridge's business: it has what drops it.
INLINE int has_own_address(const struct port *port, const u8 *packet, const u8 *end, u16 protocol, u64 found[2]) {
    if (protocol == protocol4) {
        if (packet + 20 > end) return 0;
        u32 source = *(const u32 *)(packet + 12);
        found[0] = source;
        for (int i = 0; i < most_addresses; i++)
            if (i < port->count4 && port->addresses4[i] == source) return 1;
        return 0;
    }
    if (packet + 40 > end) return 0;
    u64 high = *(const u64 *)(packet + 8), low = *(const u64 *)(packet + 16);
    found[0] = high;
    found[1] = low;
    for (int i = 0; i < most_addresses; i++)
        if (i < port->count6 && port->addresses6[i][0] == high && port->addresses6[i][1] == low) return 1;
    return 0;
}

/// Whether a packet of the same kind is from where the way's last one was.
INLINE int is_same_source(const struct way *way, const u8 *packet, const u8 *end, u16 protocol) {
    if (protocol == protocol4) return packet + 20 <= end && way->source[0] == *(const u32 *)(packet + 12);
    if (packet + 40 > end) return 0;
    return way->source[0] == *(const u64 *)(packet + 8) && way->source[1] == *(const u64 *)(packet + 16);
}

/// What a netfilter hook has but for one function without rules of its own: br_netfilter's. 0 is nothing.
INLINE u64 rules_of(u64 hook) {
    if (!hook) return 0;
    const volatile char *functions = view(hook) + window;
    return (half(functions) ^ 1) | whole(functions + own_rules);
}

/// The device that takes a frame in.
INLINE u64 device_of(struct frame *frame) {
    return *(const u64 *)((const char *)bpf_cast_to_kern_ctx(frame) + AT(skb_device));
}

/// The rules of IP that see a bridge's frames by way of br_netfilter; 0 is none.
INLINE u64 rules_of_ip(u64 net) {
    u64 hooks4 = net + AT(net_hooks4), hooks6 = net + AT(net_hooks6);
    return rules_of(word(hooks4 + before_routing)) | word(hooks4 + forwarding) | word(hooks4 + after_routing)
        | rules_of(word(hooks6 + before_routing)) | word(hooks6 + forwarding) | word(hooks6 + after_routing);
}

/// The device of a number in a namespace, as the kernel finds it; 0 when there is none, or many share a list.
INLINE u64 device(u64 net, u32 number) {
    u64 node = word(word(net + AT(net_devices)) + (number & 255) * 8);
    for (int i = 0; i < 8; i++) {
        if (!node) return 0;
        u64 found = node - AT(device_node);
        if ((u32)word(found + AT(device_index)) == number) return found;
        node = word(node);
    }
    return 0;
}

/// Whether both ports are in one VLAN of a bridge that has any: the frame's.
INLINE int are_in_one_vlan(const volatile char *inlet, const volatile char *outlet, u16 vlan) {
    u16 own = half(view(whole(inlet + IN(port_vlans))) + IN(vlans_own));
    u16 others = half(view(whole(outlet + IN(port_vlans))) + IN(vlans_own));
    return own != 0 && own == others && (vlan == 0 || own == vlan);
}

/// Has the compiler finish with what it has before it loads more: it would have to put too much aside.
#define SETTLE(value) __asm__ volatile("" : "+r"(value))

/// What is against leading from one port to another, as the ports and their bridge are: 0 is nothing. The bridge would
/// send, both are its own, forwarding (so it is up), not both isolated, and nobody listens to all of the bridge.
INLINE u64 objections(const struct way *way, const volatile char *inlet, const volatile char *outlet) {
    u64 against = (whole(inlet + IN(port_bridge)) ^ way->bridge) | (whole(outlet + IN(port_bridge)) ^ way->bridge);
    SETTLE(against);
    against |= (octet(inlet + IN(port_state)) ^ is_forwarding) | (octet(outlet + IN(port_state)) ^ is_forwarding);
    SETTLE(against);
    u64 flags = whole(inlet + IN(port_flags)), others = whole(outlet + IN(port_flags));
    against |= ((flags | others) & does_more) | (flags & others & is_isolated_port);
    SETTLE(against);
    return against | (number(view(way->bridge_device) + IN(device_flags)) & is_promiscuous);
}

/// Programs, filters and police where the one takes in, but for this program, and where the other sends. 0 is none.
INLINE u64 programs(const struct way *way, const volatile char *from, const volatile char *to) {
    u64 against = whole(from + IN(device_programs_ingress)) ^ way->programs;
    SETTLE(against);
    against |= word(way->programs + second_program) | word(way->queueing);
    SETTLE(against);
    return against | whole(to + IN(device_programs_egress));
}

/// What there is of filters beside one, which is the only one of the only list of filters; and the one. 0 is nothing.
INLINE u64 filters_beside(u64 queueing, u64 *one) {
    u64 list = word(queueing + AT(queueing_filters)), first = word(list + AT(filters_root));
    *one = word(first);
    return word(list + AT(filters_next)) | (*one ^ word(first + 8));
}

/// What there is of filters where a port sends, beside the one that keeps its VLANs, which is to be there. 0 is nothing.
INLINE u64 filters_beside_guard(u64 queueing) {
    u64 filter, against = filters_beside(queueing, &filter);
    SETTLE(against);
    u64 program = word(filter - filter_list);
    return against | (number(view(word(program + AT(program_state))) + IN(program_number)) ^ (u32)(u64)&number_of_exit);
}

/// The same where this program is a filter: the only one of the only list of filters.
///
/// A kernel with tcx (Linux 6.6) has what came before it in there, next to the programs; before, there was nothing else.
INLINE u64 filters(const struct way *way, const volatile char *from, const volatile char *to, enum place place) {
    u64 against = whole(from + IN(device_programs_ingress)) ^ way->programs, queueing = way->programs;
    u64 one, queueing_out = way->programs_out;
    against |= whole(to + IN(device_programs_egress)) ^ way->programs_out;
    if ((u64)&has_tcx) {
        against |= word(way->programs) | word(way->programs_out);
        queueing_out = word(way->queueing_out);
        queueing = word(way->queueing);
    }
    SETTLE(against);
    against |= place == as_guard ? filters_beside_guard(queueing_out) : queueing_out;
    SETTLE(against);
    return against | filters_beside(queueing, &one);
}

/// What looks at frames where the one takes in, but for this program, or where the other sends, or delays them there:
/// programs, filters, netfilter, a queue, a tap. 0 is nothing.
INLINE u64 onlookers(const struct way *way, const volatile char *from, const volatile char *to, enum place place) {
    u64 against = place == as_program ? programs(way, from, to) : filters(way, from, to, place);
    SETTLE(against);
    against |= whole(from + IN(device_netfilter_ingress)) | whole(to + IN(device_netfilter_egress));
    SETTLE(against);
    against |= word(whole(to + IN(device_queueing)) + AT(queueing_function));
    SETTLE(against);
    return against | (whole(to + IN(device_taps)) ^ (way->to + AT(device_taps)));
}

/// Whether a way is still free: everything that may have changed since the maps were filled, as the kernel has it now.
///
/// What is in the way is added up, since a jump for each look costs more than the looks that it could spare.
INLINE int is_free(struct frame *frame, const struct way *way, enum place place) {
    const volatile char *from = view(device_of(frame)), *to = view(way->to);
    u64 against = number(view(way->net) + IN(net_sequence)) ^ way->sequence;
    const volatile char *inlet = view(whole(from + IN(device_handler_data)));
    const volatile char *outlet = view(whole(to + IN(device_handler_data)));
    against |= objections(way, inlet, outlet);
    SETTLE(against);
    against |= onlookers(way, from, to, place);
    SETTLE(against);
    // No rule can see a frame between ports of a bridge: of the bridge's own hooks, and through br_netfilter of IP's.
    const volatile char *hooks = view(way->net + AT(net_hooks_bridge)) + window;
    u64 first = whole(hooks + before_routing);
    against |= word(first + only_function) ^ way->before_routing;
    SETTLE(against);
    against |= word(whole(hooks + forwarding) + only_function) ^ way->forwarding;
    SETTLE(against);
    against |= word(whole(hooks + after_routing) + only_function) ^ way->after_routing;
    if (unlikely(against)) return 0;
    u64 options = word(way->bridge + AT(bridge_options));
    int asks_ip = first && !(way->flags & ignores_filter_of_ip && !(options & calls_filter));
    if (unlikely(asks_ip && rules_of_ip(way->net))) return 0;
    if (unlikely(options & filters_vlans && !are_in_one_vlan(inlet, outlet, (u16)(way->rest >> 48)))) return 0;
    return frame->segment_size || frame->length <= number(to + IN(device_mtu)) + header_length;
}

/// Finds the place where this processor counts what a link sends and receives; the number of places if there is none.
INLINE u32 place_of(u32 link) {
    u32 free = counts_count;
    for (u32 i = 0; i < most_probes; i++) {
        u32 place = (link + i) & (counts_count - 1);
        const struct count *count = map_lookup(counts, &place);
        if (!count) break;
        if (count->link == link) return place;
        if (free == counts_count && (!count->link || !map_lookup(ports, &count->link))) free = place;
        if (!count->link) break;
    }
    struct count *count = map_lookup(counts, &free);
    if (!count) return free;
    *count = (struct count){.link = link};
    return free;
}

/// Where the kernel has what filters and police there are beside programs (tcx); 0 where there are no programs either.
INLINE u64 queueing_of(u64 programs) {
    return programs ? word(programs + AT(entry_bundle)) - AT(tcx_bundle) + AT(tcx_queueing) : 0;
}

/// Finds what a way to a device depends on, and where the kernel has it.
INLINE int look_up(struct way *way, u64 from, u32 destination) {
    u64 net = word(from + AT(device_net));
    // First of all: what changes from here on is seen.
    way->sequence = (u32)word(net + AT(net_sequence));
    u64 to = device(net, destination);
    u64 inlet = word(from + AT(device_handler_data)), outlet = word(to + AT(device_handler_data));
    if (!to || word(inlet + AT(port_device)) != from || word(outlet + AT(port_device)) != to) return 0;
    const volatile char *hooks = view(net + AT(net_hooks_bridge)) + window;
    u64 first = whole(hooks + before_routing), second = whole(hooks + forwarding), third = whole(hooks + after_routing);
    if (rules_of(first) | rules_of(second) | rules_of(third)) return 0;
    way->before_routing = word(first + only_function);
    way->forwarding = word(second + only_function);
    way->after_routing = word(third + only_function);
    way->net = net;
    way->to = to;
    way->bridge = word(inlet + AT(port_bridge));
    way->bridge_device = word(way->bridge + AT(bridge_device));
    way->programs = word(from + AT(device_programs_ingress));
    way->queueing = queueing_of(way->programs);
    way->programs_out = word(to + AT(device_programs_egress));
    way->queueing_out = queueing_of(way->programs_out);
    way->destination = destination;
    return 1;
}

/// Finds out whether there can be a way for a frame. Sets all of it but what names the frame.
INLINE int find(struct frame *frame, struct way *way, const u8 *begin, const u8 *end, u64 renewal) {
    // Nothing to many: addresses are exact or not known.
    const u16 *header = (const u16 *)begin;
    u16 protocol = header[6];
    if (header[0] & 1 || (protocol != protocol4 && protocol != protocol6)) return 0;
    u32 link = frame->link;
    const struct port *port = map_lookup(ports, &link);
    if (!port || !(port->flags & may_use)) return 0;
    const u16 *own = (const u16 *)port->address;
    if (own[0] != header[3] || own[1] != header[4] || own[2] != header[5]) return 0;
    const u8 *packet = begin + header_length;
    if (port->flags & has_addresses && !has_own_address(port, packet, end, protocol, way->source)) return 0;
    struct station_key key = {port->bridge, port->vlan, {header[0], header[1], header[2]}};
    const struct station *station = map_lookup(stations, &key);
    if (!station || station->port == link || port->flags & station->flags & is_isolated) return 0;
    way->sent = place_of(link);
    way->received = place_of(station->port);
    struct count *count = map_lookup(counts, &way->sent);
    if (!count) return 0;
    // From time to time the bridge sees a frame, or it would forget behind which port the sender is.
    if (count->seen_by_bridge != renewal) {
        count->seen_by_bridge = renewal;
        return 0;
    }
    way->rest |= (u64)port->vlan << 48;
    way->flags = port->flags;
    way->renewal = renewal;
    return look_up(way, device_of(frame), station->port);
}

/// Counts a frame; not where meanwhile others are counted.
INLINE int add_up(const struct way *way, u32 length) {
    struct count *sent = map_lookup(counts, &way->sent), *received = map_lookup(counts, &way->received);
    if (!sent || !received || sent->link != way->link || received->link != way->destination) return 0;
    sent->sent_frames++;
    sent->sent_octets += length;
    received->received_frames++;
    received->received_octets += length;
    return 1;
}

INLINE int lead(struct frame *frame, enum place place) {
    enum { renewal_shift = 13 };  // 8192 ticks: 8 to 82 seconds
    const u8 *begin = (const u8 *)(long)frame->begin, *end = (const u8 *)(long)frame->end;
    if (begin + header_length > end || frame->has_tag) return passes;
    u64 header = *(const u64 *)begin, rest = *(const u32 *)(begin + 8) | (u64)*(const u16 *)(begin + 12) << 32;
    u64 now = jiffies() >> renewal_shift, changed = *(const volatile u64 *)generation;
    u32 link = frame->link, number = (link * 8 + (u32)(header >> 40)) & (ways_count - 1);
    struct way *way = map_lookup(ways, &number);
    if (!way) return passes;
    u64 differs = (way->header ^ header) | ((way->rest ^ rest) << 16) | (way->link ^ link);
    differs |= (way->generation ^ changed) | (way->renewal ^ now);
    int is_stranger = way->flags & has_addresses && !is_same_source(way, begin + header_length, end, rest >> 32);
    if (unlikely(differs) || unlikely(is_stranger)) {
        way->link = 0;
        way->rest = rest;
        if (!find(frame, way, begin, end, now)) return passes;
        way->header = header;
        way->generation = changed;
        way->link = link;
    }
    if (is_free(frame, way, place) && add_up(way, frame->length)) {
        // The host's end, where it came in, found another's address in it. Before Linux 6.15 that is kept, and IP at the
        // receiver takes no frames that are for others.
        change_kind(frame, for_us);
        return redirect_to_peer(way->destination, 0);
    }
    way->link = 0;
    return passes;
}

__attribute__((section("program"), used)) int take_shortcut(struct frame *frame) {
    return lead(frame, as_program);
}

__attribute__((section("filter"), used)) int filter_shortcut(struct frame *frame) {
    return lead(frame, as_filter);
}

/// Where a port takes frames in, and its bridge does not tell VLANs apart.
__attribute__((section("entry"), used)) int enter_vlan(struct frame *frame) {
    int verdict = lead(frame, as_guard);
    return verdict == passes ? admit(frame) : verdict;
}

/// Where it sends them.
__attribute__((section("exit"), used)) int leave_vlan(struct frame *frame) {
    return release(frame);
}

__attribute__((section("license"), used)) const char terms[] = "GPL";
