// SPDX-License-Identifier: Apache-2.0
// The least that a switch in user space does, for vswitch.py: what comes from one tap goes to the other.
//   floor_taps NAMESPACE NAMESPACE    makes eth0 in both, and carries frames between them until it is ended
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { burst = 32, room = 1 << 17 };

static char octets[burst][room];
static int taps[2];

static int open_tap(const char *namespace) {
    int place = open(namespace, O_RDONLY | O_CLOEXEC);
    if (place < 0 || setns(place, CLONE_NEWNET) != 0) return -1;
    close(place);
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), query = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = {.ifr_name = "eth0"};
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (tap < 0 || query < 0 || ioctl(tap, TUNSETIFF, &request) != 0 ||
        ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) != 0 ||
        ioctl(query, SIOCGIFFLAGS, &request) != 0)
        return -1;
    request.ifr_flags |= IFF_UP;
    if (ioctl(query, SIOCSIFFLAGS, &request) != 0) return -1;
    close(query);
    return tap;
}

// As the daemon does: what is written was read just before.
static int carry(int from, int to) {
    ssize_t lengths[burst];
    int count = 0;
    size_t all = 0;
    while (count < burst && all < 1 << 15) {
        lengths[count] = read(taps[from], octets[count], room);
        if (lengths[count] <= 0) break;
        all += (size_t)lengths[count++];
    }
    for (int index = 0; index < count; index++)
        if (write(taps[to], octets[index], (size_t)lengths[index]) < 0 && errno != EAGAIN) return -1;
    return count;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    int waiting = epoll_create1(EPOLL_CLOEXEC);
    for (int index = 0; index < 2; index++) {
        taps[index] = open_tap(arguments[index + 1]);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)index};
        if (taps[index] < 0 || epoll_ctl(waiting, EPOLL_CTL_ADD, taps[index], &event) != 0) {
            perror(arguments[index + 1]);
            return 1;
        }
    }
    for (;;) {
        struct epoll_event events[2];
        int found = epoll_wait(waiting, events, 2, -1);
        for (int index = 0; index < found; index++) {
            unsigned from = events[index].data.u32;
            for (int turn = 0; turn < 4 && carry((int)from, 1 - (int)from) > 0; turn++) {}
        }
    }
}
