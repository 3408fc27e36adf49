// SPDX-License-Identifier: Apache-2.0
import Netlink
import Testing

@testable import Bandwidth

@Suite("Limits as numbers of the kernel")
struct BandwidthLimitTests {
    @Test(
        "Rates are octets, bursts are ticks of 64 ns, and 25 ms and a burst may wait",
        arguments: [
            (
                BandwidthLimit(rate: 8_000_000, burst: 800_000),
                TokenBucket(rate: 1_000_000, buffer: 1_562_500, limit: 125_000)
            ),
            // As the reference: whole microseconds, and of these whole ticks.
            (
                BandwidthLimit(rate: 8_000_008, burst: 15),
                TokenBucket(rate: 1_000_001, buffer: 15, limit: 25_001, burst: 1)
            ),
            (
                BandwidthLimit(rate: 24_000_000, burst: 12_000),
                TokenBucket(rate: 3_000_000, buffer: 7812, limit: 76_500)
            ),
            (BandwidthLimit(rate: 8, burst: 8), TokenBucket(rate: 1, buffer: 15_625_000, limit: 1)),
            // What containerd sends, where it fits and where it does not.
            (
                BandwidthLimit(rate: 100_000_000, burst: 4_294_967_295),
                TokenBucket(rate: 12_500_000, buffer: 671_088_625, limit: 537_183_411)
            ),
            (
                BandwidthLimit(rate: 1_000_000, burst: 4_294_967_295),
                TokenBucket(rate: 125_000, buffer: .max, limit: 536_874_036)
            ),
            // What CRI-O sends.
            (
                BandwidthLimit(rate: 10_000_000, burst: 34_359_738_359),
                TokenBucket(rate: 1_250_000, buffer: .max, limit: .max)
            ),
            // The most that a configuration can say.
            (BandwidthLimit(rate: 8, burst: 1 << 35), TokenBucket(rate: 1, buffer: .max, limit: .max)),
            (
                BandwidthLimit(rate: UInt64(Int64.max), burst: 1 << 35),
                TokenBucket(rate: 1_152_921_504_606_846_975, buffer: 0, limit: .max, burst: .max)
            ),
            (
                BandwidthLimit(rate: 80_000_000_000, burst: 8_000_000),
                TokenBucket(rate: 10_000_000_000, buffer: 1562, limit: 251_000_000)
            ),
        ]
    )
    func numbers(limit: BandwidthLimit, expected: TokenBucket) {
        #expect(limit.tokenBucket == expected)
        #expect(limit.isHeld(by: expected))
    }

    /// Read off tc(8) and the kernel's answers behind the reference 1.1.1 on x86-64.
    @Test("What the reference makes of numbers beyond 32 bits is accepted")
    func wrapped() {
        let limit = BandwidthLimit(rate: 10_000_000, burst: 34_359_738_359)
        // 3435973835 microseconds are 53687091171 ticks, 2147483619 beyond twelve times 2^32.
        #expect(limit.isHeld(by: TokenBucket(rate: 1_250_000, buffer: 2_147_483_619, limit: 31_248)))
        #expect(!limit.isHeld(by: TokenBucket(rate: 1_250_000, buffer: 2_147_483_618, limit: 31_248)))
    }

    @Test("Any other number is another limit")
    func differences() {
        let limit = BandwidthLimit(rate: 8_000_000, burst: 800_000)
        for change in [(1, 0, 0), (0, 1, 0), (0, 0, 1)] as [(UInt64, UInt32, UInt32)] {
            var bucket = limit.tokenBucket
            bucket.rate += change.0
            bucket.buffer += change.1
            bucket.limit -= change.2
            #expect(!limit.isHeld(by: bucket))
        }
    }

    @Test("No numbers within the bounds of a configuration trap", arguments: [8, 9, 999, 1 << 20, 1 << 32, .max >> 1])
    func extremes(rate: UInt64) {
        for exponent in 3...35 {
            for burst in [UInt64(1) << UInt64(exponent), UInt64(1) << UInt64(exponent) | 7] {
                let limit = BandwidthLimit(rate: rate, burst: min(burst, 1 << 35))
                #expect(limit.isHeld(by: limit.tokenBucket))
            }
        }
    }
}
