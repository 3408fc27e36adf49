// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Linux

/// Where the two switches differ.
struct Difference: Error {
    /// Which of the story's steps shows it, counted from 0.
    var step: Int
    /// In words, over several lines.
    var text: String
}

/// What was told.
struct Tally: Hashable, Sendable {
    var steps = 0
    var frames = 0
    /// Frames that came out, copies each.
    var arrivals = 0
    /// Steps that made no sense when their turn came.
    var omissions = 0
    /// How often all stations were compared.
    var comparisons = 0
    /// How often what was too old was forgotten.
    var expiries = 0
    /// How often it took too long to say what is too old.
    var delays = 0
    var stories = 0
}

/// Tells stories to the kernel's bridge and to `Forwarding`, and compares what comes out.
struct Replay: ~Copyable {
    private var kernel: KernelBridge
    private let defect: Defect
    private(set) var tally = Tally()

    /// How many frames are sent before what came out is looked at: with all their copies no more than the kernel's queue
    /// takes (`netdev_max_backlog`, a thousand).
    private static let burst = 48
    /// How many looks at what came out there are for one at all stations.
    private static let looksPerComparison = 6

    // Of the story that is being told.
    private var expected: [[[UInt8]]] = []
    private var sent: [(step: Int, octets: [UInt8], port: Int)] = []
    private var looks = 0

    init(_ defect: Defect) throws(KernelError) {
        kernel = try KernelBridge.inNewNamespace(capacity: Scene().portCount)
        self.defect = defect
    }

    /// Tells a story from its beginning.
    ///
    /// - Returns: the first difference; nil when there is none.
    /// - Throws: ``KernelError`` for what is no step's fault.
    mutating func tell(_ story: Story) throws(KernelError) -> Difference? {
        try kernel.reset(to: story.scene)
        var prediction = PredictedBridge(story.scene, defect)
        expected = Array(repeating: [], count: story.scene.portCount + 1)
        sent = []
        looks = 0
        tally.stories += 1
        for (index, step) in story.steps.enumerated() {
            guard prediction.admits(step) else {
                tally.omissions += 1
                continue
            }
            tally.steps += 1
            if case .frame(let octets, let port) = step {
                send(octets, from: port, index, &prediction)
                if sent.count < Self.burst { continue }
                if let difference = try look(&prediction, at: index) { return difference }
            } else {
                if let difference = try look(&prediction, at: index) { return difference }
                if let difference = try change(step, index, &prediction) { return difference }
            }
        }
        if let difference = try look(&prediction, at: story.steps.count - 1) { return difference }
        return try compareStations(&prediction, at: story.steps.count - 1)
    }

    private mutating func send(
        _ octets: [UInt8],
        from port: Int,
        _ index: Int,
        _ prediction: inout PredictedBridge
    ) {
        tally.frames += 1
        kernel.add(octets, from: port)
        sent.append((index, octets, port))
        guard !prediction.usesBursts else { return }
        prediction.forward(octets, from: port) { expected[$0.place].append($0.octets) }
    }

    private mutating func change(
        _ step: Step,
        _ index: Int,
        _ prediction: inout PredictedBridge
    ) throws(KernelError) -> Difference? {
        var home: Int?
        if case .removeStation(let address, let vlan) = step { home = prediction.port(of: address, vlan: vlan) }
        do throws(KernelError) {
            try kernel.apply(step, home: home)
        } catch {
            return Difference(step: index, text: "the kernel refuses \(step): \(error)")
        }
        prediction.apply(step)
        guard case .expire = step else { return nil }
        tally.expiries += 1
        let wanted = prediction.stations()
        if try kernel.expire(until: { $0 == wanted }) { return nil }
        // Too late to say who is how old.
        tally.delays += 1
        try kernel.apply(.flush, home: nil)
        prediction.forget()
        return nil
    }

    // MARK: - Comparing

    /// Compares what came out of both; now and then what both know of stations, too.
    private mutating func look(_ prediction: inout PredictedBridge, at index: Int) throws(KernelError) -> Difference? {
        guard !sent.isEmpty else { return nil }
        if prediction.usesBursts {
            prediction.forward(sent.map { ($0.octets, $0.port) }) { expected[$0.place].append($0.octets) }
        }
        var arrived: [[[UInt8]]] = Array(repeating: [], count: expected.count)
        try kernel.exchange { place, octets in arrived[place].append(Array(octets)) }
        for frames in arrived { tally.arrivals += frames.count }
        if arrived != expected {
            return difference(arrived, &prediction)
        }
        for place in expected.indices { expected[place].removeAll(keepingCapacity: true) }
        sent.removeAll(keepingCapacity: true)
        looks += 1
        return looks % Self.looksPerComparison == 0 ? try compareStations(&prediction, at: index) : nil
    }

    private mutating func compareStations(
        _ prediction: inout PredictedBridge,
        at index: Int
    ) throws(KernelError) -> Difference? {
        tally.comparisons += 1
        let (known, wanted) = (try kernel.stations(), prediction.stations())
        guard known != wanted else { return nil }
        var text = "what is known of stations differs\n"
        for (name, stations) in [("kernel", known.subtracting(wanted)), ("Forwarding", wanted.subtracting(known))] {
            for station in stations.sorted(by: { $0.address.value < $1.address.value }) {
                let kind = station.isStatic ? "static" : "learned"
                text += "  only \(name): \(station.address) in VLAN \(station.vlan) at p\(station.place), \(kind)\n"
            }
        }
        return Difference(step: index, text: text)
    }

    /// Puts into words how what came out differs, for the first frame that it is about.
    private func difference(_ arrived: [[[UInt8]]], _ prediction: inout PredictedBridge) -> Difference {
        for (index, octets, port) in sent {
            // By the number in it; a frame without one is looked for as it is.
            let tail = Array(octets.suffix(max(8, octets.count - 26)))
            let (here, there) = (places(of: tail, in: arrived), places(of: tail, in: expected))
            guard here != there else { continue }
            var text = "frame \(hexadecimal(octets)) from p\(port)\n"
            let alike = here.count { there.contains($0) }
            text += "  only out of the kernel's bridge: \(words(here.filter { !there.contains($0) }))\n"
            text += "  only out of Forwarding: \(words(there.filter { !here.contains($0) })); out of both: \(alike)\n"
            text += "  Forwarding would do now: \(prediction.explain(octets, from: port))\n"
            return Difference(step: index, text: text)
        }
        return Difference(step: sent.first?.step ?? 0, text: "frames come out in another order")
    }

    private func places(of tail: [UInt8], in frames: [[[UInt8]]]) -> [Arrival] {
        var found: [Arrival] = []
        for (place, frames) in frames.enumerated() {
            for octets in frames where octets.suffix(tail.count).elementsEqual(tail) {
                found.append(Arrival(place: place, octets: octets))
            }
        }
        return found
    }

    private func words(_ arrivals: [Arrival]) -> String {
        guard !arrivals.isEmpty else { return "nothing" }
        // The host comes behind the ports.
        return arrivals.map { arrival in
            let place = arrival.place == expected.count - 1 ? "host" : "p\(arrival.place)"
            return "\(place) \(hexadecimal(Array(arrival.octets.prefix(24))))"
        }.joined(separator: ", ")
    }
}
