// SPDX-License-Identifier: Apache-2.0
// malloc(3) for a process of one thread that lives for milliseconds, instead of musl's, which is made to last: that one
// gives pages back to the kernel as soon as it can, and asks for them again: a third of the system calls of an ADD.
//
// A block is as large as its class says and goes to the class's list when it is freed; whoever wants one of that class
// next gets it. Blocks are never split, joined or given back, but for huge ones, which are mappings of their own.
#define _GNU_SOURCE
#include "CMusl.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GRANULE ((size_t)16)           // what every block is aligned to, and as long as the head before it
#define SMALL ((size_t)1024)           // up to here a class for every multiple of the granule, then four per doubling
#define HUGE ((size_t)1 << 20)         // beyond that a mapping per block
#define STOCK ((size_t)2 << 20)        // what is asked of the kernel at a time; untouched pages cost nothing
#define CLASSES (SMALL / GRANULE + 1 + 4 * 10)

struct head {
    size_t size;    // what fits behind the head
    size_t offset;  // from the block's beginning, for one that was moved to a coarser alignment
};

struct vacant {
    struct vacant *next;
};

static _Alignas(16) char first_stock[128 << 10];
static char *stock = first_stock;
static size_t stock_left = sizeof first_stock;
static struct vacant *vacant[CLASSES];

// The class of a block, and how large blocks of that class are.
static size_t class_of(size_t *size) {
    if (*size <= SMALL) {
        *size = *size == 0 ? GRANULE : (*size + GRANULE - 1) & ~(GRANULE - 1);
        return *size / GRANULE;
    }
    unsigned step = 61 - (unsigned)__builtin_clzll(*size - 1);  // log2 of a quarter of the power of two below
    size_t quarters = ((*size - 1) >> step) + 1;                // 5 to 8
    *size = quarters << step;
    return SMALL / GRANULE + (step - 8) * 4 + (quarters - 4);
}

static struct head *map(size_t size) {
    size_t length = size + sizeof(struct head);
    if (length < size) return NULL;
    void *place = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return place == MAP_FAILED ? NULL : place;
}

// Memory that nobody has used yet; the kernel has zeroed it.
static struct head *cut(size_t size) {
    size_t length = size + sizeof(struct head);
    if (length > stock_left) {
        // What is left of the old stock is forgotten: less than the block that did not fit.
        char *more = mmap(NULL, STOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (more == MAP_FAILED) return NULL;
        stock = more;
        stock_left = STOCK;
    }
    struct head *head = (struct head *)stock;
    stock += length;
    stock_left -= length;
    return head;
}

static void *allocate(size_t size, int *is_zeroed) {
    struct head *head;
    *is_zeroed = 1;
    if (size > HUGE) {
        head = map(size);
    } else {
        size_t class = class_of(&size);
        struct vacant *block = vacant[class];
        if (block != NULL) {
            vacant[class] = block->next;
            *is_zeroed = 0;
            return block;
        }
        head = cut(size);
    }
    if (head == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    head->size = size;
    head->offset = 0;
    return head + 1;
}

static struct head *head_of(void *memory) {
    return (struct head *)memory - 1;
}

void *malloc(size_t size) {
    int is_zeroed;
    return allocate(size, &is_zeroed);
}

void free(void *memory) {
    if (memory == NULL) return;
    memory = (char *)memory - head_of(memory)->offset;
    struct head *head = head_of(memory);
    if (head->size > HUGE) {
        int problem = errno;
        munmap(head, head->size + sizeof *head);
        errno = problem;
        return;
    }
    size_t size = head->size;
    struct vacant *block = memory;
    size_t class = class_of(&size);
    block->next = vacant[class];
    vacant[class] = block;
}

void *calloc(size_t count, size_t size) {
    size_t length;
    if (__builtin_mul_overflow(count, size, &length)) {
        errno = ENOMEM;
        return NULL;
    }
    int is_zeroed;
    void *memory = allocate(length, &is_zeroed);
    return memory == NULL || is_zeroed ? memory : memset(memory, 0, length);
}

size_t malloc_usable_size(void *memory) {
    return memory == NULL ? 0 : head_of(memory)->size;
}

void *realloc(void *memory, size_t size) {
    if (memory == NULL) return malloc(size);
    size_t available = malloc_usable_size(memory);
    if (size <= available && size > available / 2) return memory;
    void *other = malloc(size);
    if (other == NULL) return NULL;
    memcpy(other, memory, size < available ? size : available);
    free(memory);
    return other;
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX / 2) return ENOMEM;
    int problem = errno;
    char *block = malloc(alignment <= GRANULE ? size : size + alignment);
    errno = problem;
    if (block == NULL) return ENOMEM;
    size_t offset = -(uintptr_t)block & (alignment - 1);
    if (offset != 0) {
        // A multiple of the granule: there is room for a second head.
        size_t available = head_of(block)->size;
        *head_of(block + offset) = (struct head){.size = available - offset, .offset = offset};
    }
    *result = block + offset;
    return 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
    void *memory;
    int problem = posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size);
    if (problem == 0) return memory;
    errno = problem;
    return NULL;
}

void *memalign(size_t alignment, size_t size) {
    return aligned_alloc(alignment, size);
}
