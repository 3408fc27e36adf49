// SPDX-License-Identifier: Apache-2.0
// The C library as far as we use it, what it hides behind _GNU_SOURCE, and the few calls that Swift cannot spell.
// Imported instead of Glibc, which Embedded Swift does not have.
#pragma once

#include "Batching.h"
#include "Counters.h"
#include "Datagrams.h"
#include "Programs.h"
#include "Screen.h"
#include "Streams.h"
#include "Switching.h"
#include "Terminal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// setns(2) into a network namespace. Returns 0, or the errno.
int culvert_enter_network_namespace(int descriptor);

/// The network namespace that the given socket was opened in, or with a negative number that of the calling thread: a
/// kernel from 4.9 on opens a socket's for whoever may change it (SIOCGSKNS), and several times faster than the file
/// below /proc is found. Where it does not, that file is opened: the calling thread should be where the socket is from.
/// Returns a descriptor, or a negative errno.
int culvert_open_network_namespace(int given);

/// unshare(2) with CLONE_NEWNET. Returns 0, or the errno.
int culvert_unshare_network_namespace(void);

/// close_range(2) with CLOSE_RANGE_UNSHARE: from here on the calling thread has a table of descriptors of its own, with
/// nothing in it but 0, 1 and 2. Returns 0, or the errno.
int culvert_own_descriptors(void);

/// unshare(2) with CLONE_NEWNS, and nothing passed on: from here on what the calling thread mounts, nobody else sees.
/// Returns 0, or the errno.
int culvert_own_mounts(void);

/// Whether the file behind the descriptor is a network namespace. Returns 1, 0, or a negative errno.
int culvert_is_network_namespace(int descriptor);

/// flock(2) with LOCK_EX, waiting for at most the given time. Returns 0, EWOULDBLOCK after that time, or the
/// errno.
int culvert_lock_exclusively(int descriptor, unsigned milliseconds);

/// How many nanoseconds this process has waited in culvert_lock_exclusively so far, all threads together.
long long culvert_lock_wait_nanoseconds(void);

/// open(2), whose variable arguments Swift cannot pass. Returns a descriptor, or a negative errno.
int culvert_open_at(int directory, const char *path, int flags, mode_t mode);

/// getdents64(2). Returns the length of the entries, 0 at the end, or a negative errno.
ssize_t culvert_read_directory(int descriptor, void *buffer, size_t count);

/// signal(2): from here on a write that nobody reads is an error and not the end.
void culvert_ignore_broken_pipes(void);

/// strtod(3) over the whole text, which may not begin with white space. Returns whether it is a number.
int culvert_parse_real(const char *text, double *number);

/// memfd_create(2), close-on-exec. Returns a descriptor, or a negative errno.
int culvert_open_memory_file(const char *name);

/// Leaves the last close of a descriptor to the kernel's collector of unreachable local sockets (unix(7), SCM_RIGHTS),
/// which begins when the returned descriptor is closed, and for which nobody waits from Linux 6.9 on. Returns that
/// descriptor, which is to be closed after all others of the file, or a negative errno.
int culvert_strand_descriptor(int descriptor);

/// pipe2(2), close-on-exec: ends[0] is for reading. Returns 0, or the errno.
int culvert_open_pipe(int ends[2]);

/// A connection to a stream socket in the file system, close-on-exec; connecting, and every write, waits for at most the
/// given time. Returns a descriptor, or a negative errno.
int culvert_connect_local(const char *path, unsigned milliseconds);

/// getrandom(2) until the buffer is full. Returns 0, or the errno.
int culvert_fill_randomly(void *buffer, size_t count);

/// Makes a persistent link of kind tun that passes frames (TUNSETIFF, TUNSETPERSIST) in the caller's network namespace.
/// An owner or a group below 0 is nobody in particular. Returns 0, EBUSY when a link has the name, or the errno.
int culvert_make_tap(const char *name, int has_many_queues, long long owner, long long group);

/// The process's arguments: argc and argv of main, in whatever language main is.
int culvert_argument_count(void);
char **culvert_arguments(void);

/// The process's environment, for passing on.
char **culvert_environment(void);

/// clock_gettime(2) of CLOCK_BOOTTIME (also counts suspended time) in nanoseconds.
long long culvert_boot_nanoseconds(void);

/// clock_gettime(2) of CLOCK_REALTIME in nanoseconds: files are stamped by this clock, though more coarsely.
long long culvert_wall_nanoseconds(void);

/// When a file was made (statx(2), STATX_BTIME), by the clock of that moment, in nanoseconds since 1970; 0 when the file
/// system does not say.
long long culvert_birth_nanoseconds(const char *path);

/// futimens(3) of the time of the last change alone, in nanoseconds since 1970. Returns 0, or the errno.
int culvert_set_modified(int descriptor, long long nanoseconds);

/// regcomp(3) of an extended regular expression. Returns what culvert_free_expression takes, or NULL and regcomp's code.
struct culvert_expression;
struct culvert_expression *culvert_compile_expression(const char *text, int ignores_case, int *problem);

/// What regerror(3) says of a code.
const char *culvert_expression_problem(int problem);

/// regexec(3). Returns whether any part of the text matches.
int culvert_expression_matches(const struct culvert_expression *expression, const char *text);

/// regfree(3).
void culvert_free_expression(struct culvert_expression *expression);
