// SPDX-License-Identifier: Apache-2.0

/// Several ways to do the same, measured by turns in one process, so that what else the machine does hits all of them.
struct Rounds {
    let name: String
    /// How often each is measured.
    var count = 101
    /// How many operations a measurement is of.
    let operations: Int
    /// Who else takes part; nil without.
    var peer: String?

    /// Prints the best and the median time of an operation for each, and how Swift compares with the others.
    ///
    /// - Parameters:
    ///   - swift: the way of the forwarding core.
    ///   - c: the same in C.
    ///   - other: the way of the peer, if there is one.
    func compare(_ swift: () -> Void, with c: () -> Void, beside other: () -> Void = {}) {
        swift()
        c()
        other()
        var times = [[Double]](repeating: [], count: peer == nil ? 2 : 3)
        let clock = ContinuousClock()
        for round in 0..<count {
            // Who goes first changes too.
            for turn in times.indices {
                let contestant = (round + turn) % times.count
                let time =
                    switch contestant {
                    case 0: clock.measure(swift)
                    case 1: clock.measure(c)
                    default: clock.measure(other)
                    }
                times[contestant].append(time / .nanoseconds(1) / Double(operations))
            }
        }
        let names = ["Swift", "C", peer ?? ""]
        for contestant in times.indices {
            print(name, names[contestant], summary(times[contestant], beside: times[0]), separator: "\t")
        }
    }

    /// The best and the median time; then how many times as long Swift takes, by the best and as median of the rounds.
    private func summary(_ times: [Double], beside swift: [Double]) -> String {
        let ratios = zip(swift, times).map { $0 / $1 }
        let best = (swift.min() ?? 0) / (times.min() ?? 1)
        return [times.min() ?? 0, median(times), best, median(ratios)].map(text).joined(separator: "\t")
    }

    private func median(_ numbers: [Double]) -> Double {
        numbers.sorted()[numbers.count / 2]
    }

    private func text(_ number: Double) -> String {
        let hundredths = Int(number * 100 + 0.5)
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}

/// Random numbers that are the same in every run: SplitMix64.
struct Numbers {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func next(below limit: Int) -> Int {
        Int(next() % UInt64(limit))
    }
}
