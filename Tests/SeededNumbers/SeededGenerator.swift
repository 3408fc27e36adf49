// SPDX-License-Identifier: Apache-2.0

/// Random numbers that a seed reproduces: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, OOPSLA 2014).
///
/// A test prints its seed when it fails; put in place of the random one, it fails again.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(_ seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// A number from 0 up to, but without, a bound.
    package mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next() >> 11) % bound
    }

    /// True once in so many times.
    package mutating func once(in count: Int) -> Bool {
        below(count) == 0
    }
}
