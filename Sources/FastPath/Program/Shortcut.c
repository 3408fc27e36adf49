// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Hands a container's frame straight to the container on the same bridge that it is for. Runs where a bridge port takes
// frames in, before the bridge sees them; whatever it is not sure about, the bridge gets as if there were no program.
// Cheap and likely reasons against come first.
#include "Kernel.h"

enum { has_addresses = 1 << 0, is_isolated = 1 << 1, ignores_filter_of_ip = 1 << 2, may_use = 1 << 3 };
enum { most_addresses = 4 };

/// Laid out as in PortEntry.swift; one for each processor, alike but for what is counted.
struct port {
    u32 bridge;
    u16 vlan;
    u16 flags;
    u8 address[6];
    u8 count4, count6;
    u32 addresses4[most_addresses];
    u64 addresses6[most_addresses][2];
    u64 frames, octets, seen_by_bridge;
};

/// Laid out as in PortEntry.swift.
struct station_key {
    u32 bridge;
    u16 vlan;
    u16 address[3];
};

struct station {
    u32 port;
    u32 flags;
    u64 frames, octets;
};

extern const char ports[], stations[];

/// A source address that the port may not use is the bridge's business: it has what drops it.
INLINE int has_own_address(const struct port *port, const u8 *packet, const u8 *end, u16 protocol) {
    if (protocol == protocol4) {
        if (packet + 20 > end) return 0;
        u32 source = *(const u32 *)(packet + 12);
        for (int i = 0; i < most_addresses; i++)
            if (i < port->count4 && port->addresses4[i] == source) return 1;
        return 0;
    }
    if (packet + 40 > end) return 0;
    u64 high, low;
    __builtin_memcpy(&high, packet + 8, 8);
    __builtin_memcpy(&low, packet + 16, 8);
    for (int i = 0; i < most_addresses; i++)
        if (i < port->count6 && port->addresses6[i][0] == high && port->addresses6[i][1] == low) return 1;
    return 0;
}

/// Whether a netfilter hook has at most one function, and that without rules of its own: br_netfilter's.
INLINE int is_idle(u64 hook) {
    if (!hook) return 1;
    u16 count = (u16)word(hook);
    return count == 0 || (count == 1 && word(hook + 16) == 0);
}

/// Whether no rule can see a frame between ports of a bridge: the bridge's own hooks, and through br_netfilter IP's.
INLINE int is_unfiltered(u64 net, u64 options, int ignores_ip) {
    enum { before_routing = 0, forwarding = 2, after_routing = 4, hook = 8 };
    u64 hooks = net + AT(net_hooks_bridge);
    u64 first = word(hooks + before_routing * hook);
    if (!is_idle(first) || !is_idle(word(hooks + forwarding * hook)) || !is_idle(word(hooks + after_routing * hook)))
        return 0;
    if (!first || (ignores_ip && !(options & calls_filter))) return 1;
    u64 hooks4 = net + AT(net_hooks4), hooks6 = net + AT(net_hooks6);
    return is_idle(word(hooks4 + before_routing * hook)) && !word(hooks4 + forwarding * hook)
        && !word(hooks4 + after_routing * hook) && is_idle(word(hooks6 + before_routing * hook))
        && !word(hooks6 + forwarding * hook) && !word(hooks6 + after_routing * hook);
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

/// Whether nothing looks at what a port takes in but this program: no other, no filter or police, no netfilter.
INLINE int takes_in_freely(u64 device) {
    if (word(device + AT(device_netfilter_ingress))) return 0;
    u64 bundle = word(word(device + AT(device_programs_ingress)) + AT(entry_bundle));
    return (u32)word(bundle + AT(bundle_count)) == 1 && !word(bundle - AT(tcx_bundle) + AT(tcx_queueing));
}

/// Whether nothing looks at what a port sends, or delays it: no queue, no program, no netfilter, no tap.
INLINE int sends_freely(u64 device) {
    enum : u64 { no_queue = 0x0065756575716f6eULL };  // "noqueue"
    if (word(device + AT(device_netfilter_egress)) || word(device + AT(device_programs_egress))) return 0;
    u64 operations = word(word(device + AT(device_queueing)) + AT(queueing_operations));
    if (word(operations + AT(operations_name)) != no_queue) return 0;
    return word(device + AT(device_taps)) == device + AT(device_taps);
}

/// Whether the bridge would send from one port to the other, now: both its own, forwarding, not isolated, in one VLAN.
INLINE int would_send(u64 from, u64 to, u64 bridge, u64 options, u16 vlan) {
    if (word(to + AT(port_bridge)) != bridge) return 0;
    if ((u8)word(from + AT(port_state)) != is_forwarding || (u8)word(to + AT(port_state)) != is_forwarding) return 0;
    u64 flags = word(from + AT(port_flags)), others = word(to + AT(port_flags));
    if ((flags | others) & does_more || (flags & others & is_isolated_port)) return 0;
    u32 state = (u32)word(word(bridge + AT(bridge_device)) + AT(device_flags));
    if ((state & (is_up | is_promiscuous)) != is_up) return 0;
    if (!(options & filters_vlans)) return 1;
    u16 own = (u16)word(word(from + AT(port_vlans)) + AT(vlans_own));
    return own != 0 && own == (u16)word(word(to + AT(port_vlans)) + AT(vlans_own)) && (vlan == 0 || own == vlan);
}

/// Everything that may have changed since the maps were filled, as the kernel has it at this moment.
INLINE int is_free(struct frame *frame, const struct port *port, u32 destination) {
    u64 from = word((u64)bpf_cast_to_kern_ctx(frame) + AT(skb_device));
    u64 net = word(from + AT(device_net));
    u64 to = device(net, destination);
    if (!to) return 0;
    u64 inlet = word(from + AT(device_handler_data)), outlet = word(to + AT(device_handler_data));
    if (word(inlet + AT(port_device)) != from || word(outlet + AT(port_device)) != to) return 0;
    u64 bridge = word(inlet + AT(port_bridge)), options = word(bridge + AT(bridge_options));
    if (!would_send(inlet, outlet, bridge, options, port->vlan)) return 0;
    if (!takes_in_freely(from) || !sends_freely(to)) return 0;
    if (!frame->segment_size && frame->length > (u32)word(to + AT(device_mtu)) + header_length) return 0;
    return is_unfiltered(net, options, port->flags & ignores_filter_of_ip);
}

__attribute__((section("program"), used)) int take_shortcut(struct frame *frame) {
    enum { renewal = 13 };  // 8192 ticks: 8 to 82 seconds
    const u8 *begin = (const u8 *)(long)frame->begin, *end = (const u8 *)(long)frame->end;
    if (begin + header_length > end) return passes;
    const u16 *header = (const u16 *)begin;
    // Nothing to many, and no tags: addresses are exact or not known.
    if (header[0] & 1 || frame->has_tag) return passes;
    u16 protocol = header[6];
    if (protocol != protocol4 && protocol != protocol6) return passes;
    u32 link = frame->link;
    struct port *port = map_lookup(ports, &link);
    if (!port || !(port->flags & may_use)) return passes;
    const u16 *own = (const u16 *)port->address;
    if (own[0] != header[3] || own[1] != header[4] || own[2] != header[5]) return passes;
    if (port->flags & has_addresses && !has_own_address(port, begin + header_length, end, protocol)) return passes;
    struct station_key key = {port->bridge, port->vlan, {header[0], header[1], header[2]}};
    struct station *station = map_lookup(stations, &key);
    if (!station || station->port == link || port->flags & station->flags & is_isolated) return passes;
    // From time to time the bridge sees a frame, or it would forget behind which port the sender is.
    u64 now = jiffies() >> renewal;
    if (port->seen_by_bridge != now) {
        port->seen_by_bridge = now;
        return passes;
    }
    if (!is_free(frame, port, station->port)) return passes;
    port->frames++;
    port->octets += frame->length;
    station->frames++;
    station->octets += frame->length;
    return redirect_to_peer(station->port, 0);
}

__attribute__((section("license"), used)) const char terms[] = "GPL";
