// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension HostFacts {
    /// What there is of the shortcut past the bridge for one attachment.
    package struct Shortcut: Hashable, Sendable {
        /// Whether its port may use the shortcut.
        package var hasPort: Bool
        /// Whether the shortcut leads to it.
        package var hasStation: Bool
        /// Whether the program is where its port takes frames in.
        package var hasProgram: Bool

        package init(hasPort: Bool, hasStation: Bool, hasProgram: Bool) {
            self.hasPort = hasPort
            self.hasStation = hasStation
            self.hasProgram = hasProgram
        }
    }
}

/// Finds networks and attachments that should have a shortcut past their bridge, and have none.
package struct ShortcutExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { impossible + missing }

    private var impossible: [Finding] {
        guard let failure = facts.shortcutFailure else { return [] }
        return facts.networks.flatMap { network in
            network.plugins.filter { $0.asksForShortcut }.map { plugin in
                Finding(
                    .kernelNoShortcut,
                    network: network.name,
                    at: network.place(plugin, "fastPath"),
                    "there can be no shortcut here: \(failure)"
                )
            }
        }
    }

    /// Where there can be none, that is told of the network; of a port that is gone, that it is.
    private var missing: [Finding] {
        guard facts.shortcutFailure == nil, let shortcuts = facts.shortcuts else { return [] }
        return facts.records.filter { $0.isLivingPort && $0.asksForShortcut }.compactMap { record in
            guard facts.link(named: record.hostInterface) != nil, let shortcut = shortcuts[record.hostInterface] else {
                return nil
            }
            let lacks = [
                shortcut.hasProgram ? nil : "its port lacks the program",
                shortcut.hasPort ? nil : "its port is not known to it",
                shortcut.hasStation ? nil : "it does not lead to the container",
            ].compactMap { $0 }
            guard !lacks.isEmpty else { return nil }
            return Finding(
                .shortcutMissing,
                network: record.network,
                at: "link \(record.hostInterface)",
                "\(record.name) should have a shortcut past bridge \(record.bridge): "
                    + lacks.joined(separator: ", ")
            )
        }
    }
}
