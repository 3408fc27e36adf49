// SPDX-License-Identifier: Apache-2.0
internal import Netlink

/// How much passes one way.
struct BandwidthLimit: Hashable {
    /// In bits per second, at least 8.
    let rate: UInt64
    /// In bits, at least 8: what may pass at once after a pause.
    let burst: UInt64

    /// What the kernel's fields of 32 bits cannot hold.
    static let highest = UInt64(UInt32.max)
    /// The kernel counts bursts in these: `PSCHED_SHIFT` of its net/pkt_sched.h.
    private static let nanosecondsPerTick: UInt64 = 64
    /// How long a packet may wait behind a burst: 25 ms is a fortieth of a second.
    private static let waits: UInt64 = 40

    /// The whole octets of the burst, as far as the kernel can count them.
    var burstOctets: UInt64 { min(burst / 8, BandwidthLimit.highest) }

    /// The kernel's numbers, cut off where it cannot count further.
    ///
    /// They are the reference's: the burst as whole microseconds, and these in ticks; 25 ms of the rate and a burst may
    /// wait. A burst that is over in less than a microsecond has no such number, and is given in octets.
    var tokenBucket: TokenBucket {
        let rate = rate / 8
        let microseconds = min(burstOctets * 1_000_000 / rate, BandwidthLimit.highest)
        var bucket = TokenBucket(
            rate: rate,
            buffer: UInt32(clamping: microseconds * 1000 / BandwidthLimit.nanosecondsPerTick),
            limit: UInt32(clamping: rate / BandwidthLimit.waits + burstOctets)
        )
        if microseconds == 0 {
            bucket.burst = UInt32(burstOctets)
            bucket.buffer = UInt32(burstOctets * 1_000_000_000 / rate / BandwidthLimit.nanosecondsPerTick)
        }
        return bucket
    }

    /// Whether a bucket in the kernel is this limit.
    ///
    /// The reference on x86-64 lets go of the upper bits of numbers that do not fit, where we take the highest: both
    /// were made for this limit.
    func isHeld(by seen: TokenBucket) -> Bool {
        let own = tokenBucket
        guard seen.rate == own.rate else { return false }
        let microseconds = UInt64(UInt32(truncatingIfNeeded: burstOctets * 1_000_000 / own.rate))
        let ticks = microseconds * 1000 / BandwidthLimit.nanosecondsPerTick
        let wrappedLimit = UInt32(truncatingIfNeeded: own.rate / BandwidthLimit.waits &+ burstOctets)
        guard seen.limit == own.limit || seen.limit == wrappedLimit else { return false }
        // From octets the kernel computes ticks, rounding as it likes.
        if own.burst != nil { return max(seen.buffer, own.buffer) - min(seen.buffer, own.buffer) <= 1 }
        return seen.buffer == own.buffer || seen.buffer == UInt32(truncatingIfNeeded: ticks)
    }
}
