// SPDX-License-Identifier: Apache-2.0
// Frames for shortcut.py: a sender and a counter of Ethernet frames, and a packet that goes to and fro.
//   frames send DEVICE DESTINATION LENGTH SECONDS    sends as fast as it can; prints how many it sent, and in
//                                                   which time of its own on a processor, in nanoseconds
//   frames pong PORT                                 answers packets of UDP
//   frames ping ADDRESS PORT COUNT                   prints the median of the times there and back, in nanoseconds
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { burst = 64, longest = 2048 };

static int64_t clock_of(clockid_t kind) {
    struct timespec time;
    clock_gettime(kind, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int64_t now(void) {
    return clock_of(CLOCK_MONOTONIC);
}

static int fail(const char *what) {
    perror(what);
    return 1;
}

static uint16_t sum(const uint8_t *octets, int count) {
    uint32_t total = 0;
    for (int i = 0; i < count; i += 2) total += (uint32_t)octets[i] << 8 | octets[i + 1];
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return htons((uint16_t)~total);
}

/// What says that it is IPv4, and then that it is not: the first thing that a receiver looks at, and drops and counts.
static void fill(uint8_t *frame, int length, const uint8_t *destination, const uint8_t *source) {
    memset(frame, 0, (size_t)length);
    memcpy(frame, destination, 6);
    memcpy(frame + 6, source, 6);
    frame[12] = 0x08;
    uint8_t *packet = frame + 14;
    packet[0] = 0x55;
    packet[2] = (uint8_t)((length - 14) >> 8);
    packet[3] = (uint8_t)(length - 14);
    packet[8] = 64;
    packet[9] = 253;
    memcpy(packet + 12, (uint8_t[]){10, 9, 0, 1, 10, 9, 0, 2}, 8);
    uint16_t check = sum(packet, 20);
    memcpy(packet + 10, &check, 2);
}

static int send_frames(const char *device, const char *to, int length, double seconds) {
    uint8_t destination[6], frame[longest];
    if (sscanf(to, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", destination, destination + 1, destination + 2, destination + 3,
               destination + 4, destination + 5) != 6 || length < 60 || length > longest) return 2;
    int descriptor = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;
    struct ifreq request = {0};
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    if (descriptor < 0 || ioctl(descriptor, SIOCGIFHWADDR, &request) != 0) return fail(device);
    fill(frame, length, destination, (uint8_t *)request.ifr_hwaddr.sa_data);
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device)};
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes) != 0) return fail("socket");
    struct iovec data = {frame, (size_t)length};
    struct mmsghdr messages[burst] = {0};
    for (int i = 0; i < burst; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &data, .msg_iovlen = 1};
    int64_t begin = now(), end = begin + (int64_t)(seconds * 1e9), sent = 0;
    while (now() < end)
        for (int i = 0; i < 16; i++) {
            int result = sendmmsg(descriptor, messages, burst, 0);
            if (result > 0) sent += result;
            else if (errno != ENOBUFS && errno != EAGAIN) return fail("send");
        }
    printf("%lld %lld\n", (long long)sent, (long long)clock_of(CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}

static int answer(int port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) return fail("bind");
    char octets[longest];
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        ssize_t count = recvfrom(descriptor, octets, sizeof octets, 0, (struct sockaddr *)&peer, &size);
        if (count >= 0) sendto(descriptor, octets, (size_t)count, 0, (struct sockaddr *)&peer, size);
    }
}

static int compare(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

static int ask(const char *to, int port, int count) {
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int64_t *times = calloc((size_t)count, sizeof *times);
    if (inet_pton(AF_INET, to, &address.sin_addr) != 1 || !times) return 2;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) return fail("connect");
    int answered = 0;
    for (int i = 0; i < count; i++) {
        char octets[18] = {0};
        int64_t begin = now();
        send(descriptor, octets, sizeof octets, 0);
        struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
        if (poll(&waiting, 1, 200) == 1 && recv(descriptor, octets, sizeof octets, 0) > 0)
            times[answered++] = now() - begin;
    }
    if (!answered) return 1;
    qsort(times, (size_t)answered, sizeof *times, compare);
    printf("%lld\n", (long long)times[answered / 2]);
    return 0;
}

int main(int count, char **arguments) {
    if (count == 6 && !strcmp(arguments[1], "send"))
        return send_frames(arguments[2], arguments[3], atoi(arguments[4]), atof(arguments[5]));
    if (count == 3 && !strcmp(arguments[1], "pong")) return answer(atoi(arguments[2]));
    if (count == 5 && !strcmp(arguments[1], "ping")) return ask(arguments[2], atoi(arguments[3]), atoi(arguments[4]));
    fprintf(stderr, "usage: see the beginning of frames.c\n");
    return 2;
}
