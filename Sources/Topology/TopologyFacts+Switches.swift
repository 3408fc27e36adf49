// SPDX-License-Identifier: Apache-2.0
package import Attachments
internal import JSON
package import SwitchControl
package import Wiring

extension TopologyFacts {
    /// A switch in user space, as records and its daemon tell of it.
    package struct UserSwitch: Hashable, Sendable {
        package let name: String
        /// Where its daemon listens.
        package let daemon: String
        /// Whether the daemon answered.
        package let isThere: Bool
        /// As the daemon says; none when it is away.
        package let ports: [SwitchPortView]
        /// Whose ports there are to be, by the records.
        package let attachments: Set<AttachmentKey>
        /// Links of the host that are ports as well: gateways and uplinks.
        package let links: Set<String>

        /// The port of a container's interface; nil when the daemon has none.
        func port(of key: AttachmentKey) -> SwitchPortView? {
            ports.first {
                $0.kind == .container && $0.network == key.network && $0.container == key.containerID
                    && $0.interface == key.interfaceName
            }
        }

        /// A link of the host as a port; nil when the daemon has none of that name.
        func port(ofLink name: String) -> SwitchPortView? {
            ports.first { ($0.kind == .gateway || $0.kind == .uplink) && $0.name == name }
        }
    }

    /// The switches in user space that records name.
    ///
    /// - Parameters:
    ///   - attachments: what the records say.
    ///   - ask: what a daemon says of all its switches; nil when it does not answer.
    /// - Returns: the switches by name.
    package static func switches(
        _ attachments: [AttachmentFacts],
        asking ask: (String) -> [SwitchView]?
    ) -> [UserSwitch] {
        var wanted: [Place: (attachments: Set<AttachmentKey>, links: Set<String>)] = [:]
        for facts in attachments where facts.chain.first == "vswitch" {
            guard let record = facts.record, let keys = try? SwitchKeys(JSONReader(record.configuration)) else {
                continue
            }
            var entry = wanted[Place(keys), default: ([], [])]
            entry.attachments.insert(facts.key)
            if keys.isGateway { entry.links.insert(keys.gatewayLink) }
            if !keys.uplink.isEmpty { entry.links.insert(keys.uplink) }
            wanted[Place(keys)] = entry
        }
        let answers = Set(wanted.keys.map { $0.daemon }).reduce(into: [:]) { $0[$1] = ask($1) }
        let switches = wanted.map { place, entry in
            let ports = answers[place.daemon]?.first { $0.name == place.name }?.ports ?? []
            return UserSwitch(
                name: place.name,
                daemon: place.daemon,
                isThere: answers[place.daemon] != nil,
                ports: ports,
                attachments: entry.attachments,
                links: entry.links.union(ports.filter { [.gateway, .uplink].contains($0.kind) }.map { $0.name })
            )
        }
        return switches.sorted { ($0.name, $0.daemon) < ($1.name, $1.daemon) }
    }

    /// What the daemon that listens there says of its switches; nil when nobody answers in time, or a stranger.
    static func answer(at daemon: String) -> [SwitchView]? {
        guard let answer = try? SwitchLink.ask(.show(switchName: ""), at: daemon, waitingAtMost: .seconds(2)) else {
            return nil
        }
        return try? SwitchView.all(in: answer)
    }

    private struct Place: Hashable {
        let daemon: String
        let name: String

        init(_ keys: SwitchKeys) { (daemon, name) = (keys.socketPath, keys.switchName) }
    }
}
