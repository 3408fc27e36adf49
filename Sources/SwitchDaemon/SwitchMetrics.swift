// SPDX-License-Identifier: Apache-2.0
internal import SwitchControl

/// Counters as text (OpenMetrics 1.0), for who collects them.
enum SwitchMetrics {
    private struct Family: Sendable {
        let name: String
        let help: String
        let value: @Sendable (SwitchPortCounters) -> Int
    }

    private static let families = [
        Family(name: "received_frames", help: "Frames that came from a port") { $0.receivedFrames },
        Family(name: "received_bytes", help: "Octets that came from a port") { $0.receivedBytes },
        Family(name: "sent_frames", help: "Frames for a port") { $0.sentFrames },
        Family(name: "sent_bytes", help: "Octets for a port") { $0.sentBytes },
        Family(name: "mirrored_frames", help: "Copies for a port") { $0.mirroredFrames },
        Family(name: "full_drops", help: "Frames for a port that found no room") { $0.fullDrops },
        Family(name: "refused_drops", help: "Frames for a port whose link would not take them") { $0.refusedDrops },
    ]

    /// All counters of all switches, in order of names.
    ///
    /// `lost`: how many containers have no port although their records say so.
    static func text(of switches: [SwitchView], lost: Int) -> String {
        let switches = switches.sorted { $0.name < $1.name }
        var text = ""
        gauge("culvert_switch_ports", "Ports of a switch", &text) { switches.map { ($0.name, $0.ports.count) } }
        gauge("culvert_switch_stations", "Stations that a switch knows", &text) {
            switches.map { ($0.name, $0.stations) }
        }
        for family in families {
            let name = "culvert_switch_port_\(family.name)"
            text += "# TYPE \(name) counter\n# HELP \(name) \(family.help).\n"
            for view in switches {
                for port in view.ports {
                    text += "\(name)_total{\(labels(view, port))} \(family.value(port.counters))\n"
                }
            }
        }
        let drops = "culvert_switch_port_drops"
        text += "# TYPE \(drops) counter\n# HELP \(drops) Frames that came from a port and went nowhere.\n"
        for view in switches {
            for port in view.ports {
                for drop in port.counters.drops {
                    text += "\(drops)_total{\(labels(view, port)),reason=\"\(drop.reason)\"} \(drop.frames)\n"
                }
            }
        }
        let name = "culvert_switch_lost_ports"
        text += "# TYPE \(name) gauge\n# HELP \(name) Attachments whose ports cannot be opened.\n\(name) \(lost)\n"
        return text + "# EOF\n"
    }

    private static func gauge(
        _ name: String,
        _ help: String,
        _ text: inout String,
        _ values: () -> [(name: String, value: Int)]
    ) {
        text += "# TYPE \(name) gauge\n# HELP \(name) \(help).\n"
        for entry in values() { text += "\(name){switch=\"\(escaped(entry.name))\"} \(entry.value)\n" }
    }

    private static func labels(_ view: SwitchView, _ port: SwitchPortView) -> String {
        [("switch", view.name), ("port", port.name), ("network", port.network)]
            .map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
