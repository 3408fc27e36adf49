// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
package import JSON
internal import Linux
package import Pools
internal import Wiring

/// One attachment, as it is printed.
package struct AttachmentRow: Hashable, Sendable {
    package let facts: AttachmentFacts
    /// nil where there is no pair, or nobody knows its end.
    package let hostEnd: HostEndFacts?

    package init(_ facts: AttachmentFacts, hostEnd: HostEndFacts?) {
        self.facts = facts
        self.hostEnd = hostEnd
    }

    /// Looks at the host's end as well.
    package init(looking facts: AttachmentFacts) {
        self.init(facts, hostEnd: HostEndFacts(of: facts.hostInterface))
    }

    /// How `show` names it: `CONTAINER:INTERFACE`.
    package var name: String { "\(facts.key.containerID):\(facts.key.interfaceName)" }

    // MARK: - For people

    /// The titles of a list.
    package static func columns(isWide: Bool) -> [TextTable.Column] {
        let titles = ["NETWORK", "CONTAINER", "INTERFACE", "PLUGIN", "ADDRESSES", "STATE", "CONTAINER IS"]
        let age = [TextTable.Column("AGE", isNumber: true)]
        guard isWide else { return titles.map { TextTable.Column($0) } + age }
        return titles.map { TextTable.Column($0) } + age
            + ["CHAIN", "MAC"].map { TextTable.Column($0) } + [TextTable.Column("MTU", isNumber: true)]
            + [TextTable.Column("HOST END")]
            + ["RX", "TX", "DROPS"].map { TextTable.Column($0, isNumber: true) } + [TextTable.Column("NAMESPACE")]
    }

    /// The texts of a list.
    ///
    /// `now`: ``Machine/bootNanoseconds``.
    package func cells(isWide: Bool, now: Int64) -> [TextTable.Cell] {
        let key = facts.key
        let addresses = facts.addresses.map { "\($0.address)" }.joined(separator: ",")
        var cells: [TextTable.Cell] = [
            TextTable.Cell(key.network, .name),
            TextTable.Cell(isWide ? key.containerID : LeaseRow.brief(key.containerID)),
            TextTable.Cell(key.interfaceName), TextTable.Cell(facts.chain.first ?? "?"),
            TextTable.Cell(addresses.isEmpty ? "-" : addresses), TextTable.Cell(facts.state.rawValue, facts.state.tint),
            TextTable.Cell(facts.life.verdict.rawValue, facts.life.verdict.tint),
            TextTable.Cell(age(now: now).map { Moment.age(seconds: $0) } ?? "-"),
        ]
        if isWide { cells += wideCells }
        return cells
    }

    private var wideCells: [TextTable.Cell] {
        let interface = facts.interface
        func octets(_ counter: String) -> TextTable.Cell {
            TextTable.Cell(hostEnd?.count(counter).map { HostEndFacts.text(ofOctets: $0) } ?? "-")
        }
        let drops = hostEnd?.drops
        return [
            TextTable.Cell(facts.chain.joined(separator: ",")),
            TextTable.Cell(interface.flatMap { $0.mac.isEmpty ? nil : $0.mac } ?? "-"),
            TextTable.Cell(interface.flatMap { $0.mtu > 0 ? "\($0.mtu)" : nil } ?? "-"),
            hostEnd.map { TextTable.Cell($0.name, $0.isThere ? .plain : .bad) } ?? "-",
            octets("rx_bytes"), octets("tx_bytes"),
            TextTable.Cell(drops.map { "\($0)" } ?? "-", drops ?? 0 > 0 ? .notable : .plain),
            TextTable.Cell(facts.record?.namespacePath ?? ""),
        ]
    }

    /// How long ago its ADD began, in seconds; nil when nobody knows, or it was before this boot.
    private func age(now: Int64) -> Int64? {
        guard let began = facts.record?.intendedNanoseconds, began > 0, began <= now else { return nil }
        return (now - began) / 1_000_000_000
    }

    // MARK: - For programs

    /// The attachment with keys that stay; what is not known is left out.
    package func json(now: Int64) -> JSONValue {
        let key = facts.key
        var object: JSONObject = [
            "network": .string(key.network), "containerID": .string(key.containerID),
            "interface": .string(key.interfaceName), "plugins": .array(facts.chain.map { .string($0) }),
            "state": .string(facts.state.rawValue), "container": .string(facts.life.verdict.rawValue),
            "proof": .string(facts.life.proof), "addresses": .array(facts.addresses.map { .string("\($0)") }),
        ]
        func add(_ key: String, _ text: String?) {
            if let text, !text.isEmpty { object[exact: key] = .string(text) }
        }
        add("mac", facts.interface?.mac)
        if let mtu = facts.interface?.mtu, mtu > 0 { object[exact: "mtu"] = .integer(Int64(mtu)) }
        add("netns", facts.record?.namespacePath)
        if let began = facts.record?.intendedNanoseconds, age(now: now) != nil {
            add("began", Moment.text(ofWall: Moment.wall(ofBoot: began)))
        }
        if let hostEnd { object[exact: "hostInterface"] = hostEnd.json }
        return .object(object)
    }
}

extension AttachmentFacts.State {
    var tint: Look.Tint {
        switch self {
        case .whole: .good
        case .busy: .notable
        case .begun, .pending: .bad
        }
    }
}

extension AttachmentLife.Verdict {
    var tint: Look.Tint {
        switch self {
        case .alive: .good
        case .dead: .bad
        case .unknown: .notable
        }
    }
}
