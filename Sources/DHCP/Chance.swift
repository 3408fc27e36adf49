// SPDX-License-Identifier: Apache-2.0

/// Numbers that another host cannot guess if the seed is a secret: transactions, and how long to wait.
///
/// SplitMix64; what was drawn follows from the seed, so that a test can be repeated.
struct Chance: Hashable, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func number32() -> UInt32 {
        UInt32(truncatingIfNeeded: next() >> 32)
    }

    /// A number from -`bound` to `bound`.
    mutating func deviation(_ bound: Int64) -> Int64 {
        Int64(next() % UInt64(2 * bound + 1)) - bound
    }
}
