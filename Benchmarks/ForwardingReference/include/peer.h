// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>
#include <stdint.h>

// Tables of somebody else, in a shared object that the benchmark loads: it is built without them.

typedef struct {
    // Everything else comes after this one. 0, or what the library says.
    int (*start)(void);
    // How often a second the processor's clock ticks.
    uint64_t (*frequency)(void);

    void *(*stations_make)(uint32_t count);
    int (*stations_add)(void *, uint64_t key, uint64_t value);
    // Of keys that all are there.
    void (*stations_lookup)(const void *, const uint64_t *keys, size_t count, uint64_t *values);
    void (*stations_free)(void *);

    void *(*routes_make)(void);
    int (*routes_add)(void *, uint32_t prefix, uint8_t length, uint64_t value);
    // 0 where there is none.
    void (*routes_lookup)(void *, uint32_t *addresses, size_t count, uint64_t *values);
    void (*routes_free)(void *);
} peer_tables;

// The tables in a shared object, in its symbol `tables`; NULL when there are none, and the reason goes to standard error.
const peer_tables *peer_open(const char *path);
