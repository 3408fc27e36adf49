// SPDX-License-Identifier: Apache-2.0
import Linux

/// How many stories are told, and which.
struct Campaign {
    static let usage = """
        usage: forwarding-replay [--steps N] [--seconds N] [--seed N] [--length N] [--vlans] [--defect NAME]
          --steps    how many steps at least (100000)
          --seconds  to end sooner, when so much time has passed
          --seed     the same stories again; by chance, and printed, without it
          --length   how many steps one story has (4000)
          --vlans    bridges tell VLANs apart; takes a kernel that can
          --defect   what is wrong with the switch on purpose: \(Defect.allCases.map(\.rawValue).joined(separator: ", "))
        """

    private var steps = 100_000
    private var seconds = Int.max
    private var seed: UInt64
    private var length = 4000
    private var knowsVLANs = false
    private var defect = Defect.none

    /// Takes the program's arguments; nil when they are none.
    init?(_ arguments: [String]) {
        seed = UInt64(truncatingIfNeeded: Machine.wallNanoseconds) % 1_000_000_007
        var rest = arguments[...]
        while let option = rest.popFirst() {
            if option == "--vlans" {
                knowsVLANs = true
                continue
            }
            guard let value = rest.popFirst(), take(option, value) else { return nil }
        }
    }

    private mutating func take(_ option: String, _ value: String) -> Bool {
        if option == "--defect", let named = Defect(rawValue: value) {
            defect = named
            return true
        }
        guard let number = Int(value), number >= 0 else { return false }
        switch option {
        case "--steps": steps = number
        case "--seconds": seconds = number
        case "--seed": seed = UInt64(number)
        case "--length": length = max(1, number)
        default: return false
        }
        return true
    }

    /// Tells stories until there are enough, or one of them shows a difference.
    ///
    /// - Returns: whether there was no difference.
    /// - Throws: ``KernelError``.
    func run() throws(KernelError) -> Bool {
        var replay = try Replay(defect)
        let start = Machine.bootNanoseconds
        var number: UInt64 = 0
        while replay.tally.steps < steps, (Machine.bootNanoseconds - start) / 1_000_000_000 < seconds {
            // Stories have numbers of their own: a campaign that begins with the last one shows the same.
            let story = Story(seed: seed &+ number, length: length, knowsVLANs: knowsVLANs)
            if let difference = try replay.tell(story) {
                try report(difference, seed &+ number, "difference")
                let told = replay.tally
                let (shortest, remaining) = try replay.minimize(story, difference)
                let length = shortest.steps.count
                try report(remaining, seed &+ number, "shortest story with a difference, of \(length) steps,")
                try say(shortest.scene.swiftText)
                for step in shortest.steps { try say(step.swiftText) }
                try summarize(told, start)
                return false
            }
            number += 1
        }
        try summarize(replay.tally, start)
        return true
    }

    private func report(_ difference: Difference, _ seed: UInt64, _ title: String) throws(KernelError) {
        try say("\(title) with --seed \(seed) --length \(length), at step \(difference.step):")
        try say(difference.text)
    }

    private func summarize(_ tally: Tally, _ start: Int64) throws(KernelError) {
        let milliseconds = max(1, (Machine.bootNanoseconds - start) / 1_000_000)
        try say(
            """
            replayed \(tally.steps) steps of \(tally.stories) stories from seed \(seed), VLANs: \(knowsVLANs): \
            \(tally.frames) frames, \(tally.arrivals) arrivals, \(tally.comparisons) comparisons of stations, \
            \(tally.omissions) left out, \(tally.expiries) expiries (\(tally.delays) too late); \(Int64(tally.steps) * 1000 / milliseconds) steps/s
            """
        )
    }

    private func say(_ text: String) throws(KernelError) {
        try Machine.writeStandardOutput(Array((text + "\n").utf8))
    }
}
