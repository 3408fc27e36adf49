// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

// linux/if_tun.h from 6.2 on
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
// linux/if_packet.h from 4.20 on
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static int refuse(int descriptor) {
    int error = errno;
    close(descriptor);
    return -error;
}

int culvert_attach_tap(const char *name) {
    struct ifreq request = {0};
    if (strlen(name) >= IFNAMSIZ) return -EINVAL;
    strcpy(request.ifr_name, name);
    // A descriptor is of the namespace in which it was opened.
    int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return -errno;
    // Attaching to a link that is not there would make it, until the descriptor is closed.
    int query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (query < 0) return refuse(descriptor);
    int found = ioctl(query, SIOCGIFINDEX, &request);
    int error = errno;
    close(query);
    if (found != 0) {
        close(descriptor);
        return -error;
    }
    memset(&request.ifr_ifru, 0, sizeof request.ifr_ifru);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (ioctl(descriptor, TUNSETIFF, &request) != 0) return refuse(descriptor);
    int size = CULVERT_FRAME_HEADER;
    if (ioctl(descriptor, TUNSETVNETHDRSZ, &size) != 0) return refuse(descriptor);
    unsigned long offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    // Whole datagrams of UDP are a thing of newer kernels.
    if (ioctl(descriptor, TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6) == 0) return descriptor;
    if (ioctl(descriptor, TUNSETOFFLOAD, offloads) != 0) return refuse(descriptor);
    return descriptor;
}

// Frames of an ordinary link fit into a place, with what the kernel says of them.
enum { ring_place = 2048, ring_places = 2048, ring_block = 1 << 16 };

// Has the socket's frames put into memory that is shared with the kernel. What is too long for a place is cut there, and
// waits whole as messages do. Without memory for it all of them do.
static void open_ring(int descriptor, struct culvert_frame_ring *ring) {
    int version = TPACKET_V2, one = 1;
    struct tpacket_req request = {
        .tp_block_size = ring_block,
        .tp_block_nr = ring_places * ring_place / ring_block,
        .tp_frame_size = ring_place,
        .tp_frame_nr = ring_places};
    if (setsockopt(descriptor, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
        setsockopt(descriptor, SOL_PACKET, PACKET_COPY_THRESH, &one, sizeof one) != 0 ||
        setsockopt(descriptor, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0)
        return;
    void *octets =
        mmap(NULL, (size_t)ring_places * ring_place, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (octets != MAP_FAILED) {
        ring->octets = octets;
        return;
    }
    // Nobody would look there.
    memset(&request, 0, sizeof request);
    (void)setsockopt(descriptor, SOL_PACKET, PACKET_RX_RING, &request, sizeof request);
}

void culvert_close_frame_ring(struct culvert_frame_ring *ring) {
    if (ring->octets != NULL) munmap(ring->octets, (size_t)ring_places * ring_place);
    ring->octets = NULL;
}

int culvert_open_link_frames(const char *name, struct culvert_frame_ring *ring) {
    *ring = (struct culvert_frame_ring){0};
    unsigned index = if_nametoindex(name);
    if (index == 0) return -errno;
    // Not past the queue (PACKET_QDISC_BYPASS): what the link cannot cut into segments itself would be dropped there.
    // With a protocol of its own it would hear every link before it is bound to one.
    int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    int yes = 1;
    struct packet_mreq all = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
    struct sockaddr_ll place = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    int size = 4 << 20;
    if (setsockopt(descriptor, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes) != 0 ||
        setsockopt(descriptor, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof yes) != 0 ||
        setsockopt(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) != 0 ||
        setsockopt(descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0)
        return refuse(descriptor);
    open_ring(descriptor, ring);
    if (bind(descriptor, (struct sockaddr *)&place, sizeof place) != 0) {
        culvert_close_frame_ring(ring);
        return refuse(descriptor);
    }
    // Worth having; less does as well.
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return descriptor;
}

uint32_t culvert_link_index(const char *name) {
    return if_nametoindex(name);
}

// Where struct virtio_net_hdr says how long the headers are, and where what is to be summed begins.
static void shift_header(unsigned char *header, int distance) {
    for (int offset = 2; offset <= 6; offset += 4) {
        uint16_t value;
        memcpy(&value, header + offset, sizeof value);
        // Headers of no length, and no checksum to make, stay so.
        if (offset == 2 ? value == 0 : (header[0] & 1) == 0) continue;
        value = (uint16_t)(value + distance);
        memcpy(header + offset, &value, sizeof value);
    }
}

// Puts back the tag that the kernel took out of a frame with its header: it begins four octets earlier then.
static void put_tag(unsigned char *buffer, uint16_t protocol, uint16_t control) {
    uint16_t tag[2] = {htons(protocol), htons(control)};
    memmove(buffer - 4, buffer, CULVERT_FRAME_HEADER + 12);
    memcpy(buffer - 4 + CULVERT_FRAME_HEADER + 12, tag, sizeof tag);
    shift_header(buffer - 4, 4);
}

// The tag's kind, where the kernel says it.
static uint16_t tag_protocol(uint32_t status, uint16_t protocol) {
    return (status & TP_STATUS_VLAN_TPID_VALID) != 0 ? protocol : ETH_P_8021Q;
}

static ssize_t receive_message(int descriptor, void *buffer, size_t count, int *start) {
    union {
        char octets[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        struct cmsghdr header;
    } control;
    struct iovec part = {.iov_base = buffer, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(descriptor, &message, 0);
    if (length < 0) return -errno;
    if (length < CULVERT_FRAME_HEADER + 14) return length;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
        struct tpacket_auxdata facts;
        memcpy(&facts, CMSG_DATA(part), sizeof facts);
        if ((facts.tp_status & TP_STATUS_VLAN_VALID) == 0) continue;
        put_tag(buffer, tag_protocol(facts.tp_status, facts.tp_vlan_tpid), facts.tp_vlan_tci);
        *start = -4;
        return length + 4;
    }
    return length;
}

// Copies what is whole in its place: less than the call that it saves. Returns 0 for what is not.
static ssize_t copy_place(const struct tpacket2_hdr *place, uint32_t status, void *buffer, size_t count, int *start) {
    size_t length = (size_t)place->tp_snaplen + CULVERT_FRAME_HEADER;
    if (place->tp_snaplen != place->tp_len || place->tp_mac < CULVERT_FRAME_HEADER || length > count ||
        place->tp_mac + (size_t)place->tp_snaplen > ring_place)
        return 0;
    memcpy(buffer, (const unsigned char *)place + place->tp_mac - CULVERT_FRAME_HEADER, length);
    if ((status & TP_STATUS_VLAN_VALID) == 0 || place->tp_snaplen < 14) return (ssize_t)length;
    put_tag(buffer, tag_protocol(status, place->tp_vlan_tpid), place->tp_vlan_tci);
    *start = -4;
    return (ssize_t)length + 4;
}

ssize_t culvert_receive_link_frame(
    int descriptor, struct culvert_frame_ring *ring, void *buffer, size_t count, int *start) {
    *start = 0;
    while (ring->octets != NULL) {
        struct tpacket2_hdr *place = (void *)(ring->octets + (size_t)ring->next * ring_place);
        uint32_t status = __atomic_load_n(&place->tp_status, __ATOMIC_ACQUIRE);
        if ((status & TP_STATUS_USER) == 0) break;
        ssize_t length = copy_place(place, status, buffer, count, start);
        __atomic_store_n(&place->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        ring->next = (ring->next + 1) % ring_places;
        if (length > 0) return length;
        // Cut, since there was no room for it among the messages either.
        if ((status & TP_STATUS_COPY) == 0) return 0;
        length = receive_message(descriptor, buffer, count, start);
        // It may have been read already, where the ring was found empty just before it came.
        if (length != -EAGAIN) return length;
    }
    // Tells as well that the link went down.
    return receive_message(descriptor, buffer, count, start);
}

long culvert_processors(void) {
    return sysconf(_SC_NPROCESSORS_ONLN);
}

int culvert_raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : errno;
}

int culvert_open_gathering(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int culvert_gather(int gathering, int descriptor, uint64_t key, int is_writing, int is_known) {
    struct epoll_event event = {.events = is_writing ? EPOLLOUT : EPOLLIN, .data = {.u64 = key}};
    return epoll_ctl(gathering, is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : errno;
}

void culvert_leave_gathering(int gathering, int descriptor) {
    struct epoll_event event = {0};
    (void)epoll_ctl(gathering, EPOLL_CTL_DEL, descriptor, &event);
}

int culvert_wait_gathering(int gathering, uint64_t *keys, uint32_t *flags, int count, int milliseconds) {
    struct epoll_event events[64];
    int found = epoll_wait(gathering, events, count < 64 ? count : 64, milliseconds);
    if (found < 0) return errno == EINTR ? 0 : -errno;
    for (int index = 0; index < found; index++) {
        keys[index] = events[index].data.u64;
        flags[index] = (events[index].events & EPOLLIN ? 1u : 0u) | (events[index].events & EPOLLOUT ? 2u : 0u) |
                       (events[index].events & (EPOLLERR | EPOLLHUP) ? 4u : 0u);
    }
    return found;
}

long long culvert_peer_user(int descriptor) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -errno;
    return peer.uid;
}
