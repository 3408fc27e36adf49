// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Only the first fragment has a UDP header, so only packets that are none pass. Offsets are from the IPv4 header on.
static struct sock_filter client_port[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static int refuse(int descriptor) {
    int error = errno;
    close(descriptor);
    return -error;
}

int culvert_open_client_packets(int link) {
    // Without a protocol nothing arrives before the filter is there.
    int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    struct sock_fprog filter = {.len = sizeof client_port / sizeof *client_port, .filter = client_port};
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = link};
    int yes = 1;
    if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0 ||
        setsockopt(descriptor, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof yes) != 0 ||
        bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        return refuse(descriptor);
    return descriptor;
}

ssize_t culvert_receive_packet(int descriptor, void *buffer, size_t count, unsigned char *sender, int *has_checksum) {
    union {
        char octets[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        struct cmsghdr header;
    } control;
    struct sockaddr_ll address = {0};
    struct iovec data = {.iov_base = buffer, .iov_len = count};
    struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = sizeof address,
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = control.octets,
        .msg_controllen = sizeof control.octets,
    };
    ssize_t length = recvmsg(descriptor, &message, 0);
    if (length < 0) return -errno;
    memset(sender, 0, 6);
    if (address.sll_halen == 6) memcpy(sender, address.sll_addr, 6);
    *has_checksum = 1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_PACKET || header->cmsg_type != PACKET_AUXDATA) continue;
        struct tpacket_auxdata facts;
        memcpy(&facts, CMSG_DATA(header), sizeof facts);
        *has_checksum = (facts.tp_status & TP_STATUS_CSUMNOTREADY) == 0;
    }
    return length;
}

int culvert_send_packet(int descriptor, int link, const void *packet, size_t count, const unsigned char *receiver) {
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_IP),
        .sll_ifindex = link,
        .sll_halen = 6,
    };
    memcpy(address.sll_addr, receiver, 6);
    ssize_t sent = sendto(descriptor, packet, count, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address);
    return sent < 0 ? errno : 0;
}

static struct sockaddr_in internet(const unsigned char *address, uint16_t port) {
    struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&result.sin_addr, address, 4);
    return result;
}

int culvert_open_datagrams(const unsigned char *address, uint16_t port, const char *link) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    struct sockaddr_in place = internet(address, port);
    int yes = 1;
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, link, (socklen_t)strlen(link)) != 0 ||
        bind(descriptor, (struct sockaddr *)&place, sizeof place) != 0)
        return refuse(descriptor);
    return descriptor;
}

int culvert_send_datagram(int descriptor, const void *payload, size_t count, const unsigned char *address, uint16_t port) {
    struct sockaddr_in place = internet(address, port);
    ssize_t sent = sendto(descriptor, payload, count, MSG_NOSIGNAL, (struct sockaddr *)&place, sizeof place);
    return sent < 0 ? errno : 0;
}

int culvert_listen_local(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    // The file is made with these permissions: nobody else finds it open for a moment.
    mode_t before = umask(0177);
    int result = bind(descriptor, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    umask(before);
    errno = error;
    if (result != 0 || listen(descriptor, 1024) != 0) return refuse(descriptor);
    return descriptor;
}

int culvert_adopt_descriptor(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) return errno;
    return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 ? 0 : errno;
}

ssize_t culvert_local_path(int descriptor, char *path, size_t count) {
    struct sockaddr_un address = {0};
    socklen_t length = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0) return -errno;
    if (address.sun_family != AF_UNIX) return -EAFNOSUPPORT;
    size_t used = strnlen(address.sun_path, sizeof address.sun_path);
    if (used >= count) return -ENAMETOOLONG;
    memcpy(path, address.sun_path, used);
    path[used] = '\0';
    return (ssize_t)used;
}

int culvert_accept(int descriptor) {
    int accepted = accept4(descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return accepted < 0 ? -errno : accepted;
}

int culvert_open_farewells(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -errno;
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int culvert_become(const char *path, char *const *arguments) {
    execv(path, arguments);
    return errno;
}

int culvert_open_datagrams6(uint16_t port, const char *link) {
    int descriptor = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    struct sockaddr_in6 place = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int yes = 1;
    if (setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) != 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, link, (socklen_t)strlen(link)) != 0 ||
        bind(descriptor, (struct sockaddr *)&place, sizeof place) != 0)
        return refuse(descriptor);
    return descriptor;
}

int culvert_send_datagram6(
    int descriptor, int link, const void *payload, size_t count, const unsigned char *address, uint16_t port) {
    struct sockaddr_in6 place = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = (uint32_t)link};
    memcpy(&place.sin6_addr, address, 16);
    ssize_t sent = sendto(descriptor, payload, count, MSG_NOSIGNAL, (struct sockaddr *)&place, sizeof place);
    return sent < 0 ? errno : 0;
}

int culvert_send_local_datagram(const char *path, const void *payload, size_t count) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path) return ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return errno;
    ssize_t sent = sendto(
        descriptor, payload, count, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address);
    int result = sent < 0 ? errno : 0;
    close(descriptor);
    return result;
}

void culvert_log_time(long long seconds, char text[16]) {
    time_t moment = (time_t)seconds;
    struct tm parts;
    memset(&parts, 0, sizeof parts);
    localtime_r(&moment, &parts);
    if (strftime(text, 16, "%b %e %H:%M:%S", &parts) == 0) text[0] = 0;
}

int culvert_connect_stream(const unsigned char *address, int length, uint16_t port, unsigned milliseconds) {
    struct sockaddr_in old = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 new = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int is_old = length == 4;
    if (is_old) memcpy(&old.sin_addr, address, 4);
    else memcpy(&new.sin6_addr, address, 16);
    int descriptor = socket(is_old ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    struct timeval bound = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    int result = setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
    if (result == 0) result = setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    if (result == 0)
        result = is_old ? connect(descriptor, (struct sockaddr *)&old, sizeof old)
                        : connect(descriptor, (struct sockaddr *)&new, sizeof new);
    if (result == 0) return descriptor;
    // A connection that did not come about in time is said to be in progress (socket(7), SO_SNDTIMEO).
    int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
    close(descriptor);
    return -error;
}
