// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Monitoring
internal import Netlink
package import Pools
internal import Wiring

extension Topology {
    /// The tree for a terminal, beside it a table of what is known; fits to its width.
    package func lines(_ look: Look, hasHeader: Bool = true) -> [String] {
        var rows: [TopologyRow] = []
        TopologyRow.add(host, stem: "", mark: "", isUnicode: look.hasBlocks, to: &rows)
        var columns = TopologyColumn.allCases.filter { column in
            column == .name || rows.contains { !$0[column].text.isEmpty }
        }
        var lines = Topology.lines(columns, rows, look, hasHeader: hasHeader)
        // What matters least goes first where there is no room; the last resort is to cut.
        for column in [TopologyColumn.kind, .mac, .link, .receivedPackets, .sentPackets, .vlans]
        where lines.width(look) > look.width ?? .max {
            columns.removeAll { $0 == column }
            lines = Topology.lines(columns, rows, look, hasHeader: hasHeader)
        }
        return lines.text.map { TrafficTable.clipped($0, to: look.width ?? .max) }
    }

    private static func lines(
        _ columns: [TopologyColumn],
        _ rows: [TopologyRow],
        _ look: Look,
        hasHeader: Bool
    ) -> TopologyLines {
        var table = TextTable(columns.map { TextTable.Column($0.rawValue, isNumber: $0.isNumber) })
        let cells = rows.map { row in columns.map { row[$0] } }
        table.measure(cells)
        let head = hasHeader ? [table.header(look)] : []
        return TopologyLines(text: head + cells.map { table.line($0, look) }, breadth: table.width)
    }
}

/// Lines, and how wide they are at most.
private struct TopologyLines {
    let text: [String]
    let breadth: Int

    /// In columns of the terminal.
    func width(_ look: Look) -> Int { look.width == nil ? 0 : breadth }
}

/// What stands beside the tree, by the title.
private enum TopologyColumn: String, CaseIterable {
    case name = "NAME"
    case network = "NETWORK"
    case addresses = "ADDRESSES"
    case kind = "KIND"
    case link = "LINK"
    case mac = "MAC"
    case vlans = "VLAN"
    case receivedOctets = "RX B/S"
    case sentOctets = "TX B/S"
    case receivedPackets = "RX PKT/S"
    case sentPackets = "TX PKT/S"
    case notes = "NOTES"

    var isNumber: Bool { [.receivedOctets, .sentOctets, .receivedPackets, .sentPackets].contains(self) }
}

/// One line of the tree.
private struct TopologyRow {
    private let stem: String
    private let node: Topology.Node

    /// A node, and below it its children.
    ///
    /// `stem` stands before lines of its children, `mark` before its own.
    static func add(
        _ node: Topology.Node,
        stem: String,
        mark: String,
        isUnicode: Bool,
        to rows: inout [TopologyRow]
    ) {
        rows.append(TopologyRow(stem: mark, node: node))
        let (branch, last, rail) = isUnicode ? ("├─ ", "└─ ", "│  ") : ("|- ", "`- ", "|  ")
        for (position, child) in node.children.enumerated() {
            let isLast = position == node.children.count - 1
            add(
                child,
                stem: stem + (isLast ? "   " : rail),
                mark: stem + (isLast ? last : branch),
                isUnicode: isUnicode,
                to: &rows
            )
        }
    }

    /// The tree itself is not to be read: it stands back.
    private var name: TextTable.Cell {
        let look = Look(hasColor: true)
        let name = TextTable.Cell(node.shortName).text
        let drawn = look.tinted(stem, .dim) + look.tinted(name, node.isDown ? .bad : node.tint)
        return TextTable.Cell(stem + name, drawn: drawn)
    }

    subscript(column: TopologyColumn) -> TextTable.Cell {
        let rates = node.rates
        func rate(_ value: Double?) -> TextTable.Cell {
            value.map { TextTable.Cell(TrafficTable.text($0), $0 == 0 ? .dim : .plain) } ?? ""
        }
        switch column {
        case .name: return name
        case .network: return TextTable.Cell(node.key?.network ?? "", .name)
        case .addresses: return TextTable.Cell(node.addresses.map { "\($0)" }.joined(separator: ","))
        case .kind: return TextTable.Cell(node.kindWords)
        case .link: return TextTable.Cell(node.key == nil ? "" : node.link)
        // Of containers' interfaces `culvert list -o wide` knows it.
        case .mac: return TextTable.Cell(node.role == .stranger ? node.mac : "")
        case .vlans: return TextTable.Cell(node.vlans?.words ?? "")
        case .receivedOctets: return rate(rates?.receivedOctets)
        case .sentOctets: return rate(rates?.sentOctets)
        case .receivedPackets: return rate(rates?.receivedPackets)
        case .sentPackets: return rate(rates?.sentPackets)
        case .notes:
            let words = node.marks.map { $0.text } + node.traits
            return TextTable.Cell(words.joined(separator: ", "), node.marks.isEmpty ? .plain : .bad)
        }
    }
}

extension Topology.Node {
    /// As ``name``, but digests that stand for containers are cut to twelve digits.
    var shortName: String { key.map { "\(LeaseRow.brief($0.containerID)):\($0.interfaceName)" } ?? name }

    /// The plugin that made it, and what it is if that is another word.
    var kindWords: String {
        guard key != nil else { return kind }
        if kind.hasPrefix(plugin) { return kind }
        return kind.isEmpty || kind == "veth" ? plugin : "\(plugin), \(kind)"
    }

    fileprivate var tint: Look.Tint {
        switch role {
        case .host: .bold
        case .link, .userSwitch: children.isEmpty ? .plain : .bold
        case .attachment: .plain
        case .stranger: .notable
        case .reference: .dim
        }
    }
}
