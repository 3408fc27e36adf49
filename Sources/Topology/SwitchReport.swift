// SPDX-License-Identifier: Apache-2.0
internal import Attachments
package import JSON
package import Pools
package import SwitchControl

/// What switches know, of whatever kind they are, as it is printed.
package struct SwitchReport: Sendable {
    /// Who carries the frames; these words stay.
    package enum Kind: String, Hashable, Sendable {
        /// A bridge of the kernel.
        case kernel
        /// A switch of culvert-switchd.
        case daemon
    }

    private let switches: [(kind: Kind, view: SwitchView)]
    private let stations: [SwitchStationView]
    /// Those that frames are led to past their bridge.
    private let led: Set<SwitchStationView>

    /// - Parameters:
    ///   - kernel: bridges of the kernel.
    ///   - daemon: what the daemon says of its switches.
    ///   - stations: what it says of stations.
    package init(kernel: [KernelSwitch], daemon: [SwitchView] = [], stations: [SwitchStationView] = []) {
        switches = kernel.map { (.kernel, $0.view) } + daemon.map { (.daemon, $0) }
        self.stations = kernel.flatMap { $0.stations } + stations
        led = kernel.reduce(into: []) { $0.formUnion($1.led) }
    }

    /// The names of all switches.
    package var names: [String] { switches.map { $0.view.name } }

    // MARK: - Switches and ports

    /// Switches, their ports, and why frames were dropped: a table each, where there is something to say.
    package func lines(_ look: Look, isWide: Bool, hasHeader: Bool = true) -> [String] {
        let heads =
            ["SWITCH", "KIND"].map { TextTable.Column($0) }
            + ["PORTS", "STATIONS", "ROOM"].map { TextTable.Column($0, isNumber: true) }
        let rows = switches.map { kind, view -> [TextTable.Cell] in
            [
                TextTable.Cell(view.name, .name), TextTable.Cell(kind.rawValue), "\(view.ports.count)",
                "\(view.stations)", view.maximumStations > 0 ? "\(view.maximumStations)" : "-",
            ]
        }
        let parts = [
            TextTable.lines(heads, rows, look, hasHeader: hasHeader), portLines(look, isWide, hasHeader),
            dropLines(look, hasHeader),
        ]
        return Array(parts.filter { !$0.isEmpty }.joined(separator: [""]))
    }

    private func portLines(_ look: Look, _ isWide: Bool, _ hasHeader: Bool) -> [String] {
        let titles = ["SWITCH", "PORT", "IS", "CONTAINER", "INTERFACE", "LINK", "VLAN", "FLAGS"]
        let wide = isWide ? ["RX", "TX", "MIRRORED"] : []
        let columns =
            titles.map { TextTable.Column($0) }
            + (["RX FRAMES", "TX FRAMES", "DROPS"] + wide).map { TextTable.Column($0, isNumber: true) }
            + (isWide ? [TextTable.Column("COPIES TO")] : [])
        let rows = switches.flatMap { _, view in view.ports.map { cells($0, of: view, isWide) } }
        return rows.isEmpty ? [] : TextTable.lines(columns, rows, look, hasHeader: hasHeader)
    }

    private func cells(_ port: SwitchPortView, of view: SwitchView, _ isWide: Bool) -> [TextTable.Cell] {
        let counters = port.counters
        let drops = counters.drops.reduce(counters.fullDrops + counters.refusedDrops) { $0 + $1.frames }
        func text(_ text: String) -> TextTable.Cell { TextTable.Cell(text.isEmpty ? "-" : text) }
        func octets(_ count: Int) -> TextTable.Cell { TextTable.Cell(HostEndFacts.text(ofOctets: Int64(count))) }
        let flags = port.flags.joined(separator: ",")
        var cells = [
            TextTable.Cell(view.name, .name), text(port.name), TextTable.Cell(port.kind.rawValue),
            text(LeaseRow.brief(port.container)), text(port.interface),
            TextTable.Cell(port.isUp ? "up" : "down", port.isUp ? .good : .bad), text(port.vlanWords),
            TextTable.Cell(flags.isEmpty ? "-" : flags, port.flags.contains("no-record") ? .notable : .plain),
            "\(counters.receivedFrames)", "\(counters.sentFrames)",
            TextTable.Cell("\(drops)", drops > 0 ? .notable : .plain),
        ]
        if isWide {
            cells += [octets(counters.receivedBytes), octets(counters.sentBytes), "\(counters.mirroredFrames)"]
            cells.append(text(port.mirror))
        }
        return cells
    }

    private func dropLines(_ look: Look, _ hasHeader: Bool) -> [String] {
        let columns =
            ["SWITCH", "PORT"].map { TextTable.Column($0) } + [TextTable.Column("DROPPED", isNumber: true)]
            + ["REASON", "WHICH MEANS"].map { TextTable.Column($0) }
        var rows: [[TextTable.Cell]] = []
        for (_, view) in switches {
            for port in view.ports {
                for drop in port.counters.allDrops {
                    rows.append([
                        TextTable.Cell(view.name, .name), TextTable.Cell(port.name), "\(drop.frames)",
                        TextTable.Cell(drop.reason, .notable), TextTable.Cell(drop.explanation),
                    ])
                }
            }
        }
        return rows.isEmpty ? [] : TextTable.lines(columns, rows, look, hasHeader: hasHeader)
    }

    /// Switches with keys that stay: those of the daemon, and `kind`.
    package var json: JSONValue {
        .object([
            "switches": .array(
                switches.map { kind, view in
                    guard case .object(var object) = view.json else { return .null }
                    object[exact: "kind"] = .string(kind.rawValue)
                    if view.maximumStations == 0 { object.remove(anyCase: "maximumStations") }
                    return .object(object)
                }
            )
        ])
    }

    // MARK: - Stations

    /// The stations of one VLAN, or of all.
    private func stations(inVLAN vlan: Int?) -> [SwitchStationView] {
        stations.filter { vlan == nil || $0.vlan == vlan }
    }

    private func port(of station: SwitchStationView) -> SwitchPortView? {
        let view = switches.first { $0.view.name == station.switchName }?.view
        return view?.ports.first { $0.name == station.port }
    }

    /// MAC addresses alone.
    package func addresses(inVLAN vlan: Int? = nil) -> [String] { stations(inVLAN: vlan).map { $0.address } }

    /// Who is behind which port.
    package func stationLines(_ look: Look, inVLAN vlan: Int? = nil, hasHeader: Bool = true) -> [String] {
        let columns =
            ["SWITCH", "VLAN", "MAC", "PORT", "CONTAINER", "INTERFACE", "FLAGS"].map { TextTable.Column($0) }
            + [TextTable.Column("AGE", isNumber: true)]
        let rows = stations(inVLAN: vlan).map { station -> [TextTable.Cell] in
            let port = port(of: station)
            return [
                TextTable.Cell(station.switchName, .name), station.vlan == 0 ? "-" : "\(station.vlan)",
                TextTable.Cell(station.address), TextTable.Cell(station.port.isEmpty ? "itself" : station.port),
                TextTable.Cell(port.flatMap { $0.container.isEmpty ? nil : LeaseRow.brief($0.container) } ?? "-"),
                TextTable.Cell(port.flatMap { $0.interface.isEmpty ? nil : $0.interface } ?? "-"),
                led.contains(station) ? "shortcut" : "-",
                station.isStatic ? "static" : TextTable.Cell(Moment.age(seconds: Int64(station.age))),
            ]
        }
        return rows.isEmpty ? [] : TextTable.lines(columns, rows, look, hasHeader: hasHeader)
    }

    /// Stations with the daemon's keys, and whose they are.
    package func stationJSON(inVLAN vlan: Int? = nil) -> JSONValue {
        .object([
            "stations": .array(
                stations(inVLAN: vlan).map { station in
                    guard case .object(var object) = station.json else { return .null }
                    if led.contains(station) { object[exact: "shortcut"] = .bool(true) }
                    if let port = port(of: station), !port.container.isEmpty {
                        object[exact: "containerID"] = .string(port.container)
                        object[exact: "ifname"] = .string(port.interface)
                    }
                    return .object(object)
                }
            )
        ])
    }
}

extension SwitchPortView {
    /// As people say it: `10`, `20-30,40 native 1`; empty where VLANs are not told apart.
    fileprivate var vlanWords: String {
        let tagged = tagged.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        guard let native else { return tagged.joined(separator: ",") }
        return tagged.isEmpty ? "\(native)" : "\(tagged.joined(separator: ",")) native \(native)"
    }
}

extension SwitchPortCounters {
    /// With those that should have left here.
    fileprivate var allDrops: [Drop] {
        var all = drops
        if fullDrops > 0 {
            all.append(Drop(reason: "full", explanation: "there was no room on the way out", frames: fullDrops))
        }
        if refusedDrops > 0 {
            let explanation = "the link would not take it, as when it is down"
            all.append(Drop(reason: "refused", explanation: explanation, frames: refusedDrops))
        }
        return all
    }
}

extension SwitchTraceView {
    /// What would become of the frame, step by step.
    package func lines(_ look: Look) -> [String] {
        let tint: Look.Tint = verdict == "drop" ? .bad : .good
        let place = vlan > 0 ? "\(switchName), VLAN \(vlan)" : switchName
        var lines = ["from \(look.tinted(port, .name)) of \(place): \(look.tinted(verdict, tint)), \(explanation)"]
        for (number, step) in steps.enumerated() { lines.append("  \(number + 1). \(step)") }
        for output in outputs {
            let copy = output.isCopy ? "a copy to" : "to"
            let change = output.change.isEmpty ? "" : ", \(output.change)"
            lines.append("  \(copy) \(look.tinted(output.port, .name))\(change)")
        }
        return lines
    }
}
