// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CTaps.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BURST = 64,
    /// A frame of 1500 octets with two tags, and room to put one back.
    FRAME = 2048,
    TAG = 4,
    ADDRESSES = 12,
};

int culvert_stay_on_processor(void) {
    cpu_set_t processors;
    int here = sched_getcpu();
    if (here < 0) return errno;
    CPU_ZERO(&processors);
    CPU_SET(here, &processors);
    return sched_setaffinity(0, sizeof processors, &processors) == 0 ? 0 : errno;
}

static int listen_to(int taps, uint32_t first, uint32_t last) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
    struct sockaddr_ll every = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int on = 1, room = 32 << 20;
    // Without the privilege for more there is the usual room, and an answer when it was too little.
    setsockopt(taps, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (setsockopt(taps, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0
        || setsockopt(taps, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0
        || setsockopt(taps, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0
        || bind(taps, (struct sockaddr *)&every, sizeof every) != 0)
        return errno;
    return 0;
}

int culvert_open_taps(uint32_t first, uint32_t last) {
    // Of no protocol: nothing is heard before the filter is there.
    int taps = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (taps < 0) return -errno;
    int problem = listen_to(taps, first, last);
    if (problem == 0) return taps;
    close(taps);
    return -problem;
}

size_t culvert_inject(
    int taps, const uint8_t *memory, const struct culvert_tapped_frame *frames, size_t count, int *problem) {
    struct mmsghdr messages[BURST];
    struct iovec pieces[BURST];
    struct sockaddr_ll links[BURST];
    size_t sent = 0;
    *problem = 0;
    while (sent < count) {
        unsigned burst = count - sent < BURST ? (unsigned)(count - sent) : BURST;
        memset(messages, 0, sizeof *messages * burst);
        memset(links, 0, sizeof *links * burst);
        for (unsigned i = 0; i < burst; i++) {
            const struct culvert_tapped_frame *frame = &frames[sent + i];
            pieces[i] = (struct iovec){(void *)(memory + frame->offset), frame->length};
            links[i].sll_family = AF_PACKET;
            links[i].sll_ifindex = (int)frame->link;
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &links[i], .msg_namelen = sizeof links[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
        }
        int done = sendmmsg(taps, messages, burst, 0);
        // The other end of the pair is down: that the first frame is lost there is what becomes of it.
        if (done < 0 && errno == ENOBUFS) done = 1;
        if (done <= 0) {
            if (errno == EINTR) continue;
            *problem = errno;
            return sent;
        }
        sent += (unsigned)done;
    }
    return sent;
}

/// The tag that the kernel took out of a frame when it came; NULL when there is none.
static const struct tpacket_auxdata *tag_of(struct msghdr *message) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
        const struct tpacket_auxdata *data = (const struct tpacket_auxdata *)CMSG_DATA(part);
        return data->tp_status & TP_STATUS_VLAN_VALID ? data : NULL;
    }
    return NULL;
}

/// Puts a tag back; there is room for it behind the frame.
static void put_back(uint8_t *frame, uint32_t length, const struct tpacket_auxdata *tag) {
    int has_protocol = tag->tp_status & TP_STATUS_VLAN_TPID_VALID;
    uint16_t protocol = htons(has_protocol ? tag->tp_vlan_tpid : ETH_P_8021Q), control = htons(tag->tp_vlan_tci);
    memmove(frame + ADDRESSES + TAG, frame + ADDRESSES, length - ADDRESSES);
    memcpy(frame + ADDRESSES, &protocol, sizeof protocol);
    memcpy(frame + ADDRESSES + sizeof protocol, &control, sizeof control);
}

ssize_t culvert_collect(
    int taps, uint8_t *memory, size_t capacity, struct culvert_tapped_frame *frames, size_t count) {
    struct mmsghdr messages[BURST];
    struct iovec pieces[BURST];
    struct sockaddr_ll links[BURST];
    _Alignas(struct cmsghdr) uint8_t extras[BURST][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    size_t come = 0;
    if (capacity / FRAME < count) count = capacity / FRAME;
    while (come < count) {
        unsigned burst = count - come < BURST ? (unsigned)(count - come) : BURST;
        memset(messages, 0, sizeof *messages * burst);
        for (unsigned i = 0; i < burst; i++) {
            pieces[i] = (struct iovec){memory + (come + i) * FRAME, FRAME - TAG};
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &links[i], .msg_namelen = sizeof links[i], .msg_iov = &pieces[i], .msg_iovlen = 1,
                .msg_control = extras[i], .msg_controllen = sizeof extras[i]};
        }
        int done = recvmmsg(taps, messages, burst, MSG_DONTWAIT, NULL);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && errno != EAGAIN) return -errno;
        for (int i = 0; i < done; i++) {
            uint8_t *frame = memory + (come + (size_t)i) * FRAME;
            const struct tpacket_auxdata *tag = tag_of(&messages[i].msg_hdr);
            uint32_t length = messages[i].msg_len;
            if (tag) put_back(frame, length, tag);
            frames[come + (size_t)i] = (struct culvert_tapped_frame){
                (uint32_t)links[i].sll_ifindex, (uint32_t)(frame - memory), tag ? length + TAG : length};
        }
        if (done > 0) come += (unsigned)done;
        if (done < (int)burst) break;
    }
    struct tpacket_stats lost = {0};
    socklen_t size = sizeof lost;
    if (getsockopt(taps, SOL_PACKET, PACKET_STATISTICS, &lost, &size) == 0 && lost.tp_drops > 0) return -ENOBUFS;
    return (ssize_t)come;
}

int culvert_await_frames(int taps, int milliseconds) {
    struct pollfd wanted = {.fd = taps, .events = POLLIN};
    int ready = poll(&wanted, 1, milliseconds);
    return ready < 0 ? (errno == EINTR ? 0 : -errno) : ready > 0;
}
