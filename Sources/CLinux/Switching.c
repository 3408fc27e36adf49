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

int culvert_open_link_frames(const char *name) {
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
        setsockopt(descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
        bind(descriptor, (struct sockaddr *)&place, sizeof place) != 0)
        return refuse(descriptor);
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

ssize_t culvert_receive_link_frame(int descriptor, void *buffer, size_t count, int *start) {
    union {
        char octets[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        struct cmsghdr header;
    } control;
    struct iovec part = {.iov_base = buffer, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(descriptor, &message, 0);
    *start = 0;
    if (length < 0) return -errno;
    if (length < CULVERT_FRAME_HEADER + 14) return length;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
        struct tpacket_auxdata facts;
        memcpy(&facts, CMSG_DATA(part), sizeof facts);
        if ((facts.tp_status & TP_STATUS_VLAN_VALID) == 0) continue;
        uint16_t type = (facts.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? facts.tp_vlan_tpid : ETH_P_8021Q;
        uint16_t tag[2] = {htons(type), htons(facts.tp_vlan_tci)};
        unsigned char *frame = (unsigned char *)buffer - 4;
        memmove(frame, buffer, CULVERT_FRAME_HEADER + 12);
        memcpy(frame + CULVERT_FRAME_HEADER + 12, tag, sizeof tag);
        shift_header(frame, 4);
        *start = -4;
        return length + 4;
    }
    return length;
}

long culvert_processors(void) {
    return sysconf(_SC_NPROCESSORS_ONLN);
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
