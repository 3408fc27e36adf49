// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// linux/io_uring.h from 5.17 to 5.19 on
#ifndef IOSQE_CQE_SKIP_SUCCESS
#define IOSQE_CQE_SKIP_SUCCESS (1U << 6)
#endif
#ifndef IORING_FEAT_CQE_SKIP
#define IORING_FEAT_CQE_SKIP (1U << 11)
#endif
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
#ifndef IORING_RSRC_REGISTER_SPARSE
#define IORING_RSRC_REGISTER_SPARSE (1U << 0)
#endif

enum { most_files = 4096 };

struct call {
    int descriptor;
    /// IORING_OP_READ, IORING_OP_WRITE or IORING_OP_WRITEV.
    int kind;
    void *place;
    size_t count;
    uint64_t mark;
};

/// What is shared with the kernel.
struct ring {
    /// Negative when there is none.
    int descriptor;
    void *queues, *entries;
    size_t queues_size, entries_size;
    uint32_t *tail, *answers_head, *answers_tail;
    uint32_t mask, answers_mask;
    struct io_uring_sqe *calls;
    struct io_uring_cqe *answers;
    /// Descriptors below that may be known to the kernel.
    int files;
    unsigned char known[most_files];
    /// Memory that the kernel knows.
    uintptr_t begin, end;
};

struct culvert_batch {
    struct ring ring;
    int count;
    struct call calls[CULVERT_BATCH];
    struct culvert_outcome outcomes[CULVERT_BATCH];
};

static int enter(const struct ring *ring, unsigned count) {
    return (int)syscall(SYS_io_uring_enter, ring->descriptor, count, 0, 0, NULL, 0);
}

static int tell(const struct ring *ring, unsigned what, const void *argument, unsigned count) {
    return (int)syscall(SYS_io_uring_register, ring->descriptor, what, argument, count);
}

static void close_ring(struct ring *ring) {
    if (ring->entries != NULL) munmap(ring->entries, ring->entries_size);
    if (ring->queues != NULL) munmap(ring->queues, ring->queues_size);
    if (ring->descriptor >= 0) close(ring->descriptor);
    memset(ring, 0, sizeof *ring);
    ring->descriptor = -1;
}

static void *map(const struct ring *ring, size_t size, off_t what) {
    void *place =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->descriptor, what);
    return place == MAP_FAILED ? NULL : place;
}

static int map_ring(struct ring *ring, const struct io_uring_params *facts) {
    size_t calls = facts->sq_off.array + facts->sq_entries * sizeof(uint32_t);
    size_t answers = facts->cq_off.cqes + facts->cq_entries * sizeof(struct io_uring_cqe);
    ring->queues_size = calls > answers ? calls : answers;
    ring->entries_size = facts->sq_entries * sizeof(struct io_uring_sqe);
    ring->queues = map(ring, ring->queues_size, IORING_OFF_SQ_RING);
    ring->entries = map(ring, ring->entries_size, IORING_OFF_SQES);
    if (ring->queues == NULL || ring->entries == NULL) return 0;
    char *queues = ring->queues;
    ring->calls = ring->entries;
    ring->answers = (void *)(queues + facts->cq_off.cqes);
    ring->tail = (void *)(queues + facts->sq_off.tail);
    ring->mask = *(uint32_t *)(void *)(queues + facts->sq_off.ring_mask);
    ring->answers_head = (void *)(queues + facts->cq_off.head);
    ring->answers_tail = (void *)(queues + facts->cq_off.tail);
    ring->answers_mask = *(uint32_t *)(void *)(queues + facts->cq_off.ring_mask);
    // Calls are where they would be in any case: the array that says so is filled once.
    uint32_t *places = (void *)(queues + facts->sq_off.array);
    for (uint32_t index = 0; index < facts->sq_entries; index++) places[index] = index;
    return 1;
}

// What the kernel knows of a call's descriptor and memory, it need not look up.
static void put_call(const struct ring *ring, uint32_t tail, const struct call *call, int index) {
    struct io_uring_sqe *entry = &ring->calls[tail & ring->mask];
    memset(entry, 0, sizeof *entry);
    entry->opcode = (uint8_t)call->kind;
    entry->fd = call->descriptor;
    entry->addr = (uintptr_t)call->place;
    entry->len = (uint32_t)call->count;
    // No place in a file (io_uring_enter(2), off).
    entry->off = (uint64_t)-1;
    // Otherwise what cannot be done now would be done at some time later.
    entry->rw_flags = RWF_NOWAIT;
    entry->user_data = (uint64_t)index;
    if (call->kind != IORING_OP_READ) entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    if (call->descriptor < ring->files && ring->known[call->descriptor]) entry->flags |= IOSQE_FIXED_FILE;
    uintptr_t begin = (uintptr_t)call->place;
    if (call->kind == IORING_OP_WRITEV || begin < ring->begin || begin + call->count > ring->end) return;
    entry->opcode = call->kind == IORING_OP_READ ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
}

static ssize_t make_call(const struct call *call) {
    ssize_t result;
    switch (call->kind) {
    case IORING_OP_READ: result = read(call->descriptor, call->place, call->count); break;
    case IORING_OP_WRITE: result = write(call->descriptor, call->place, call->count); break;
    default: result = writev(call->descriptor, call->place, (int)call->count); break;
    }
    return result < 0 ? -errno : result;
}

static void note(struct culvert_batch *batch, int *found, const struct call *call, ssize_t result) {
    if (result >= 0 && call->kind != IORING_OP_READ) return;
    batch->outcomes[(*found)++] = (struct culvert_outcome){.mark = call->mark, .result = result};
}

static void make_singly(struct culvert_batch *batch, int index, int *found) {
    int empty = -1;
    for (; index < batch->count; index++) {
        const struct call *call = &batch->calls[index];
        int is_read = call->kind == IORING_OP_READ;
        if (is_read && call->descriptor == empty) continue;
        ssize_t result = make_call(call);
        if (is_read && result < 0) empty = call->descriptor;
        note(batch, found, call, result);
    }
}

// Takes what the kernel says of calls that it made. Returns false when it cannot make them without waiting.
static int take_answers(struct culvert_batch *batch, int *found) {
    const struct ring *ring = &batch->ring;
    int is_able = 1;
    uint32_t head = *ring->answers_head, end = __atomic_load_n(ring->answers_tail, __ATOMIC_ACQUIRE);
    for (; head != end; head++) {
        const struct io_uring_cqe *answer = &ring->answers[head & ring->answers_mask];
        if (answer->user_data >= (uint64_t)batch->count) continue;
        const struct call *call = &batch->calls[answer->user_data];
        if (answer->res != -EOPNOTSUPP) {
            note(batch, found, call, answer->res);
            continue;
        }
        is_able = 0;
        note(batch, found, call, make_call(call));
    }
    __atomic_store_n(ring->answers_head, head, __ATOMIC_RELEASE);
    return is_able;
}

// Returns how many calls were made.
static int make_jointly(struct culvert_batch *batch, int *found) {
    struct ring *ring = &batch->ring;
    uint32_t tail = *ring->tail;
    for (int index = 0; index < batch->count; index++) put_call(ring, tail++, &batch->calls[index], index);
    __atomic_store_n(ring->tail, tail, __ATOMIC_RELEASE);
    int made = 0;
    while (made < batch->count) {
        int result = enter(ring, (unsigned)(batch->count - made));
        if (result > 0) made += result;
        else if (result == 0 || errno != EINTR) break;
    }
    // What it would not take is made without it; so is all that comes.
    if (!take_answers(batch, found) || made < batch->count) close_ring(ring);
    return made;
}

// Before Linux 6.4 a read of a tap that has nothing would go on in the background.
static int can_refuse(struct culvert_batch *batch) {
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap < 0) return 0;
    char octets[64];
    const struct culvert_outcome *outcomes;
    for (int index = 0; index < 2; index++) culvert_batch_read(batch, tap, octets, sizeof octets, 0);
    int count = culvert_batch_make(batch, &outcomes);
    close(tap);
    // It has no link.
    return batch->ring.descriptor >= 0 && count == 2 && outcomes[0].result == -EBADFD;
}

static void open_ring(struct culvert_batch *batch, void *octets, size_t count) {
    struct ring *ring = &batch->ring;
    struct io_uring_params facts = {.flags = IORING_SETUP_SUBMIT_ALL};
    ring->descriptor = (int)syscall(SYS_io_uring_setup, CULVERT_BATCH, &facts);
    if (ring->descriptor < 0) return;
    unsigned needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_CQE_SKIP;
    if ((facts.features & needed) != needed || !map_ring(ring, &facts) || !can_refuse(batch)) {
        close_ring(ring);
        return;
    }
    // Worth having; it does without as well, as where memory may not be locked (RLIMIT_MEMLOCK).
    struct iovec memory = {.iov_base = octets, .iov_len = count};
    if (tell(ring, IORING_REGISTER_BUFFERS, &memory, 1) == 0) {
        ring->begin = (uintptr_t)octets;
        ring->end = ring->begin + count;
    }
    struct rlimit limit = {0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    struct io_uring_rsrc_register files = {
        .nr = limit.rlim_cur < most_files ? (uint32_t)limit.rlim_cur : most_files,
        .flags = IORING_RSRC_REGISTER_SPARSE};
    if (tell(ring, IORING_REGISTER_FILES2, &files, sizeof files) == 0) ring->files = (int)files.nr;
}

size_t culvert_batch_size(void) {
    return sizeof(struct culvert_batch);
}

void culvert_open_batch(struct culvert_batch *batch, void *octets, size_t count, int is_single) {
    memset(batch, 0, sizeof *batch);
    batch->ring.descriptor = -1;
    if (!is_single) open_ring(batch, octets, count);
}

void culvert_close_batch(struct culvert_batch *batch) {
    close_ring(&batch->ring);
}

int culvert_batch_is_joint(const struct culvert_batch *batch) {
    return batch->ring.descriptor >= 0;
}

static int update_file(const struct ring *ring, int place, int descriptor) {
    struct io_uring_rsrc_update change = {.offset = (uint32_t)place, .data = (uintptr_t)&descriptor};
    return tell(ring, IORING_REGISTER_FILES_UPDATE, &change, 1);
}

void culvert_batch_remember(struct culvert_batch *batch, int descriptor) {
    struct ring *ring = &batch->ring;
    if (descriptor < 0 || descriptor >= ring->files) return;
    ring->known[descriptor] = update_file(ring, descriptor, descriptor) == 1;
}

void culvert_batch_forget(struct culvert_batch *batch, int descriptor) {
    struct ring *ring = &batch->ring;
    if (descriptor < 0 || descriptor >= ring->files || !ring->known[descriptor]) return;
    ring->known[descriptor] = 0;
    // Kept, it would keep its namespace.
    if (update_file(ring, descriptor, -1) != 1) close_ring(ring);
}

static void add(struct culvert_batch *batch, struct call call) {
    if (batch->count < CULVERT_BATCH) batch->calls[batch->count++] = call;
}

void culvert_batch_read(struct culvert_batch *batch, int descriptor, void *buffer, size_t count, uint64_t mark) {
    add(batch, (struct call){descriptor, IORING_OP_READ, buffer, count, mark});
}

void culvert_batch_write(struct culvert_batch *batch, int descriptor, const void *buffer, size_t count, uint64_t mark) {
    add(batch, (struct call){descriptor, IORING_OP_WRITE, (void *)(uintptr_t)buffer, count, mark});
}

void culvert_batch_write_parts(
    struct culvert_batch *batch, int descriptor, const struct iovec *parts, int count, uint64_t mark) {
    add(batch, (struct call){descriptor, IORING_OP_WRITEV, (void *)(uintptr_t)parts, (size_t)count, mark});
}

int culvert_batch_count(const struct culvert_batch *batch) {
    return batch->count;
}

int culvert_batch_make(struct culvert_batch *batch, const struct culvert_outcome **outcomes) {
    int found = 0;
    // One alone is made sooner without the ring.
    int made = batch->ring.descriptor >= 0 && batch->count > 1 ? make_jointly(batch, &found) : 0;
    make_singly(batch, made, &found);
    batch->count = 0;
    *outcomes = batch->outcomes;
    return found;
}
