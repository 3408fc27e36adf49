// SPDX-License-Identifier: Apache-2.0
package import Attachments
internal import Wiring

/// What the host's ends of all attachments had counted at one moment.
package struct TrafficSample: Sendable {
    /// By ``Machine/bootNanoseconds``.
    package let nanoseconds: Int64
    package let rows: [AttachmentRow]

    package init(nanoseconds: Int64, rows: [AttachmentRow]) {
        self.nanoseconds = nanoseconds
        self.rows = rows
    }

    /// What went on since an earlier moment, attachment by attachment, in the order of this sample.
    package func traffic(since earlier: TrafficSample) -> [AttachmentTraffic] {
        let before = Dictionary(earlier.rows.map { ($0.facts.key, $0) }) { first, _ in first }
        let seconds = Double(nanoseconds - earlier.nanoseconds) / 1e9
        return rows.map { row in
            AttachmentTraffic(row, before: before[row.facts.key], seconds: seconds)
        }
    }
}

/// What goes through one attachment, as its host's end counts: what the host received, the container sent.
package struct AttachmentTraffic: Hashable, Sendable {
    /// So many in a second.
    package struct Rates: Hashable, Sendable {
        package let receivedBits: Double
        package let sentBits: Double
        package let receivedPackets: Double
        package let sentPackets: Double
        package let drops: Double

        package init(
            receivedBits: Double = 0,
            sentBits: Double = 0,
            receivedPackets: Double = 0,
            sentPackets: Double = 0,
            drops: Double = 0
        ) {
            self.receivedBits = receivedBits
            self.sentBits = sentBits
            self.receivedPackets = receivedPackets
            self.sentPackets = sentPackets
            self.drops = drops
        }
    }

    package let row: AttachmentRow
    /// nil where nothing is counted, or was not a moment ago: there is no end on the host, or it is a new one.
    package let rates: Rates?

    package init(_ row: AttachmentRow, rates: Rates?) {
        self.row = row
        self.rates = rates
    }

    init(_ row: AttachmentRow, before: AttachmentRow?, seconds: Double) {
        self.row = row
        guard seconds > 0, let now = row.hostEnd, let before = before?.hostEnd, now.name == before.name else {
            rates = nil
            return
        }
        /// A counter that went back is another link's of the same name.
        func rate(_ counter: String) -> Double? {
            guard let now = now.count(counter), let before = before.count(counter), now >= before else { return nil }
            return Double(now - before) / seconds
        }
        guard let received = rate("rx_bytes"), let sent = rate("tx_bytes"), let receivedPackets = rate("rx_packets"),
            let sentPackets = rate("tx_packets"), let receivedDrops = rate("rx_dropped"),
            let sentDrops = rate("tx_dropped")
        else {
            rates = nil
            return
        }
        rates = Rates(
            receivedBits: received * 8,
            sentBits: sent * 8,
            receivedPackets: receivedPackets,
            sentPackets: sentPackets,
            drops: receivedDrops + sentDrops
        )
    }

    /// By what a list is sorted, by the word that the command line knows.
    package enum Order: String, Hashable, Sendable, CaseIterable {
        /// Both directions together.
        case traffic
        case rx
        case tx
        case packets
        case drops
        /// Network, container and interface.
        case name

        /// The one after it; the first after the last.
        package var next: Order {
            let all = Order.allCases
            return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
        }

        func measure(_ rates: Rates) -> Double {
            switch self {
            case .traffic: rates.receivedBits + rates.sentBits
            case .rx: rates.receivedBits
            case .tx: rates.sentBits
            case .packets: rates.receivedPackets + rates.sentPackets
            case .drops: rates.drops
            case .name: 0
            }
        }
    }

    /// The most first; who counts nothing last; equal ones by name, so that they stay where they are.
    package static func sorted(_ traffic: [AttachmentTraffic], by order: Order) -> [AttachmentTraffic] {
        var entries: [(each: AttachmentTraffic, measure: Double, name: String)] = []
        for each in traffic {
            let measure = each.rates.map { order.measure($0) } ?? -1
            entries.append((each, order == .name ? 0 : measure, "\(each.row.facts.key)"))
        }
        entries.sort { one, other in
            one.measure == other.measure ? one.name < other.name : one.measure > other.measure
        }
        return entries.map { $0.each }
    }
}
