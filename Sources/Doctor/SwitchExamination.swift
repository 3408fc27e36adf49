// SPDX-License-Identifier: Apache-2.0
internal import JSON
internal import Pools
internal import SwitchControl

extension HostFacts {
    /// How a daemon of switches took it to be asked.
    package enum SwitchDaemon: Hashable, Sendable {
        /// With what it lacks: attachments whose ports it cannot open, and why.
        case answers(lost: [String: String])
        /// Nobody listens there, and why that is known.
        case absent(String)
        /// Somebody listens, and said nothing in time, or refused.
        case silent(String)
        /// Somebody else listens, in words.
        case stranger(String)
    }
}

/// Finds switches in user space whose daemon is away, and containers that it has no port for.
package struct SwitchExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { away + unready + lost }

    private var living: [HostFacts.Record] { facts.records.filter { $0.isLivingSwitchPort } }

    /// One for each network whose containers hear nothing.
    private var away: [Finding] {
        let networks = Dictionary(grouping: living) { Place(network: $0.network, socket: $0.switchSocket) }
        return networks.sorted { $0.key.network < $1.key.network }.compactMap { place, records in
            guard let trouble = trouble(at: place.socket) else { return nil }
            let containers = CheckReport.count(records.count, "living attachment")
            return Finding(
                .switchDaemonAway,
                network: place.network,
                at: "socket \(place.socket)",
                "\(trouble.what), and the network has \(containers): \(trouble.why)",
                fix: trouble.fix
            )
        }
    }

    /// What is told of containers is not told of their network once more.
    private var unready: [Finding] {
        let told = Set(living.map { Place(network: $0.network, socket: $0.switchSocket) })
        return facts.networks.flatMap { network in
            network.plugins.compactMap { plugin in
                guard let socket = plugin.switchSocket, let trouble = trouble(at: socket),
                    !told.contains(Place(network: network.name, socket: socket))
                else { return nil }
                return Finding(
                    .switchDaemonUnready,
                    network: network.name,
                    at: network.place(plugin),
                    "\(trouble.what) at \(socket): \(trouble.why)",
                    fix: trouble.fix
                )
            }
        }
    }

    private var lost: [Finding] {
        living.compactMap { record in
            // Without a reason it waits for what one before it had open.
            guard case .answers(let lost) = facts.switchDaemons[record.switchSocket], let reason = lost[record.name],
                !reason.isEmpty
            else { return nil }
            return Finding(
                .switchPortLost,
                network: record.network,
                at: record.name,
                "culvert-switchd at \(record.switchSocket) has no port for it: \(reason)"
            )
        }
    }

    private struct Place: Hashable {
        let network: String
        let socket: String
    }

    private func trouble(at socket: String) -> (what: String, why: String, fix: String?)? {
        switch facts.switchDaemons[socket] {
        case .absent(let why):
            (
                "culvert-switchd does not run", why,
                // The unit is for one daemon.
                socket == SwitchLink.usualPath
                    ? nil : "start culvert-switchd -socketpath \(socket), or correct daemonSocketPath"
            )
        case .silent(let why):
            ("culvert-switchd does not answer", why, "journalctl -u culvert-switchd; systemctl restart culvert-switchd")
        case .stranger(let why):
            ("who listens is no culvert-switchd", why, "correct daemonSocketPath, or end who listens there")
        case .answers, nil: nil
        }
    }
}

extension HostFacts.Record {
    /// Whether it tells of a container that should be on a switch in user space now.
    var isLivingSwitchPort: Bool { plugin.isEmpty && !switchSocket.isEmpty && isAttached && !isDead }
}
