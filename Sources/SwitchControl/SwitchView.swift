// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What the daemon says of a switch, for people and programs.
package struct SwitchView: Hashable, Sendable {
    package let name: String
    package let ports: [SwitchPortView]
    /// How many stations are known, and how many can be.
    package let stations: Int
    package let maximumStations: Int

    package init(name: String, ports: [SwitchPortView], stations: Int, maximumStations: Int) {
        self.name = name
        self.ports = ports
        self.stations = stations
        self.maximumStations = maximumStations
    }

    package var json: JSONValue {
        .object(
            [
                "name": .string(name),
                "ports": .array(ports.map { $0.json }),
                "stations": .integer(Int64(stations)),
                "maximumStations": .integer(Int64(maximumStations)),
            ] as JSONObject
        )
    }

    /// Reads what ``json`` writes.
    ///
    /// - Throws: `JSONTypeError` for anything else.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        var ports: [SwitchPortView] = []
        for element in try reader.array("ports") ?? [] { ports.append(try SwitchPortView(element)) }
        self.init(
            name: try reader.string("name") ?? "",
            ports: ports,
            stations: try reader.integer("stations", in: 0...Int.max) ?? 0,
            maximumStations: try reader.integer("maximumStations", in: 0...Int.max) ?? 0
        )
    }

    /// The switches in the answer to ``SwitchQuestion/show(switchName:)``.
    ///
    /// - Throws: `JSONTypeError` when it is none.
    package static func all(in answer: JSONValue) throws(JSONTypeError) -> [SwitchView] {
        var views: [SwitchView] = []
        for element in try JSONReader(answer).array("switches") ?? [] { views.append(try SwitchView(element)) }
        return views
    }
}

/// What the daemon says of a port.
package struct SwitchPortView: Hashable, Sendable {
    /// Whose port it is.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case container
        /// The host's own.
        case gateway
        /// A link of the host that was there.
        case uplink
        /// Of somebody who looks on: gets copies, and sends nothing.
        case copies
    }

    package let name: String
    /// In rules, and as long as it is there.
    package let number: Int
    package let kind: Kind
    /// Empty for those of the host, as is `container`.
    package let network: String
    package let container: String
    /// In its namespace.
    package let interface: String
    package let isUp: Bool
    /// The VLAN of frames without a tag; nil takes none.
    package let native: Int?
    /// VLANs whose frames carry their tag, from the first to the last of each run.
    package let tagged: [ClosedRange<Int>]
    /// In words: `isolated`, `hairpin`, `macspoofchk`, `ipspoofchk`, `rules`.
    package let flags: [String]
    /// Which port gets copies; empty is none.
    package let mirror: String
    package let counters: SwitchPortCounters

    package init(
        name: String,
        number: Int,
        kind: Kind,
        network: String,
        container: String,
        interface: String,
        isUp: Bool,
        native: Int?,
        tagged: [ClosedRange<Int>],
        flags: [String],
        mirror: String,
        counters: SwitchPortCounters
    ) {
        self.name = name
        self.number = number
        self.kind = kind
        self.network = network
        self.container = container
        self.interface = interface
        self.isUp = isUp
        self.native = native
        self.tagged = tagged
        self.flags = flags
        self.mirror = mirror
        self.counters = counters
    }

    package var json: JSONValue {
        .object(
            [
                "name": .string(name),
                "number": .integer(Int64(number)),
                "kind": .string(kind.rawValue),
                "network": .string(network),
                "containerID": .string(container),
                "ifname": .string(interface),
                "up": .bool(isUp),
                "native": native.map { .integer(Int64($0)) } ?? .null,
                "tagged": .array(
                    tagged.map { .array([.integer(Int64($0.lowerBound)), .integer(Int64($0.upperBound))]) }
                ),
                "flags": .array(flags.map { .string($0) }),
                "mirror": .string(mirror),
                "counters": counters.json,
            ] as JSONObject
        )
    }

    /// Reads what ``json`` writes.
    ///
    /// - Throws: `JSONTypeError` for anything else.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        var tagged: [ClosedRange<Int>] = []
        for element in try reader.array("tagged") ?? [] {
            let bounds = try element.array()
            guard bounds.count == 2, case let first = try bounds[0].integer(in: 0...4095),
                case let last = try bounds[1].integer(in: 0...4095), first <= last
            else { throw element.mismatch(expected: "the first and the last VLAN") }
            tagged.append(first...last)
        }
        var flags: [String] = []
        for element in try reader.array("flags") ?? [] { flags.append(try element.string()) }
        self.init(
            name: try reader.string("name") ?? "",
            number: try reader.integer("number", in: 0...1023) ?? 0,
            kind: Kind(rawValue: try reader.string("kind") ?? "") ?? .container,
            network: try reader.string("network") ?? "",
            container: try reader.string("containerID") ?? "",
            interface: try reader.string("ifname") ?? "",
            isUp: try reader.bool("up") ?? false,
            native: try reader.integer("native", in: 0...4095),
            tagged: tagged,
            flags: flags,
            mirror: try reader.string("mirror") ?? "",
            counters: try reader.object("counters").map { member throws(JSONTypeError) in
                try SwitchPortCounters(member)
            } ?? SwitchPortCounters()
        )
    }
}

/// What has come and gone at a port since it was opened.
///
/// Seen from the switch: what a container sends is received here. Lengths are without the checksum of Ethernet; a frame
/// of up to 64 KiB, which the kernel did not cut, counts as one.
package struct SwitchPortCounters: Hashable, Sendable {
    package var receivedFrames = 0
    package var receivedBytes = 0
    package var sentFrames = 0
    package var sentBytes = 0
    /// Copies from other ports, beside `sentFrames`.
    package var mirroredFrames = 0
    /// Of frames that came from here and went nowhere: how many, by the name of each reason.
    package var drops: [Drop] = []
    /// Of frames that should have left here: the kernel would not take them now.
    package var fullDrops = 0
    /// Of frames that should have left here: the kernel would not take them at all, as when the link is down.
    package var refusedDrops = 0

    /// How many frames went nowhere for a reason.
    package struct Drop: Hashable, Sendable {
        package let reason: String
        /// The reason as a sentence.
        package let explanation: String
        package let frames: Int

        package init(reason: String, explanation: String, frames: Int) {
            self.reason = reason
            self.explanation = explanation
            self.frames = frames
        }
    }

    /// Nothing yet.
    package init() {}

    var json: JSONValue {
        .object(
            [
                "receivedFrames": .integer(Int64(receivedFrames)),
                "receivedBytes": .integer(Int64(receivedBytes)),
                "sentFrames": .integer(Int64(sentFrames)),
                "sentBytes": .integer(Int64(sentBytes)),
                "mirroredFrames": .integer(Int64(mirroredFrames)),
                "drops": .array(
                    drops.map {
                        .object(
                            [
                                "reason": .string($0.reason), "explanation": .string($0.explanation),
                                "frames": .integer(Int64($0.frames)),
                            ] as JSONObject
                        )
                    }
                ),
                "fullDrops": .integer(Int64(fullDrops)),
                "refusedDrops": .integer(Int64(refusedDrops)),
            ] as JSONObject
        )
    }

    init(_ reader: JSONReader) throws(JSONTypeError) {
        func count(_ key: String) throws(JSONTypeError) -> Int { try reader.integer(key, in: 0...Int.max) ?? 0 }
        receivedFrames = try count("receivedFrames")
        receivedBytes = try count("receivedBytes")
        sentFrames = try count("sentFrames")
        sentBytes = try count("sentBytes")
        mirroredFrames = try count("mirroredFrames")
        fullDrops = try count("fullDrops")
        refusedDrops = try count("refusedDrops")
        for element in try reader.array("drops") ?? [] {
            drops.append(
                Drop(
                    reason: try element.string("reason") ?? "",
                    explanation: try element.string("explanation") ?? "",
                    frames: try element.integer("frames", in: 0...Int.max) ?? 0
                )
            )
        }
    }
}
