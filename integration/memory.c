// SPDX-License-Identifier: Apache-2.0
// Asks the plugins' malloc(3) for blocks of all kinds in random order and looks whether each keeps what it was given.
//   memory SEED ROUNDS; says "N blocks" and exits with 0, or says what was wrong and exits with 1.
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 500

struct block {
    unsigned char *bytes;
    size_t size;
    unsigned char mark;
};

static struct block blocks[BLOCKS];
static long round_number;

static void require(int holds, const char *what) {
    if (holds) return;
    printf("round %ld: %s\n", round_number, what);
    exit(1);
}

static void require_content(const unsigned char *bytes, size_t size, unsigned char mark, const char *what) {
    for (size_t index = 0; index < size; index++) require(bytes[index] == mark, what);
}

// Mostly small, as in a plugin, now and then beyond what is kept in lists.
static size_t any_size(void) {
    switch (rand() % 50) {
    case 0: return (size_t)(rand() % 3000000);
    case 1: case 2: case 3: return (size_t)(rand() % 100000);
    default: return (size_t)(rand() % 2000);
    }
}

static void fill(struct block *block, void *bytes, size_t size) {
    require(bytes != NULL, "no memory");
    require((uintptr_t)bytes % 16 == 0, "not aligned");
    require(malloc_usable_size(bytes) >= size, "too small");
    *block = (struct block){.bytes = bytes, .size = size, .mark = (unsigned char)rand()};
    memset(bytes, block->mark, size);
}

static void take(struct block *block) {
    size_t size = any_size();
    switch (rand() % 3) {
    case 0: {
        size_t alignment = (size_t)8 << (rand() % 10);
        void *bytes = NULL;
        require(posix_memalign(&bytes, alignment, size) == 0, "posix_memalign refused");
        require((uintptr_t)bytes % alignment == 0, "not aligned as asked");
        fill(block, bytes, size);
        break;
    }
    case 1: {
        unsigned char *bytes = calloc(1, size);
        require(bytes != NULL, "no memory");
        require_content(bytes, size, 0, "calloc gave what was used");
        fill(block, bytes, size);
        break;
    }
    default: fill(block, malloc(size), size);
    }
}

static void change(struct block *block) {
    require_content(block->bytes, block->size, block->mark, "a block lost what it held");
    if (rand() % 3 != 0) {
        free(block->bytes);
        block->bytes = NULL;
        return;
    }
    size_t size = any_size();
    unsigned char *bytes = realloc(block->bytes, size);
    require(bytes != NULL, "no memory");
    require_content(bytes, size < block->size ? size : block->size, block->mark, "realloc lost what was held");
    fill(block, bytes, size);
}

int main(int count, char **words) {
    if (count != 3) return 64;
    srand((unsigned)atoi(words[1]));
    long rounds = atol(words[2]);
    for (round_number = 0; round_number < rounds; round_number++) {
        struct block *block = &blocks[rand() % BLOCKS];
        if (block->bytes == NULL) take(block); else change(block);
    }
    void *nothing;
    require(malloc(SIZE_MAX - 20) == NULL && errno == ENOMEM, "malloc of everything");
    require(calloc(SIZE_MAX / 2, 3) == NULL && errno == ENOMEM, "calloc of more than everything");
    require(realloc(malloc(1), SIZE_MAX - 20) == NULL, "realloc to everything");
    require(posix_memalign(&nothing, 16, SIZE_MAX - 20) == ENOMEM, "posix_memalign of everything");
    require(posix_memalign(&nothing, 24, 1) == EINVAL, "posix_memalign to no power of two");
    printf("%ld blocks\n", rounds);
    return 0;
}
