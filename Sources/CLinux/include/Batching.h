// SPDX-License-Identifier: Apache-2.0
// Reads and writes of frames that are made together.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// As many calls as one batch takes.
#define CULVERT_BATCH 64

/// Calls that wait to be made together: by one entry into the kernel where it has io_uring(7) and lets us use it, by one
/// call for each elsewhere. No descriptor ever waits, and what is done with one is done in the order in which it was added.
struct culvert_batch;

/// What became of a call.
struct culvert_outcome {
    /// What the call was added with.
    uint64_t mark;
    /// How many octets, or a negative errno.
    ssize_t result;
};

/// How much memory a batch takes.
size_t culvert_batch_size(void);

/// Makes a batch without calls of memory of that size. Most of what is read and written is in the octets given, which
/// begin where a page does: the kernel is told of them once instead of each time. With is_single it makes one call for
/// each in any case.
void culvert_open_batch(struct culvert_batch *batch, void *octets, size_t count, int is_single);

/// The memory of the batch is given back apart.
void culvert_close_batch(struct culvert_batch *batch);

/// Whether all calls are one entry into the kernel.
int culvert_batch_is_joint(const struct culvert_batch *batch);

/// Tells the kernel once, instead of each time, what is behind a descriptor; worth it for one that is used often.
/// It stays open until it is forgotten here as well.
void culvert_batch_remember(struct culvert_batch *batch, int descriptor);
void culvert_batch_forget(struct culvert_batch *batch, int descriptor);

/// Adds a call. Who adds one to CULVERT_BATCH others has not seen to it: nothing happens.
/// The memory of parts, and what they point to, has to stay as it is until all are made.
void culvert_batch_read(struct culvert_batch *batch, int descriptor, void *buffer, size_t count, uint64_t mark);
void culvert_batch_write(struct culvert_batch *batch, int descriptor, const void *buffer, size_t count, uint64_t mark);
void culvert_batch_write_parts(
    struct culvert_batch *batch, int descriptor, const struct iovec *parts, int count, uint64_t mark);

/// How many calls wait.
int culvert_batch_count(const struct culvert_batch *batch);

/// Makes all calls. Of reads there are outcomes, in their order, of writes only where they failed; what follows a read
/// that found nothing need not be tried. Returns how many outcomes there are.
int culvert_batch_make(struct culvert_batch *batch, const struct culvert_outcome **outcomes);
