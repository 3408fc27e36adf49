// SPDX-License-Identifier: Apache-2.0
// The kernel lets whoever attaches a program wait for a grace period, with its network lock held. Here another process waits.
#define _GNU_SOURCE
#include "Programs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { tcx_ingress = 46 };  // enum bpf_attach_type, of Linux 6.6 and later

/// What the other process is to do.
struct task {
    union bpf_attr attachment;
    /// Descriptors, of which `sign` holds the lock.
    unsigned program, sign;
    struct timespec pause;
};

/// A system call that has nothing to do with errno, which is another process's where memory is shared. Returns what the
/// kernel does: a negative errno when it fails.
static inline long ask(long number, long first, long second, long third) {
#if defined __x86_64__
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
    return result;
#elif defined __aarch64__
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = first, x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#else
    long result = syscall(number, first, second, third);
    return result < 0 ? -errno : result;
#endif
}

/// Closes all but two descriptors: others wait for the end of pipes and for locks.
static void keep(unsigned one, unsigned other) {
    unsigned low = one < other ? one : other, high = one < other ? other : one;
    if (low > 0) ask(SYS_close_range, 0, low - 1, 0);
    if (high > low + 1) ask(SYS_close_range, low + 1, high - 1, 0);
    ask(SYS_close_range, high + 1, UINT_MAX, 0);
}

/// The other process's life. It makes system calls and nothing else.
static int attach_alone(void *work) {
    struct task *task = work;
    keep(task->program, task->sign);
    ask(SYS_setsid, 0, 0, 0);
    while (ask(SYS_nanosleep, (long)&task->pause, (long)&task->pause, 0) == -EINTR) {}
    ask(SYS_bpf, BPF_PROG_ATTACH, (long)&task->attachment, sizeof task->attachment);
    ask(SYS_exit_group, 0, 0, 0);
    return 0;
}

/// Starts it. There is no signal at its end. Returns its number, or a negative errno.
static long start(const struct task *task) {
#if defined __x86_64__ || defined __aarch64__
    // With our memory and a stack in it, it costs a sixth. There is one such stack.
    static char stack[8192] __attribute__((aligned(16)));
    static struct task shared;
    static int is_taken;
    if (!__atomic_exchange_n(&is_taken, 1, __ATOMIC_RELAXED)) {
        shared = *task;
        int child = clone(attach_alone, stack + sizeof stack, CLONE_VM, &shared);
        return child < 0 ? -errno : child;
    }
#endif
    // fork(2), but for what C libraries do before and after it.
    struct task own = *task;
    long child = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
    if (child == 0) attach_alone(&own);
    return child < 0 ? -errno : child;
}

int culvert_attach_later(int program, uint32_t link, const char *directory, unsigned milliseconds) {
    int sign = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sign < 0) return errno;
    int result = flock(sign, LOCK_SH) == 0 ? 0 : errno;
    if (result == 0) {
        struct task task = {
            .attachment = {.target_fd = link, .attach_bpf_fd = (uint32_t)program, .attach_type = tcx_ingress},
            .program = (unsigned)program,
            .sign = (unsigned)sign,
            .pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L},
        };
        long child = start(&task);
        if (child < 0) result = (int)-child;
    }
    close(sign);
    return result;
}

int culvert_awaits_attaching(const char *directory) {
    int sign = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sign < 0) return -errno;
    int result = flock(sign, LOCK_EX | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? 1 : -errno;
    close(sign);
    return result;
}
