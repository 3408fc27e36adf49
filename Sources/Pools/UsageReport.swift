// SPDX-License-Identifier: Apache-2.0
package import AddressPools
internal import Addressing
internal import HostLocal
package import JSON
internal import LeaseStore

/// What `ipam usage` says.
package struct UsageReport {
    private let networks: [NetworkUsage]

    package init(_ networks: [NetworkUsage]) {
        self.networks = networks
    }

    // MARK: - For people

    /// A line for each pool, the notes that belong to them, and pictures if they are wanted.
    package func lines(isWide: Bool, hasHeader: Bool, hasMaps: Bool, _ look: Look) -> [String] {
        var columns = self.columns(isWide: isWide)
        var rows = networks.flatMap { network in self.rows(network, isWide: isWide) }
        if let width = look.width {
            narrow(&rows, &columns, to: width)
            draw(&rows, look, columns)
        }
        var lines = TextTable.lines(columns, rows.map { $0.cells }, look, hasHeader: hasHeader)
        for network in networks where network.strays > 0 && !network.network.configurations.isEmpty {
            let count = network.strays == 1 ? "1 lease lies" : "\(network.strays) leases lie"
            let text = "\(network.network.name): \(count) outside of every pool; see ipam check"
            lines.append(look.tinted(text, .notable))
        }
        guard hasMaps else { return lines }
        for network in networks {
            for pool in network.pools {
                let title = "\(network.network.name)  \(UsageReport.name(of: pool.range))"
                lines += ["", look.tinted(title, .bold)] + PoolMap(pool, look).lines.map { "  \($0)" }
            }
        }
        return lines
    }

    private func columns(isWide: Bool) -> [TextTable.Column] {
        let numbers = ["TOTAL", "USED", "SUSPECT", "RESERVED", "RESTING", "FREE", "USE"]
        return [TextTable.Column("NETWORK"), TextTable.Column("POOL")]
            + numbers.map { TextTable.Column($0, isNumber: true) }
            + (isWide ? ["SET", "GATEWAY", "PLUGIN", "CONFIGURATION"].map { TextTable.Column($0) } : [])
            + [TextTable.Column("")]
    }

    private struct Row {
        var cells: [TextTable.Cell]
        let usage: PoolUsage?
    }

    private func rows(_ network: NetworkUsage, isWide: Bool) -> [Row] {
        let name = TextTable.Cell(network.network.name, .name)
        guard !network.network.configurations.isEmpty else {
            let families: [AddressFamily] = [.v4, .v6]
            let known = families.filter { network.outside[$0] != nil }
            return (known.isEmpty ? [.v4] : known).map { family in
                let used = network.outside[family]?.leased ?? 0
                let suspect = network.outside[family]?.suspect ?? 0
                let texts = ["-", "\(used)", "\(suspect)", "-", "-", "-", "-"] + (isWide ? ["-", "-", "-", "-"] : [])
                let cells = [name, TextTable.Cell("(no configuration)", .dim)] + texts.map { TextTable.Cell($0) }
                return Row(cells: cells + [""], usage: nil)
            }
        }
        guard !network.pools.isEmpty else {
            let texts = ["-", "-", "-", "-", "-", "-", "-"] + (isWide ? ["-", "-", "-", "-"] : [])
            return [
                Row(
                    cells: [name, TextTable.Cell("(ranges come from the runtime)", .dim)]
                        + texts.map { TextTable.Cell($0) } + [""],
                    usage: nil
                )
            ]
        }
        return network.pools.map { Row(cells: [name] + cells($0, isWide: isWide) + [""], usage: $0.usage) }
    }

    private func cells(_ pool: NetworkUsage.Pool, isWide: Bool) -> [TextTable.Cell] {
        let usage = pool.usage
        let numbers: [(UInt128, Look.Tint)] = [
            (usage.total, .plain), (usage.used, .plain), (usage.suspect, usage.suspect > 0 ? .bad : .plain),
            (usage.reserved, .plain), (usage.quarantined, .plain), (usage.free, usage.free == 0 ? .bad : .plain),
        ]
        let share = TextTable.Cell(
            CountText.percentage(usage.used, of: usage.total),
            UsageBar(usage, width: 4).tint
        )
        let cells =
            [TextTable.Cell(UsageReport.name(of: pool.range))]
            + numbers.map { TextTable.Cell(CountText.brief($0.0), $0.1) } + [share]
        guard isWide else { return cells }
        let configuration = pool.configuration
        return cells + [
            TextTable.Cell("\(pool.rangeSet)"), TextTable.Cell("\(pool.range.gateway)"),
            TextTable.Cell(configuration.pluginType), TextTable.Cell(configuration.file),
        ]
    }

    /// Leaves columns of zeros away where the lines would be longer than the screen is wide.
    private func narrow(_ rows: inout [Row], _ columns: inout [TextTable.Column], to width: Int) {
        for title in ["RESTING", "RESERVED", "SUSPECT"] {
            var table = TextTable(columns)
            table.measure(rows.map { $0.cells })
            guard table.width > width, let position = columns.firstIndex(where: { $0.title == title }) else { continue }
            guard rows.allSatisfy({ ["0", "-"].contains($0.cells[position].text) }) else { continue }
            columns.remove(at: position)
            for index in rows.indices { rows[index].cells.remove(at: position) }
        }
    }

    /// Adds bars as far as the screen has room for them.
    private func draw(_ rows: inout [Row], _ look: Look, _ columns: [TextTable.Column]) {
        var table = TextTable(columns)
        table.measure(rows.map { $0.cells })
        let room = (look.width ?? 0) - table.width
        guard room >= 8 else { return }
        for index in rows.indices {
            guard let usage = rows[index].usage else { continue }
            let bar = UsageBar(usage, width: min(room, 24))
            rows[index].cells[columns.count - 1] = TextTable.Cell(bar.text(look), drawn: bar.drawn(look))
        }
    }

    /// The subnet, if all of it is given that can be, else both ends.
    package static func name(of range: AddressRange) -> String {
        let whole: AddressRange?
        do throws(PoolError) {
            whole = try AddressRange(subnet: range.subnet)
        } catch {
            whole = nil
        }
        return whole?.run == range.run ? "\(range.subnet)" : "\(range)"
    }

    // MARK: - For programs

    /// The names of the networks, one a line.
    package var names: [String] { networks.map { $0.network.name } }

    /// The whole, with keys that stay.
    package var json: JSONValue {
        .object(["networks": .array(networks.map { json($0) })])
    }

    private func json(_ usage: NetworkUsage) -> JSONValue {
        .object([
            "network": .string(usage.network.name),
            "directory": .string(usage.network.directory),
            "pools": .array(usage.pools.map { json($0) }),
            "leasesOutside": .integer(Int64(clamping: usage.strays)),
        ])
    }

    private func json(_ pool: NetworkUsage.Pool) -> JSONValue {
        .object([
            "rangeSet": .integer(Int64(pool.rangeSet)),
            "subnet": .string("\(pool.range.subnet)"),
            "first": .string("\(pool.range.first)"),
            "last": .string("\(pool.range.last)"),
            "gateway": .string("\(pool.range.gateway)"),
            "total": CountText.json(pool.usage.total),
            "used": CountText.json(pool.usage.used),
            "suspect": CountText.json(pool.usage.suspect),
            "reserved": CountText.json(pool.usage.reserved),
            "resting": CountText.json(pool.usage.quarantined),
            "free": CountText.json(pool.usage.free),
            "plugin": .string(pool.configuration.pluginType),
            "file": .string(pool.configuration.file),
        ])
    }
}
