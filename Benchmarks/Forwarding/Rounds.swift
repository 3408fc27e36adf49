// SPDX-License-Identifier: Apache-2.0

/// Two ways to do the same, measured by turns in one process, so that what else the machine does hits both.
struct Rounds {
    let name: String
    /// How often each is measured.
    var count = 101
    /// How many operations a measurement is of.
    let operations: Int

    /// Prints the best and the median time of an operation for both, and the ratio of the best.
    func compare(_ swift: () -> Void, with c: () -> Void) {
        swift()
        c()
        var times: (swift: [Double], c: [Double]) = ([], [])
        let clock = ContinuousClock()
        for round in 0..<count {
            // Who goes first changes too.
            if round % 2 == 0 { times.swift.append(clock.measure(swift) / .nanoseconds(1)) }
            times.c.append(clock.measure(c) / .nanoseconds(1))
            if round % 2 == 1 { times.swift.append(clock.measure(swift) / .nanoseconds(1)) }
        }
        let (swiftBest, swiftMedian) = summary(times.swift)
        let (cBest, cMedian) = summary(times.c)
        print(
            "\(name): Swift \(text(swiftBest)) ns (median \(text(swiftMedian))),",
            "C \(text(cBest)) ns (median \(text(cMedian))), ratio \(text(swiftBest / cBest))"
        )
    }

    private func summary(_ times: [Double]) -> (best: Double, median: Double) {
        let sorted = times.sorted()
        return (sorted[0] / Double(operations), sorted[sorted.count / 2] / Double(operations))
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
