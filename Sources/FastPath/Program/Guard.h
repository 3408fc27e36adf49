// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Keeps VLANs apart at the ports of a bridge that does not. Within the bridge a frame bears the tag of its VLAN, but for the
// default VLAN, 1: whose frames have none, or one without a VLAN (a priority's), as those of ports that nobody guards.
//
// What becomes of a frame is what a bridge that tells VLANs apart would do: IEEE 802.1Q, 8.6.1, 8.8.2. Only the outermost tag
// counts, and only one of 802.1Q; what bears one of 802.1ad has none.
#pragma once
#include "Kernel.h"

enum { default_vlan = 1, most_vlans = 4096, vlan_mask = 0x0fff, priority_mask = 0xf000 };
enum { tag_protocol = 0x0081, header_with_tag = 16 };  // ETH_P_8021Q, as read by a little-endian machine

/// Laid out as in FastPathGuard.swift.
struct guard {
    u64 members[most_vlans / 64];
    u64 untagged[most_vlans / 64];
    u16 native;  // 0 is none
    u16 padding[3];
};

extern const char guards[];

INLINE int is_in(const u64 *vlans, u32 vlan) {
    return vlans[(vlan & vlan_mask) >> 6] >> (vlan & 63) & 1;
}

/// The outermost tag: what the kernel has put aside of the frame, or, of a raw frame of the host, what is in it still. -1 is
/// none, -2 one that cannot be read.
INLINE int tag_of(const struct frame *frame) {
    if (frame->has_tag) return frame->tag_protocol == tag_protocol ? (int)(frame->tag & 0xffff) : -1;
    if ((u16)frame->protocol != tag_protocol) return -1;
    const u8 *begin = (const u8 *)(long)frame->begin, *end = (const u8 *)(long)frame->end;
    if (begin + header_with_tag > end) return -2;
    return __builtin_bswap16(*(const u16 *)(begin + header_length));
}

/// Gives a frame another tag in place of the one it has, or of none.
INLINE int tag_anew(struct frame *frame, int tag, u16 vlan) {
    if (tag >= 0 && pop_tag(frame)) return drops;
    return push_tag(frame, tag_protocol, tag < 0 ? vlan : (tag & priority_mask) | vlan) ? drops : passes;
}

/// What the bridge is to get from a port.
INLINE int admit(struct frame *frame) {
    u32 link = frame->link;
    const struct guard *guard = map_lookup(guards, &link);
    int tag = tag_of(frame);
    if (!guard || tag == -2) return drops;
    u16 vlan = tag < 0 ? 0 : tag & vlan_mask;
    if (!vlan) {
        // Never taken off in the default VLAN: another tag may be below it, which would become the outermost.
        if (guard->native == default_vlan) return passes;
        return guard->native ? tag_anew(frame, tag, guard->native) : drops;
    }
    if (!is_in(guard->members, vlan)) return drops;
    return vlan == default_vlan ? tag_anew(frame, tag, 0) : passes;
}

/// What a port is to send of what the bridge has for it.
INLINE int release(struct frame *frame) {
    u32 link = frame->link;
    const struct guard *guard = map_lookup(guards, &link);
    int tag = tag_of(frame);
    if (!guard || tag == -2) return drops;
    u16 vlan = tag < 0 ? 0 : tag & vlan_mask;
    if (!vlan) vlan = default_vlan;
    if (!is_in(guard->members, vlan)) return drops;
    if (is_in(guard->untagged, vlan)) return tag >= 0 && pop_tag(frame) ? drops : passes;
    return vlan == default_vlan ? tag_anew(frame, tag, vlan) : passes;
}
