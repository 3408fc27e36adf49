// SPDX-License-Identifier: Apache-2.0

#include "Counters.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int culvert_share_memory(int descriptor, size_t length, int is_written, void **memory) {
    void *found = mmap(NULL, length, is_written ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, 0);
    if (found == MAP_FAILED) return errno;
    *memory = found;
    return 0;
}

void culvert_unshare_memory(void *memory, size_t length) { munmap(memory, length); }

int culvert_prepare_memory(void *memory, size_t offset, size_t length) {
    // Of larger pages there are fewer, and a whole number of these in each.
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t start = offset / page * page;
    size_t end = (offset + length + page - 1) / page * page;
    while (madvise((char *)memory + start, end - start, MADV_POPULATE_WRITE) != 0) {
        if (errno == EINVAL) return ENOTSUP;
        if (errno != EINTR && errno != EAGAIN) return errno;
    }
    return 0;
}

int culvert_allocate_file(int descriptor, size_t length) {
    int result;
    do result = posix_fallocate(descriptor, 0, (off_t)length);
    while (result == EINTR);
    return result;
}

static uint64_t *number(const void *memory, size_t offset) { return (uint64_t *)((char *)(uintptr_t)memory + offset); }

void culvert_count(void *memory, size_t offset, uint64_t amount) {
    __atomic_fetch_add(number(memory, offset), amount, __ATOMIC_RELAXED);
}

uint64_t culvert_counted(const void *memory, size_t offset) {
    return __atomic_load_n(number(memory, offset), __ATOMIC_ACQUIRE);
}

void culvert_set_counted(void *memory, size_t offset, uint64_t value) {
    __atomic_store_n(number(memory, offset), value, __ATOMIC_RELEASE);
}

uint64_t culvert_claim_counted(void *memory, size_t offset, uint64_t value) {
    uint64_t found = 0;
    if (__atomic_compare_exchange_n(number(memory, offset), &found, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return value;
    return found;
}
