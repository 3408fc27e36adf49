// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Attachments
internal import CNI
package import JSON
package import Pools
internal import Wiring

/// What `culvert top` shows.
package struct TrafficTable: Sendable {
    private let traffic: [AttachmentTraffic]
    private let order: AttachmentTraffic.Order

    package init(_ traffic: [AttachmentTraffic], by order: AttachmentTraffic.Order) {
        self.traffic = AttachmentTraffic.sorted(traffic, by: order)
        self.order = order
    }

    // MARK: - For people

    private static let titles = ["NETWORK", "CONTAINER", "INTERFACE", "ADDRESSES", "STATE"]
    private static let numbers = ["RX BIT/S", "TX BIT/S", "RX PKT/S", "TX PKT/S", "DROP/S", "DROPS"]

    /// What is left away, step by step, where there is no room for all columns: who looks wants rates.
    private static let dispensable = [
        ["ADDRESSES"], ["INTERFACE"], ["RX PKT/S", "TX PKT/S"], ["NETWORK"], ["DROPS"], ["STATE"], ["DROP/S"],
    ]

    /// Everything, a line each.
    ///
    /// `width`: of a screen, for which columns are left away; nil for all of them.
    package func lines(_ look: Look, hasHeader: Bool = true, within width: Int? = nil) -> [String] {
        var columns =
            TrafficTable.titles.map { TextTable.Column($0) }
            + TrafficTable.numbers.map { TextTable.Column($0, isNumber: true) }
        var rows = traffic.map { cells($0) }
        for titles in TrafficTable.dispensable {
            var table = TextTable(columns)
            table.measure(rows)
            guard let width, table.width > width else { break }
            let kept = columns.indices.filter { !titles.contains(columns[$0].title) }
            columns = kept.map { columns[$0] }
            rows = rows.map { row in kept.map { row[$0] } }
        }
        return TextTable.lines(columns, rows, look, hasHeader: hasHeader)
    }

    private func cells(_ traffic: AttachmentTraffic) -> [TextTable.Cell] {
        let facts = traffic.row.facts
        let addresses = facts.addresses.map { "\($0.address)" }.joined(separator: ",")
        // Who is dead, or of whom only half stands, matters more than how it came to be.
        let state = facts.life.verdict == .dead ? "dead" : facts.state.rawValue
        let isFine = facts.state == .whole && facts.life.verdict != .dead
        let rates = traffic.rates
        let drops = traffic.row.hostEnd?.drops
        return [
            TextTable.Cell(facts.key.network, .name), TextTable.Cell(LeaseRow.brief(facts.key.containerID)),
            TextTable.Cell(facts.key.interfaceName), TextTable.Cell(addresses.isEmpty ? "-" : addresses),
            TextTable.Cell(state, isFine ? .good : .bad),
            cell(rates?.receivedBits), cell(rates?.sentBits), cell(rates?.receivedPackets), cell(rates?.sentPackets),
            TextTable.Cell(TrafficTable.text(rates?.drops), (rates?.drops ?? 0) > 0 ? .bad : .plain),
            TextTable.Cell(drops.map { "\($0)" } ?? "-", (drops ?? 0) > 0 ? .notable : .plain),
        ]
    }

    private func cell(_ rate: Double?) -> TextTable.Cell {
        TextTable.Cell(TrafficTable.text(rate), rate == 0 ? .dim : .plain)
    }

    /// A rate in three digits: `0`, `0.4`, `812`, `1.2k`, `34M`.
    package static func text(_ rate: Double?) -> String {
        guard let rate else { return "-" }
        guard rate > 0 else { return "0" }
        var value = rate
        var unit = 0
        let units = ["", "k", "M", "G", "T", "P", "E"]
        while value >= 999.5, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        guard value < 9.95 else { return "\(Int64(value.rounded()))\(units[unit])" }
        let tenths = max(1, Int64((value * 10).rounded()))
        return tenths % 10 == 0 ? "\(tenths / 10)\(units[unit])" : "\(tenths / 10).\(tenths % 10)\(units[unit])"
    }

    /// One screen: a line that says what is shown, and as much of the table as there is room for.
    ///
    /// - Parameters:
    ///   - look: what the terminal can show; its width is the screen's.
    ///   - height: of the screen, in lines.
    ///   - interval: how many seconds lie between two looks, as it is printed.
    ///   - isPaused: whether the screen stands still.
    /// - Returns: at most `height` lines, each no wider than the screen.
    package func screen(_ look: Look, height: Int, interval: String, isPaused: Bool) -> [String] {
        let rates = traffic.compactMap { $0.rates }
        let received = TrafficTable.text(rates.reduce(0) { $0 + $1.receivedBits })
        let sent = TrafficTable.text(rates.reduce(0) { $0 + $1.sentBits })
        let count = traffic.count == 1 ? "1 attachment" : "\(traffic.count) attachments"
        let pause = isPaused ? "  PAUSED" : ""
        let head = "\(count), rx \(received)bit/s, tx \(sent)bit/s, by \(order.rawValue), every \(interval) s\(pause)"
        let keys = "q quit  s sort  p pause"
        let all = [head, look.tinted(keys, .dim), ""] + lines(look, within: look.width)
        return all.prefix(max(0, height)).map { TrafficTable.clipped($0, to: look.width ?? .max) }
    }

    /// A line cut off at the edge of the screen; colours (ECMA-48, SGR) take no room, and end with it.
    package static func clipped(_ line: String, to width: Int) -> String {
        var clipped = ""
        var room = width
        var isEscape = false
        var isCut = false
        for character in line {
            if character == "\u{1b}" { isEscape = true }
            if isEscape {
                // A colour is taken back even where its text was cut off.
                clipped.append(character)
                if character == "m" { isEscape = false }
                continue
            }
            if room > 0 {
                clipped.append(character)
                room -= 1
            } else {
                isCut = true
            }
        }
        return isCut || !clipped.isEmpty ? clipped : line
    }

    // MARK: - For programs

    /// With keys that stay: those of `list`, and `rates`, which is left out where there are none.
    ///
    /// `now`: ``Machine/bootNanoseconds``.
    package func json(now: Int64) -> JSONValue {
        .object([
            "attachments": .array(
                traffic.map { each in
                    guard case .object(var object) = each.row.json(now: now) else { return .null }
                    if let rates = each.rates {
                        object[exact: "rates"] = .object([
                            "rxBitsPerSecond": number(rates.receivedBits), "txBitsPerSecond": number(rates.sentBits),
                            "rxPacketsPerSecond": number(rates.receivedPackets),
                            "txPacketsPerSecond": number(rates.sentPackets), "dropsPerSecond": number(rates.drops),
                        ])
                    }
                    return .object(object)
                }
            )
        ])
    }

    /// Three digits after the point are more than a rate is worth.
    private func number(_ rate: Double) -> JSONValue { .real((rate * 1000).rounded() / 1000) }
}
