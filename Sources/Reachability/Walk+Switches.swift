// SPDX-License-Identifier: Apache-2.0
package import Addressing

extension HostModel {
    /// A port of a switch in user space, as the records of attachments have it.
    package struct SwitchPort: Hashable, Sendable {
        package enum Kind: Hashable, Sendable {
            case container
            /// The host's own: a tap.
            case gateway
            /// A link of the host whose frames the switch gets beside the host.
            case uplink
        }

        package var kind: Kind
        /// The container's id; empty for ports of the host.
        package var container = ""
        /// In its namespace.
        package var link: String
        /// What the switch calls it.
        package var name: String
        package var switchName: String
        /// Where the daemon listens whose port it is.
        package var socketPath: String
        package var isIsolated = false
        /// What the record says of the container's interface.
        package var address: MACAddress?
        package var addresses: [IPAddress] = []

        package init(_ kind: Kind, link: String, name: String, switchName: String, socketPath: String) {
            self.kind = kind
            self.link = link
            self.name = name
            self.switchName = switchName
            self.socketPath = socketPath
        }
    }

    /// What the daemon of a switch says of a frame that comes from a port.
    package enum SwitchAnswer: Hashable, Sendable {
        case told(SwitchDecision)
        /// Nobody listens where the daemon should; in words.
        case absent(String)
        /// It has no such port; in words.
        case refused(String)
        /// It said nothing that could be understood; in words.
        case silent(String)
    }

    /// What becomes of a frame in a switch.
    package struct SwitchDecision: Hashable, Sendable {
        /// In the switch's words, in order.
        package var steps: [String]
        /// The same as one sentence.
        package var sentence: String
        package var isDropped: Bool
        /// By the name of each port that it leaves by, the VLAN of its tag there; 0 is none.
        package var outputs: [Output]

        package struct Output: Hashable, Sendable {
            package var port: String
            package var tag: UInt16

            package init(port: String, tag: UInt16) {
                self.port = port
                self.tag = tag
            }
        }

        package init(steps: [String], sentence: String, isDropped: Bool, outputs: [Output]) {
            self.steps = steps
            self.sentence = sentence
            self.isDropped = isDropped
            self.outputs = outputs
        }
    }
}

// Switches in user space: what they do with a frame only their daemon knows, and says when it is asked.
extension Walk {
    /// The port whose tap a link is: what it sends goes to the switch.
    func tapPort(_ link: HostModel.Link, _ namespace: Int) -> HostModel.SwitchPort? {
        model.switchPorts.first { port in
            switch port.kind {
            case .container:
                namespace != 0 && port.link == link.name && port.container == model.namespaces[namespace].name
            case .gateway: namespace == 0 && port.link == link.name
            case .uplink: false
            }
        }
    }

    /// What comes in by a link of the host that is an uplink goes to the switch as well.
    mutating func reachSwitch(_ packet: Packet, _ link: HostModel.Link, _ namespace: Int) -> [Arrival] {
        guard namespace == 0, packet.destination != link.address,
            let port = model.switchPorts.first(where: { $0.kind == .uplink && $0.link == link.name })
        else { return [] }
        return carry(packet, from: port, link, namespace)
    }

    /// A switch gets a frame from one of its ports.
    mutating func carry(
        _ packet: Packet,
        from port: HostModel.SwitchPort,
        _ link: HostModel.Link,
        _ namespace: Int
    ) -> [Arrival] {
        func end(_ outcome: TraceVerdict.Outcome, _ reason: String, _ advice: String) -> [Arrival] {
            [.stopped(stop(outcome, namespace, reason, plugin: "vswitch", advice: advice))]
        }
        let daemon = "culvert-switchd at \(port.socketPath)"
        let trace = "culvert switch trace \(port.name)"
        guard let ask = model.askSwitch else {
            return end(.unknown, "what switch \(port.switchName) does only \(daemon) knows", trace)
        }
        var known = packet
        // Who is beyond has an address that nobody here knows, and no switch takes a frame from none.
        if known.source == .zero { known.source = MACAddress(value: 0x0200_5e00_0001) }
        switch ask(port, known.frame) {
        case .absent(let words):
            let reason =
                "nobody carries what \(link.name) of \(title(namespace)) sends: culvert-switchd does not listen at"
            return end(.dropped, "\(reason) \(port.socketPath): \(words)", "start it: systemctl start culvert-switchd")
        case .refused(let words): return end(.dropped, "\(daemon) does not take it: \(words)", "culvert switch show")
        case .silent(let words): return end(.unknown, "\(daemon) gave no answer: \(words)", trace)
        case .told(let decision): return follow(packet, decision, port)
        }
    }

    /// A frame goes on where the switch says.
    private mutating func follow(
        _ packet: Packet,
        _ decision: HostModel.SwitchDecision,
        _ port: HostModel.SwitchPort
    ) -> [Arrival] {
        let (name, text) = (port.switchName, decision.sentence)
        for step in decision.steps { note(.bridge, 0, "switch \(name): \(step)") }
        note(.bridge, 0, "switch \(name), from port \(port.name): \(text)")
        guard !decision.isDropped else {
            return [.stopped(stop(.dropped, 0, "switch \(name) drops it: \(text)", plugin: culprit(packet, port)))]
        }
        var arrivals: [Arrival] = []
        for output in decision.outputs {
            var copy = packet
            copy.vlan = output.tag
            arrivals += emerge(copy, output.port, port)
        }
        return arrivals + leftOut(packet, decision, port)
    }

    /// The switch hands a frame to a port.
    private mutating func emerge(_ packet: Packet, _ name: String, _ origin: HostModel.SwitchPort) -> [Arrival] {
        // Copies for who looks on are of nobody who is in a record.
        guard let port = model.switchPorts.first(where: { $0.name == name && $0.isBeside(origin) }) else { return [] }
        let place = port.kind == .container ? model.namespaces.dropFirst().firstIndex { $0.name == port.container } : 0
        guard let place else {
            return [.stranger(HostModel.Stranger(name: port.container, addresses: port.addresses))]
        }
        guard let link = model.namespaces[place].link(named: port.link) else { return [] }
        guard port.kind != .uplink else { return spread(packet, by: link, of: place) }
        note(.link, place, "comes in by \(link.name), port \(name) of switch \(port.switchName)")
        return enter(packet, by: link, of: place)
    }

    /// Why the switch did not hand a frame to the one that it is for.
    private func leftOut(
        _ packet: Packet,
        _ decision: HostModel.SwitchDecision,
        _ origin: HostModel.SwitchPort
    ) -> [Arrival] {
        guard let port = port(of: packet.destination, beside: origin),
            !decision.outputs.contains(where: { $0.port == port.name })
        else { return [] }
        let reason = "switch \(port.switchName) does not hand to \(port.name) what comes from \(origin.name)"
        return [.stopped(stop(.dropped, 0, reason, plugin: culprit(packet, origin)))]
    }

    /// What of the plugin keeps a frame from where it is for.
    private func culprit(_ packet: Packet, _ origin: HostModel.SwitchPort) -> String {
        let isApart = origin.isIsolated && port(of: packet.destination, beside: origin)?.isIsolated ?? false
        return isApart ? "vswitch (portIsolation)" : "vswitch"
    }

    private func port(of station: MACAddress, beside other: HostModel.SwitchPort) -> HostModel.SwitchPort? {
        model.switchPorts.first { $0.address == station && $0.isBeside(other) }
    }
}

extension HostModel.SwitchPort {
    /// Whether both are ports of one switch.
    fileprivate func isBeside(_ other: HostModel.SwitchPort) -> Bool {
        switchName == other.switchName && socketPath == other.socketPath
    }
}
