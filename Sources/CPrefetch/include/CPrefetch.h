// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>

// Swift has no way to ask for memory without waiting for it, nor to say in which pages it should lie.

/// Asks for a cache line that will be read soon; any address will do, even one where there is nothing.
static inline void culvert_prefetch(const void *address) {
    __builtin_prefetch(address);
}

/// Asks that memory lie in large pages (of 2 MiB, on most machines), of which a processor knows the places of many more
/// octets by heart; best before anything is written there.
void culvert_prefer_large_pages(void *start, size_t length);
