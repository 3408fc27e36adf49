// SPDX-License-Identifier: Apache-2.0
// Memory that processes share by a file, and the atomic operations on it that Swift cannot spell for a bare address.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// mmap(2) of a file's beginning, shared, for reading and, if asked, writing. Returns 0, or the errno.
int culvert_share_memory(int descriptor, size_t length, int is_written, void **memory);

/// munmap(2).
void culvert_unshare_memory(void *memory, size_t length);

/// madvise(2) with MADV_POPULATE_WRITE: the pages around a range are there and can be written from here on, where a bare
/// touch of them could be a signal that ends the process. Returns 0, ENOTSUP where the kernel (before 5.14) cannot say, or
/// the errno.
int culvert_prepare_memory(void *memory, size_t offset, size_t length);

/// posix_fallocate(3). Returns 0, or the errno.
int culvert_allocate_file(int descriptor, size_t length);

/// Adds to a number of 64 bits at an offset, atomically.
void culvert_count(void *memory, size_t offset, uint64_t amount);

/// Reads a number of 64 bits at an offset; what was written before it by who wrote it is there.
uint64_t culvert_counted(const void *memory, size_t offset);

/// Writes a number of 64 bits at an offset, after everything that was written before.
void culvert_set_counted(void *memory, size_t offset, uint64_t value);

/// Writes a number of 64 bits at an offset if that holds zero, atomically. Returns what it holds then.
uint64_t culvert_claim_counted(void *memory, size_t offset, uint64_t value);
