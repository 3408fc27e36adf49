// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Netlink
internal import SwitchControl
package import Wiring

/// The network of a host as a tree: bridges and whatever else has ports, what hangs on them, the containers behind it.
package struct Topology: Hashable, Sendable {
    /// The host itself, with everything.
    package let host: Node

    package init(host: Node) {
        self.host = host
    }

    /// One thing of the picture.
    package struct Node: Hashable, Sendable {
        /// What it is; these words stay.
        package enum Role: String, Hashable, Sendable, CaseIterable {
            case host
            /// A link of the host.
            case link
            /// A switch in user space.
            case userSwitch = "switch"
            /// The interface of a container, with its end on the host if it has one.
            case attachment
            /// A link into somewhere else that no record names.
            case stranger
            /// A link that is drawn elsewhere, and rests upon this one.
            case reference
        }

        package let role: Role
        /// The host's link; empty when there is none, or it is gone.
        package var link = ""
        /// Of a switch in user space: its name, and where its daemon listens.
        package var switchName = ""
        package var daemon = ""
        /// Kind and detail of the link, or of the interface in the container; empty for hardware.
        package var kind = ""
        /// Whose interface it is; nil for what is no attachment's.
        package var key: AttachmentKey?
        package var plugin = ""
        /// Of the container's interface, else of the link.
        package var addresses: [CIDR] = []
        package var mac = ""
        package var mtu = 0
        /// Of a port on a bridge that tells VLANs apart.
        package var vlans: PortVLANs?
        /// What else is special, in words: `isolated`, `hairpin`, `shortcut`.
        package var traits: [String] = []
        package var marks: [Mark] = []
        package var rates: Rates?
        package var children: [Node] = []

        package init(_ role: Role) {
            self.role = role
        }
    }

    /// What is wrong, or worth a look.
    package struct Mark: Hashable, Sendable {
        /// By these words programs know it; they stay.
        package enum Kind: String, Hashable, Sendable, CaseIterable {
            /// The link is down.
            case linkDown = "link-down"
            /// The link is up, and nobody is at its other end.
            case noCarrier = "no-carrier"
            /// It was made a port of a bridge, and is not any more.
            case notAPort = "not-a-port"
            /// The host's end of the record is not there.
            case gone
            /// No record names it.
            case noRecord = "no-record"
            /// The spanning tree lets no frames pass.
            case blocked
            /// Nobody answers who would carry its frames.
            case noDaemon = "no-daemon"
            /// The container is dead.
            case dead
            /// The attachment is not whole.
            case unfinished
        }

        package let kind: Kind
        /// For people.
        package let text: String

        package init(_ kind: Kind, _ text: String) {
            self.kind = kind
            self.text = text
        }

        /// Whether something does not work, by all that can be seen.
        package var isBad: Bool { kind != .noRecord }
    }

    /// What goes through in a second, as the host counts it: what it received, a container sent.
    package struct Rates: Hashable, Sendable {
        package let receivedOctets: Double
        package let sentOctets: Double
        package let receivedPackets: Double
        package let sentPackets: Double

        package init(receivedOctets: Double, sentOctets: Double, receivedPackets: Double, sentPackets: Double) {
            self.receivedOctets = receivedOctets
            self.sentOctets = sentOctets
            self.receivedPackets = receivedPackets
            self.sentPackets = sentPackets
        }

        /// Nil when a counter went back: then it is another link's.
        init?(_ now: LinkCounters, since before: LinkCounters, seconds: Double) {
            func rate(_ now: UInt64, _ before: UInt64) -> Double? {
                now >= before && seconds > 0 ? Double(now - before) / seconds : nil
            }
            guard let receivedOctets = rate(now.receivedOctets, before.receivedOctets),
                let sentOctets = rate(now.sentOctets, before.sentOctets),
                let receivedPackets = rate(now.receivedPackets, before.receivedPackets),
                let sentPackets = rate(now.sentPackets, before.sentPackets)
            else { return nil }
            self.init(
                receivedOctets: receivedOctets,
                sentOctets: sentOctets,
                receivedPackets: receivedPackets,
                sentPackets: sentPackets
            )
        }

        /// As seen from the other end.
        var reversed: Rates {
            Rates(
                receivedOctets: sentOctets,
                sentOctets: receivedOctets,
                receivedPackets: sentPackets,
                sentPackets: receivedPackets
            )
        }
    }
}

extension Topology.Node {
    /// As it is called: `CONTAINER:INTERFACE`, or the link.
    package var name: String {
        if let key { return "\(key.containerID):\(key.interfaceName)" }
        return switch role {
        case .host: "host"
        case .userSwitch: switchName
        case .link, .attachment, .stranger, .reference: link
        }
    }

    /// The same for everything in one picture, and in two pictures of one host.
    package var id: String {
        switch role {
        case .host: "host"
        case .link, .stranger: "link/\(link)"
        case .userSwitch: daemon == SwitchLink.usualPath ? "switch/\(switchName)" : "switch/\(switchName)@\(daemon)"
        case .reference: "reference/\(link)"
        case .attachment: key.map { "attachment/\($0.network)/\($0.containerID)/\($0.interfaceName)" } ?? ""
        }
    }

    /// Whether frames can pass, by what is known.
    package var isDown: Bool {
        marks.contains { [.linkDown, .noCarrier, .notAPort, .gone, .blocked, .noDaemon, .dead].contains($0.kind) }
    }

    /// With everything below it, itself first, each with the position of its parent.
    package var all: [(node: Topology.Node, parent: Int?)] {
        var found: [(node: Topology.Node, parent: Int?)] = []
        func add(_ node: Topology.Node, _ parent: Int?) {
            let position = found.count
            found.append((node, parent))
            for child in node.children { add(child, position) }
        }
        add(self, nil)
        return found
    }
}

extension PortVLANs {
    /// As people say it: `10`, `20-30,40 native 1`; tags that frames carry first.
    package var words: String {
        let tagged = runs.filter { !$0.isUntagged }.map { run in
            run.identifiers.count == 1
                ? "\(run.identifiers.lowerBound)" : "\(run.identifiers.lowerBound)-\(run.identifiers.upperBound)"
        }
        let native = runs.first { $0.isNative }.map { "\($0.identifiers.lowerBound)" }
        guard let native else { return tagged.joined(separator: ",") }
        return tagged.isEmpty ? native : "\(tagged.joined(separator: ",")) native \(native)"
    }

    /// Whether frames of one VLAN alone pass, and without a tag.
    package var isAccess: Bool { runs.count == 1 && runs[0].isNative && runs[0].isUntagged }
}
