// SPDX-License-Identifier: Apache-2.0
#define _DEFAULT_SOURCE
#include "CPrefetch.h"
#include <sys/mman.h>

void culvert_prefer_large_pages(void *start, size_t length) {
#ifdef MADV_HUGEPAGE
    // A wish: whether it is granted changes nothing but the time that reading takes.
    (void)madvise(start, length, MADV_HUGEPAGE);
#else
    (void)start;
    (void)length;
#endif
}
