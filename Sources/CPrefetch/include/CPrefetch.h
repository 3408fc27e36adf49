// SPDX-License-Identifier: Apache-2.0
#pragma once

// Swift has no way to ask for memory without waiting for it.

/// Asks for a cache line that will be read soon; any address will do, even one where there is nothing.
static inline void culvert_prefetch(const void *address) {
    __builtin_prefetch(address);
}
