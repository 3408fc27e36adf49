// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Attachments
package import Netlink

/// What a host's network looked like at one moment: the links, and the attachments by their records.
package struct TopologyFacts: Hashable, Sendable {
    /// What a bridge knows of its port.
    package struct Port: Hashable, Sendable {
        /// Whether the spanning tree lets frames pass.
        package var isForwarding = true
        package var isIsolated = false
        package var isHairpin = false

        package init() {}
    }

    /// A link of the host.
    package struct Link: Hashable, Sendable {
        package let index: Int32
        package let name: String
        /// As ip-link(8) calls it; empty for hardware.
        package let kind: String
        /// What tells it from others of its kind, such as the number of a VLAN; empty when nothing does.
        package var detail = ""
        package var address: MACAddress?
        package var mtu = 0
        package var isUp = true
        package var hasCarrier = true
        package var isLoopback = false
        /// The bridge, VRF or bond that it is a port of.
        package var master: Int32?
        /// The link of this host that it rests upon.
        package var below: Int32?
        /// The other end of the pair, when that is on this host too.
        package var peer: Int32?
        /// Of a pair: whether the other end is in another namespace.
        package var isPeerAbroad = false
        /// nil for what is no bridge, and on a kernel without VLAN-aware bridging.
        package var filtersVLANs: Bool?
        /// Of a bridge that tells no VLANs apart: whether programs do so at its ports.
        package var hasGuardedPorts = false
        /// Of a port there: whether its programs do not tell which VLANs they keep it to.
        package var hidesVLANs = false
        package var port: Port?
        package var vlans: PortVLANs?
        /// Of a port that the shortcut past its bridge knows.
        package var shortcut: Shortcut?
        /// Without those that the kernel makes for a link (RFC 4291, 2.5.6).
        package var addresses: [CIDR] = []
        /// With what came to it past its bridge.
        package var counters: LinkCounters?

        package init(_ index: Int32, _ name: String, kind: String) {
            self.index = index
            self.name = name
            self.kind = kind
        }
    }

    /// An interface that has no end on the host, as the container sees it.
    package struct Inside: Hashable, Sendable {
        package var kind: String
        package var detail = ""
        /// The link of the host that it rests upon.
        package var below: Int32?
        package var isUp = true
        package var counters: LinkCounters?

        package init(kind: String, below: Int32? = nil) {
            self.kind = kind
            self.below = below
        }
    }

    /// An attachment, and its interface where only the container has it.
    package struct Attachment: Hashable, Sendable {
        package let facts: AttachmentFacts
        /// nil where the host has an end, and where nobody can look.
        package let inside: Inside?

        package init(_ facts: AttachmentFacts, inside: Inside? = nil) {
            self.facts = facts
            self.inside = inside
        }
    }

    /// By ``Machine/bootNanoseconds``.
    package let nanoseconds: Int64
    package let links: [Link]
    package let attachments: [Attachment]
    package let switches: [UserSwitch]

    package init(
        nanoseconds: Int64 = 0,
        links: [Link],
        attachments: [Attachment],
        switches: [UserSwitch] = []
    ) {
        self.nanoseconds = nanoseconds
        self.links = links
        self.attachments = attachments
        self.switches = switches
    }
}
