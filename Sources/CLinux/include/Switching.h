// SPDX-License-Identifier: Apache-2.0
// Frames for a switch in user space: taps and links of the host, and waiting for many of them.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// How many octets stand before each frame of these descriptors: struct virtio_net_hdr.
#define CULVERT_FRAME_HEADER 10

/// Attaches to a persistent tap of the caller's network namespace, with headers that say what of a frame's checksums
/// and segments is still to be made (IFF_VNET_HDR, TUNSETOFFLOAD). The namespace lives as long as the descriptor.
/// Returns a descriptor that never waits, close-on-exec; or a negative errno: ENODEV when there is no such link, EBUSY
/// when another process is attached.
int culvert_attach_tap(const char *name);

/// Memory that a packet(7) socket and the kernel share (PACKET_RX_RING, TPACKET_V2): frames come without a call for each.
/// Not TPACKET_V3: it hands over whole blocks, and waits up to a millisecond until one is full.
struct culvert_frame_ring {
    /// NULL when there is none.
    unsigned char *octets;
    /// The place of the next frame.
    uint32_t next;
};

/// A packet(7) socket for all frames of a link of the caller's network namespace, with headers as above
/// (PACKET_VNET_HDR), which does not see what it sent itself. The link becomes promiscuous as long as it is open.
/// Frames that fit into 2 KiB come through the ring, where there is memory for it: 4 MiB.
/// Returns a descriptor that never waits, close-on-exec; or a negative errno.
int culvert_open_link_frames(const char *name, struct culvert_frame_ring *ring);

/// Gives the ring's memory back; the descriptor is closed apart.
void culvert_close_frame_ring(struct culvert_frame_ring *ring);

/// The index of a link of the caller's network namespace; 0 when there is none.
uint32_t culvert_link_index(const char *name);

/// Takes one frame with its header: from the ring, or by recvmsg(2) when it is too long for it. The kernel takes a
/// VLAN's tag out of it; here it is put back, for which four octets before the buffer have to be free: then *start is -4
/// instead of 0. Returns the length from *start on, 0 for a frame that was lost, or a negative errno.
ssize_t culvert_receive_link_frame(
    int descriptor, struct culvert_frame_ring *ring, void *buffer, size_t count, int *start);

/// Has this process open as many files as it may at most: RLIMIT_NOFILE's soft limit becomes the hard one. Returns 0, or
/// the errno.
int culvert_raise_file_limit(void);

/// epoll_create1(2), close-on-exec. Returns a descriptor, or a negative errno.
int culvert_open_gathering(void);

/// epoll_ctl(2): waits for what can be read, or also for room to write, and hands back the key; known says whether the
/// descriptor is among the others already. Returns 0, or the errno.
int culvert_gather(int gathering, int descriptor, uint64_t key, int is_writing, int is_known);

/// epoll_ctl(2): waits for it no longer.
void culvert_leave_gathering(int gathering, int descriptor);

/// epoll_wait(2); a negative time waits for ever. A flag of 1 says that there is something to read, 2 that there is room
/// to write, 4 that the other end is gone. Returns how many there are, 0 also when a signal came, or a negative errno.
int culvert_wait_gathering(int gathering, uint64_t *keys, uint32_t *flags, int count, int milliseconds);

/// How many processors there are that are in use.
long culvert_processors(void);

/// The user at the other end of a local stream socket (SO_PEERCRED). Returns the user's number, or a negative errno.
long long culvert_peer_user(int descriptor);
