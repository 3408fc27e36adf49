// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What the shortcut knows of the kernel. What differs between kernels is not here but a name without a value, which the
// loader fills in from the kernel's own description of its types (BTF).
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define INLINE static inline __attribute__((always_inline))

/// The beginning of what a program of traffic control is told of a frame (linux/bpf.h, struct __sk_buff).
struct frame {
    u32 length, kind, mark, queue, protocol, has_tag, tag, tag_protocol, priority, ingress, link, index;
    u32 scratch[5];
    u32 hash, class, begin, end, poll, family, remote4, local4;
    u32 remote6[4], local6[4];
    u32 remote_port, local_port, metadata;
    u64 keys __attribute__((aligned(8)));
    u64 stamp;
    u32 wire_length, segments;
    u64 socket __attribute__((aligned(8)));
    u32 segment_size;
};

/// Helpers, by their numbers (linux/bpf.h, enum bpf_func_id).
static void *(*const map_lookup)(const void *map, const void *key) = (void *)1;
static u64 (*const jiffies)(void) = (void *)118;
static long (*const push_tag)(struct frame *frame, u16 protocol, u16 tag) = (void *)18;
static long (*const pop_tag)(struct frame *frame) = (void *)19;
static long (*const change_kind)(struct frame *frame, u32 kind) = (void *)32;
static long (*const redirect_to_peer)(u32 link, u64 flags) = (void *)155;

/// Functions of the kernel that its compiler of programs replaces by a move, from Linux 6.2 on.
extern void *bpf_cast_to_kern_ctx(struct frame *frame);
extern void *bpf_rdonly_cast(const void *address, u32 type);

#define unlikely(condition) __builtin_expect(!!(condition), 0)

/// struct nf_hook_entries: the first function's own (priv), and, if there is but one, where it comes from (orig_ops).
enum { own_rules = 16, only_function = 24 };
enum { second_program = 8 };                               // bpf_mprog_entry.fp_items[1]
enum { before_routing = 0, forwarding = 2 * 8, after_routing = 4 * 8 };  // NF_INET_…, where a hook is
enum { filter_list = 8 };                                   // cls_bpf_prog.link, behind .filter
enum { passes = -1, drops = 2 };                            // TC_ACT_UNSPEC, TC_ACT_SHOT
enum { for_us = 0 };                                        // PACKET_HOST
enum { is_up = 1, is_promiscuous = 0x100 };                 // IFF_UP, IFF_PROMISC
enum { is_forwarding = 3 };                                 // BR_STATE_FORWARDING
enum { header_length = 14, protocol4 = 0x0008, protocol6 = 0xdd86 };  // as read by a little-endian machine

/// BR_PROXYARP, BR_PROXYARP_WIFI, BR_VLAN_TUNNEL, BR_NEIGH_SUPPRESS, BR_PORT_LOCKED, BR_PORT_MAB and
/// BR_NEIGH_VLAN_SUPPRESS: the bridge does more with such a port's frames than to send them on.
enum { does_more = 1 << 8 | 1 << 10 | 1 << 13 | 1 << 15 | 1 << 21 | 1 << 22 | 1 << 23 };
enum { is_isolated_port = 1 << 16 };                        // BR_ISOLATED
enum { filters_vlans = 1 << 0, calls_filter = 3 << 2 };     // BROPT_VLAN_ENABLED, BROPT_NF_CALL_IPTABLES, …_IP6TABLES

/// Where a kernel keeps a member: the octets from the beginning of its structure. An absent one lies at 0.
#define AT(member) ((u64)&at_##member)
extern const char at_skb_device[], at_device_net[], at_device_index[], at_device_node[], at_device_flags[];
extern const char at_device_mtu[], at_device_handler_data[], at_device_netfilter_ingress[];
extern const char at_device_netfilter_egress[], at_device_programs_ingress[], at_device_programs_egress[];
extern const char at_device_queueing[], at_device_taps[], at_queueing_function[];
extern const char at_net_devices[], at_net_sequence[], at_net_hooks_bridge[], at_net_hooks4[], at_net_hooks6[];
extern const char at_port_bridge[], at_port_device[], at_port_state[], at_port_flags[], at_port_vlans[], at_vlans_own[];
extern const char at_bridge_device[], at_bridge_options[];
extern const char at_entry_bundle[], at_tcx_bundle[], at_tcx_queueing[];
extern const char at_queueing_filters[], at_filters_next[], at_filters_root[];
extern const char at_program_state[], at_program_number[];
/// 1 on a kernel with tcx, otherwise 0.
extern const char has_tcx[] __attribute__((weak));
/// The number of a type of the kernel with many octets in it (struct kobj_uevent_env), and where they are: seen as one,
/// memory can be read in any size.
extern const char type_of_window[];
enum { window = 540 };

/// Where a member of what is viewed is.
#define IN(member) ((u64)(at_##member + window))

/// Kernel memory to read from, 2048 octets from an address on; where there is none, zeros are read.
INLINE const volatile char *view(u64 address) {
    return bpf_rdonly_cast((const void *)(address - window), (u32)(u64)&type_of_window);
}

INLINE u8 octet(const volatile char *view) {
    return *(const volatile u8 *)view;
}

INLINE u16 half(const volatile char *view) {
    return *(const volatile u16 *)view;
}

INLINE u32 number(const volatile char *view) {
    return *(const volatile u32 *)view;
}

INLINE u64 whole(const volatile char *view) {
    return *(const volatile u64 *)view;
}

/// Reads 64 bits of the kernel's memory.
INLINE u64 word(u64 address) {
    return whole(view(address) + window);
}
