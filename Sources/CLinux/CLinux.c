// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id  // glibc has the field, but not the name that timer_create(2) gives it
#define sigev_notify_thread_id _sigev_un._tid
#endif

int culvert_enter_network_namespace(int descriptor) {
    return setns(descriptor, CLONE_NEWNET) == 0 ? 0 : errno;
}

int culvert_open_network_namespace(int given) {
    int probe = given >= 0 ? given : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int descriptor = probe < 0 ? -1 : ioctl(probe, SIOCGSKNS);
    if (probe >= 0 && probe != given) close(probe);
    return descriptor < 0 ? culvert_open_at(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY, 0) : descriptor;
}

int culvert_unshare_network_namespace(void) {
    return unshare(CLONE_NEWNET) == 0 ? 0 : errno;
}

int culvert_own_descriptors(void) {
    return syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_UNSHARE) == 0 ? 0 : errno;
}

int culvert_own_mounts(void) {
    if (unshare(CLONE_NEWNS) != 0) return errno;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : errno;
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

// Waits until the clock has passed the end; a timer interrupts the wait again and again from then on.
static int lock_until(int descriptor, const struct timespec *end) {
    struct timespec now;
    while (flock(descriptor, LOCK_EX) != 0) {
        if (errno != EINTR) return errno;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > end->tv_sec || (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec)) return EWOULDBLOCK;
    }
    return 0;
}

// Waits are rare: whoever finds the lock free pays nothing for the count.
static long long lock_wait;

long long culvert_lock_wait_nanoseconds(void) { return __atomic_load_n(&lock_wait, __ATOMIC_RELAXED); }

// A blocking flock queues fairly and wakes at once; a timer that interrupts this very thread bounds it. The timer
// repeats, so that an expiry between two system calls is not lost.
int culvert_lock_exclusively(int descriptor, unsigned milliseconds) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK && errno != EINTR) return errno;
    if (milliseconds == 0) return EWOULDBLOCK;

    // The handler stays: putting back the previous one would pull it from under another thread that waits.
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, NULL) != 0) return errno;

    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return errno;

    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (milliseconds % 1000) * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec += 1;
        end.tv_nsec -= 1000000000L;
    }
    struct itimerspec bound = {.it_value = end, .it_interval = {.tv_sec = 0, .tv_nsec = 10000000L}};
    timer_settime(timer, TIMER_ABSTIME, &bound, NULL);

    // Whoever started us may have blocked the signal, and execve(2) keeps that.
    sigset_t alarm, previous;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm, &previous);
    long long began = culvert_boot_nanoseconds();
    int result = lock_until(descriptor, &end);
    __atomic_fetch_add(&lock_wait, culvert_boot_nanoseconds() - began, __ATOMIC_RELAXED);
    timer_delete(timer);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    return result;
}

int culvert_open_at(int directory, const char *path, int flags, mode_t mode) {
    int descriptor;
    do {
        descriptor = openat(directory, path, flags | O_CLOEXEC, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor < 0 ? -errno : descriptor;
}

ssize_t culvert_read_directory(int descriptor, void *buffer, size_t count) {
    ssize_t length = getdents64(descriptor, buffer, count);
    return length < 0 ? -errno : length;
}

void culvert_ignore_broken_pipes(void) {
    signal(SIGPIPE, SIG_IGN);
}

int culvert_parse_real(const char *text, double *number) {
    char *end;
    if (*text == '\0' || strchr(" \t\n\v\f\r", *text) != NULL) return 0;
    *number = strtod(text, &end);
    return *end == '\0';
}

int culvert_open_memory_file(const char *name) {
    int descriptor = memfd_create(name, MFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int culvert_strand_descriptor(int descriptor) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    // The second end lies in its own queue: nobody can take it out, so nobody but the collector closes it.
    int stranded[2] = {descriptor, ends[1]};
    union {
        char octets[CMSG_SPACE(sizeof stranded)];
        struct cmsghdr header;
    } control = {0};
    struct iovec text = {.iov_base = "", .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &text,
        .msg_iovlen = 1,
        .msg_control = control.octets,
        .msg_controllen = sizeof control.octets,
    };
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof stranded);
    memcpy(CMSG_DATA(&control.header), stranded, sizeof stranded);
    int error = sendmsg(ends[0], &message, MSG_NOSIGNAL) < 0 ? errno : 0;
    close(ends[1]);
    if (error == 0) return ends[0];
    close(ends[0]);
    return -error;
}

int culvert_open_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
}

int culvert_connect_local(const char *path, unsigned milliseconds) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    // Zero would mean for ever. A connection waits while the listener's queue is full.
    struct timeval bound = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    if (milliseconds == 0) bound.tv_usec = 1;
    int result = setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
    while (result == 0 && (result = connect(descriptor, (struct sockaddr *)&address, sizeof address)) != 0) {
        if (errno != EINTR) break;
        result = 0;
    }
    if (result == 0) return descriptor;
    int error = errno;
    close(descriptor);
    return -error;
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

extern char **environ;

#ifdef __GLIBC__
// glibc hands main's arguments to constructors too. Swift's own way to them reads /proc/self/maps.
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
    argument_count = count;
    arguments = values;
}
#else
// musl does not; but the kernel lays them just below the environment: a count, that many of them, NULL.
__attribute__((constructor)) static void keep_arguments(void) {
    char **values = environ - 1;
    int count = 0;
    while ((uintptr_t)values[-1] != (uintptr_t)count) {
        values -= 1;
        count += 1;
    }
    argument_count = count;
    arguments = values;
}
#endif

int culvert_argument_count(void) {
    return argument_count;
}

char **culvert_arguments(void) {
    return arguments;
}

char **culvert_environment(void) {
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

long long culvert_birth_nanoseconds(const char *path) {
    // As the kernel lays it out (linux/stat.h); not every C library has it.
    struct {
        uint32_t mask;
        char others[76];
        struct {
            int64_t seconds;
            uint32_t nanoseconds;
            int32_t unused;
        } birth;
        char rest[160];
    } status;
    const unsigned birth_mask = 0x800;
    if (syscall(SYS_statx, AT_FDCWD, path, 0, birth_mask, &status) != 0 || !(status.mask & birth_mask)) return 0;
    return status.birth.seconds * 1000000000LL + status.birth.nanoseconds;
}

int culvert_set_modified(int descriptor, long long nanoseconds) {
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000},
    };
    return futimens(descriptor, times) == 0 ? 0 : errno;
}

long long culvert_wall_nanoseconds(void) {
    return nanoseconds(CLOCK_REALTIME);
}

int culvert_make_tap(const char *name, int has_many_queues, long long owner, long long group) {
    struct ifreq request = {0};
    if (strlen(name) >= IFNAMSIZ) return EINVAL;
    strcpy(request.ifr_name, name);
    // Without the last flag a link that is there already would be taken for the new one.
    request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
    if (has_many_queues) request.ifr_flags |= IFF_MULTI_QUEUE;
    int descriptor = culvert_open_at(AT_FDCWD, "/dev/net/tun", O_RDWR, 0);
    if (descriptor < 0) return -descriptor;
    int result = 0;
    if (ioctl(descriptor, TUNSETIFF, &request) != 0) result = errno;
    if (result == 0 && owner >= 0 && ioctl(descriptor, TUNSETOWNER, (unsigned long)owner) != 0) result = errno;
    if (result == 0 && group >= 0 && ioctl(descriptor, TUNSETGROUP, (unsigned long)group) != 0) result = errno;
    // Until now the link would go with the descriptor.
    if (result == 0 && ioctl(descriptor, TUNSETPERSIST, 1UL) != 0) result = errno;
    close(descriptor);
    return result;
}
