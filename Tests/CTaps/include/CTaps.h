// SPDX-License-Identifier: Apache-2.0
// A tap on many links at once: puts frames on them, and hears all that comes out of them.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A frame in the memory that all frames of a call share.
struct culvert_tapped_frame {
    /// The link's index.
    uint32_t link;
    uint32_t offset;
    /// In octets, without the checksum of Ethernet.
    uint32_t length;
};

/// Keeps the calling thread on the processor that it runs on: what the kernel works off for it then stays in one queue,
/// and in order. Returns 0, or the errno.
int culvert_stay_on_processor(void);

/// A packet(7) socket that hears what comes out of the links with indices from first to last, and nothing that it sends
/// itself. Returns a descriptor that never waits, or a negative errno.
int culvert_open_taps(uint32_t first, uint32_t last);

/// sendmmsg(2) of frames, in order, each on its link. Returns how many were sent before the first refusal, whose errno is
/// in *problem, which is 0 when there is none.
size_t culvert_inject(
    int taps, const uint8_t *memory, const struct culvert_tapped_frame *frames, size_t count, int *problem);

/// recvmmsg(2) of frames, in the order in which they came, each with the tag that the kernel keeps beside it. Fewer than
/// count when there are no more for now. Returns how many, or a negative errno; ENOBUFS when frames were lost.
ssize_t culvert_collect(
    int taps, uint8_t *memory, size_t capacity, struct culvert_tapped_frame *frames, size_t count);

/// poll(2) until something has come. Returns 1, 0 when the time is over, or a negative errno.
int culvert_await_frames(int taps, int milliseconds);
