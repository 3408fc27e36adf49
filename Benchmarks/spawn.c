// SPDX-License-Identifier: Apache-2.0
//
// Starts programs as a container runtime does and says what each cost. Small and static on purpose: a child's peak
// memory counts what its parent had mapped when it was started, and an interpreter's own pauses would be measured too.
//
// A request on stdin is a line `<count>`, then for each program a line `<arguments> <variables> <input bytes>`, that
// many zero-terminated strings, and the input. All programs of one request start together.
// The reply has a line per program `<ns> <peak KiB> <wait status> <stdout bytes> <stderr bytes>` followed by those
// bytes, then a line `<ns>` for all of them: from before the first start until after the last end.
// A program's time runs from before its start until its end was noticed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 256             // programs in one request
#define PATIENCE_SECONDS 60  // then everything still running is killed

struct program {
    char **words;  // arguments, NULL, variables, NULL
    int arguments;
    int in, out, err;              // the child's ends
    int input, output, complaint;  // ours
    pid_t pid;
    long long begin, end;
    long peak;
    int status;
};

static struct program programs[MOST];

static void die(const char *what) {
    fprintf(stderr, "spawn: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void kill_running(int signal_number) {
    (void)signal_number;
    for (int i = 0; i < MOST; i++) {
        if (programs[i].pid > 0) kill(programs[i].pid, SIGKILL);
    }
}

// A pipe whose ends nobody inherits by accident; the child's end is duplicated onto 0, 1 or 2.
static void make_pipe(int *reader, int *writer) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) die("pipe");
    *reader = ends[0];
    *writer = ends[1];
}

static void read_program(struct program *p) {
    int variables, bytes;
    char input[65536];
    if (scanf("%d %d %d", &p->arguments, &variables, &bytes) != 3 || getchar() != '\n') die("bad request");
    if (bytes > (int)sizeof input) die("input larger than a pipe holds");
    p->words = calloc(p->arguments + variables + 2, sizeof *p->words);
    if (!p->words) die("memory");
    for (int i = 0; i < p->arguments + variables; i++) {
        size_t size = 0;
        int gap = i >= p->arguments;
        if (getdelim(&p->words[i + gap], &size, 0, stdin) < 0) die("bad request");
    }
    if (bytes && fread(input, bytes, 1, stdin) != 1) die("bad request");
    make_pipe(&p->in, &p->input);
    make_pipe(&p->output, &p->out);
    make_pipe(&p->complaint, &p->err);
    // The whole input waits in the pipe, so that the child never waits for us.
    if (write(p->input, input, bytes) != bytes) die("fill stdin");
    close(p->input);
}

static void start(struct program *p) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, p->in, 0);
    posix_spawn_file_actions_adddup2(&actions, p->out, 1);
    posix_spawn_file_actions_adddup2(&actions, p->err, 2);
    p->begin = now();
    errno = posix_spawn(&p->pid, p->words[0], &actions, NULL, p->words, p->words + p->arguments + 1);
    if (errno) die(p->words[0]);
    posix_spawn_file_actions_destroy(&actions);
}

static void note_end(int count) {
    struct rusage usage;
    int status;
    pid_t pid = wait4(-1, &status, 0, &usage);
    long long end = now();
    if (pid < 0) die("wait");
    for (int i = 0; i < count; i++) {
        if (programs[i].pid != pid) continue;
        programs[i].pid = 0;
        programs[i].end = end;
        programs[i].status = status;
        programs[i].peak = usage.ru_maxrss;
    }
}

// What lies in the pipe now. A daemon that the program left behind may hold the other end open for ever.
static int drain(int fd, char *buffer, int size) {
    int length = 0, got;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (length < size && (got = read(fd, buffer + length, size - length)) > 0) length += got;
    close(fd);
    return length;
}

static void reply(struct program *p) {
    static char output[65536], complaint[65536];
    close(p->in);
    close(p->out);
    close(p->err);
    int written = drain(p->output, output, sizeof output);
    int complained = drain(p->complaint, complaint, sizeof complaint);
    printf("%lld %ld %d %d %d\n", p->end - p->begin, p->peak, p->status, written, complained);
    fwrite(output, written, 1, stdout);
    fwrite(complaint, complained, 1, stdout);
    for (int i = 0; p->words[i]; i++) free(p->words[i]);
    for (int i = p->arguments + 1; p->words[i]; i++) free(p->words[i]);
    free(p->words);
}

int main(void) {
    int count;
    signal(SIGALRM, kill_running);
    while (scanf("%d", &count) == 1 && getchar() == '\n') {
        if (count < 1 || count > MOST) die("bad request");
        for (int i = 0; i < count; i++) read_program(&programs[i]);
        alarm(PATIENCE_SECONDS);
        long long begin = now();
        for (int i = 0; i < count; i++) start(&programs[i]);
        for (int i = 0; i < count; i++) note_end(count);
        long long end = now();
        alarm(0);
        for (int i = 0; i < count; i++) reply(&programs[i]);
        printf("%lld\n", end - begin);
        fflush(stdout);
    }
    return 0;
}
