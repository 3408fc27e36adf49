// SPDX-License-Identifier: Apache-2.0
package import JSON
internal import Linux
internal import Netlink

/// What the kernel counts at the host's end of an attachment: what it received there, the container sent.
package struct HostEndFacts: Hashable, Sendable {
    package let name: String
    /// Whether it is there at all, in the network namespace of who asks.
    package let isThere: Bool
    /// The bridge whose port it is; empty when it is none.
    package let bridge: String
    /// By the kernel's name for them, such as `rx_bytes`; what it does not count is left out.
    private let counters: [String: Int64]
    /// What of it went by the shortcut past its bridge, by the same names; nil when it has none.
    private let shortcut: [String: Int64]?

    /// As `ip -s link` names them, in its order.
    package static let counted = [
        "rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped",
    ]

    /// - Parameters:
    ///   - name: of the link.
    ///   - isThere: in the network namespace of who asks.
    ///   - bridge: whose port it is.
    ///   - counters: the link's.
    ///   - shortcut: what went past its bridge: of that, the link counts what it received.
    package init(
        name: String,
        isThere: Bool,
        bridge: String = "",
        counters: [String: Int64] = [:],
        shortcut: [String: Int64]? = nil
    ) {
        self.name = name
        self.isThere = isThere
        self.bridge = bridge
        self.shortcut = shortcut
        var all = counters
        for counter in ["tx_bytes", "tx_packets"] {
            if let count = counters[counter], let past = shortcut?[counter] { all[counter] = count &+ past }
        }
        self.counters = all
    }

    /// Looks at a link of this network namespace; nil when it has no name.
    ///
    /// - Parameter name: the link's.
    package init?(of name: String) {
        guard !name.isEmpty else { return nil }
        do throws(KernelError) {
            let socket = try NetlinkSocket()
            guard let counted = try socket.countedLink(named: name) else {
                self.init(name: name, isThere: false)
                return
            }
            let link = counted.details.link
            let bridge = try link.master.map { index throws(KernelError) in try socket.link(index: index) } ?? nil
            self.init(
                name: name,
                isThere: true,
                bridge: bridge?.name ?? "",
                counters: counted.counters.map { HostEndFacts.named($0) } ?? [:],
                shortcut: bridge == nil ? nil : HostEndFacts.shortcut(of: UInt32(link.index))
            )
        } catch {
            // What nobody may look at is not there for him.
            self.init(name: name, isThere: false)
        }
    }

    private static func named(_ counters: LinkCounters) -> [String: Int64] {
        let values = [
            counters.receivedOctets, counters.receivedPackets, counters.receivedErrors, counters.receivedDrops,
            counters.sentOctets, counters.sentPackets, counters.sentErrors, counters.sentDrops,
        ]
        return Dictionary(uniqueKeysWithValues: zip(counted, values.map { Int64(clamping: $0) }))
    }

    /// One counter by the kernel's name; nil when it is not counted.
    package func count(_ counter: String) -> Int64? { counters[counter] }

    /// What was dropped in either direction; nil when nothing is counted.
    package var drops: Int64? {
        guard let received = counters["rx_dropped"], let sent = counters["tx_dropped"] else { return nil }
        return received + sent
    }

    /// Octets as people read them, three digits at least: `812 B`, `1.2 kB`, `34 MB`.
    package static func text(ofOctets octets: Int64) -> String {
        var value = Double(octets)
        var unit = 0
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        while value >= 999.5, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        guard unit > 0, value < 9.95 else { return "\(Int64(value.rounded())) \(units[unit])" }
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// What is known, with keys that stay.
    package var json: JSONValue {
        var object: JSONObject = ["name": .string(name), "isThere": .bool(isThere)]
        if !bridge.isEmpty { object[exact: "bridge"] = .string(bridge) }
        HostEndFacts.add(counters, to: &object)
        if let shortcut {
            var past = JSONObject()
            HostEndFacts.add(shortcut, to: &past)
            object[exact: "shortcut"] = .object(past)
        }
        return .object(object)
    }

    private static func add(_ counters: [String: Int64], to object: inout JSONObject) {
        for counter in counted {
            guard let count = counters[counter] else { continue }
            let words = counter.split(separator: "_")
            let key = words[0] + words[1].prefix(1).uppercased() + words[1].dropFirst()
            object[exact: String(key)] = .integer(count)
        }
    }
}
