// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

int culvert_enter_network_namespace(int descriptor) {
    return setns(descriptor, CLONE_NEWNET) == 0 ? 0 : errno;
}

int culvert_unshare_network_namespace(void) {
    return unshare(CLONE_NEWNET) == 0 ? 0 : errno;
}

int culvert_is_network_namespace(int descriptor) {
    int type = ioctl(descriptor, NS_GET_NSTYPE);
    if (type >= 0) return type == CLONE_NEWNET;
    // Not a namespace at all, or a kernel before 4.11, which does not tell the kinds apart.
    struct statfs filesystem;
    if (fstatfs(descriptor, &filesystem) != 0) return -errno;
    return filesystem.f_type == NSFS_MAGIC;
}

static void interrupt(int signal) {
    (void)signal;
}

// A blocking flock queues fairly and wakes at once; a timer that interrupts this very thread bounds it. The timer
// repeats, so that an expiry between two system calls is not lost.
int culvert_lock_exclusively(int descriptor, unsigned milliseconds) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK && errno != EINTR) return errno;
    if (milliseconds == 0) return EWOULDBLOCK;

    struct sigaction action, previous;
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, &previous) != 0) return errno;

    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    timer_t timer;
    int result = 0;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
        result = errno;
        sigaction(SIGALRM, &previous, NULL);
        return result;
    }
    struct itimerspec bound = {
        .it_value = {.tv_sec = milliseconds / 1000, .tv_nsec = (milliseconds % 1000) * 1000000L},
        .it_interval = {.tv_sec = 0, .tv_nsec = 10000000L},
    };
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    timer_settime(timer, 0, &bound, NULL);
    while (flock(descriptor, LOCK_EX) != 0) {
        if (errno != EINTR) {
            result = errno;
            break;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        long long elapsed = (now.tv_sec - start.tv_sec) * 1000LL + (now.tv_nsec - start.tv_nsec) / 1000000LL;
        if (elapsed >= (long long)milliseconds) {
            result = EWOULDBLOCK;
            break;
        }
    }
    timer_delete(timer);
    sigaction(SIGALRM, &previous, NULL);
    return result;
}

int culvert_open_at(int directory, const char *path, int flags, mode_t mode) {
    int descriptor;
    do {
        descriptor = openat(directory, path, flags | O_CLOEXEC, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor < 0 ? -errno : descriptor;
}

int culvert_open_memory_file(const char *name) {
    int descriptor = memfd_create(name, MFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int culvert_open_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
}

int culvert_fill_randomly(void *buffer, size_t count) {
    unsigned char *position = buffer;
    while (count > 0) {
        ssize_t filled = getrandom(position, count, 0);
        if (filled < 0 && errno == EINTR) continue;
        if (filled < 0) return errno;
        position += filled;
        count -= (size_t)filled;
    }
    return 0;
}

static int argument_count;
static char **arguments;

// glibc hands main's arguments to constructors too. Swift's own way to them reads /proc/self/maps.
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
    argument_count = count;
    arguments = values;
}

int culvert_argument_count(void) {
    return argument_count;
}

char **culvert_arguments(void) {
    return arguments;
}

char **culvert_environment(void) {
    extern char **environ;
    return environ;
}

static long long nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

long long culvert_boot_nanoseconds(void) {
    return nanoseconds(CLOCK_BOOTTIME);
}

long long culvert_file_clock_nanoseconds(void) {
    return nanoseconds(CLOCK_REALTIME_COARSE);
}
