// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Monitoring
internal import Netlink
internal import Wiring

/// What stands in the box of a node, line by line, for pictures of every kind.
struct TopologyCard: Hashable, Sendable {
    /// How a line looks.
    enum Tone: String, Hashable, Sendable {
        case title
        case plain
        case quiet
        case alarm
    }

    struct Line: Hashable, Sendable {
        let text: String
        let tone: Tone
    }

    let lines: [Line]

    /// So many addresses of a node are shown; of the others, how many they are.
    private static let addresses = 4

    init(_ node: Topology.Node) {
        var lines = [Line(text: node.shortName, tone: .title)]
        func add(_ words: [String], _ tone: Tone) {
            let text = words.filter { !$0.isEmpty }.joined(separator: " · ")
            if !text.isEmpty { lines.append(Line(text: text, tone: tone)) }
        }
        add([node.key?.network ?? "", node.kindWords], .quiet)
        for address in node.addresses.prefix(TopologyCard.addresses) { add(["\(address)"], .plain) }
        let more = node.addresses.count - TopologyCard.addresses
        if more > 0 { add(["and \(more) more"], .quiet) }
        add([node.key == nil ? "" : node.link, node.vlanWords], .quiet)
        add(node.traits, .quiet)
        if let rates = node.rates {
            add([TopologyCard.rate("rx", rates.receivedOctets, rates.receivedPackets)], .plain)
            add([TopologyCard.rate("tx", rates.sentOctets, rates.sentPackets)], .plain)
        }
        for mark in node.marks { add(["! \(mark.text)"], .alarm) }
        self.lines = lines
    }

    static func rate(_ direction: String, _ octets: Double, _ packets: Double) -> String {
        "\(direction) \(TrafficTable.text(octets))B/s \(TrafficTable.text(packets))pkt/s"
    }
}

extension Topology.Node {
    fileprivate var vlanWords: String {
        guard let vlans else { return "" }
        return vlans.isAccess ? "VLAN \(vlans.words)" : "VLANs \(vlans.words)"
    }
}

extension Topology.Rates {
    /// How thick a line is through which so much goes: 1.5 for nothing, and one more for ten times as much above 1 kbit/s.
    var thickness: Double {
        var value = (receivedOctets + sentOctets) / 125
        guard value > 0 else { return 1.5 }
        guard value >= 1 else { return 1.5 + value / 2 }
        var decades = 0.0
        while value >= 10, decades < 8 {
            value /= 10
            decades += 1
        }
        return min(10, 2 + decades + (min(value, 10) - 1) / 9)
    }
}
