// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Netlink

/// What a container's interface is to be: of a pair, its end inside.
package struct InterfaceSpecification: Hashable, Sendable {
    /// To whom the interface tells its addresses when it comes up, without being asked.
    package enum Announcement: Hashable, Sendable {
        case nobody
        /// Neighbours of IPv4: gratuitous ARP (RFC 5227, 3).
        case arp
        /// Those of IPv6 as well: unsolicited advertisements (RFC 4861, 7.2.6).
        case arpAndNeighbours
    }

    package let name: String
    package let addresses: [CIDR]
    package let routes: [Route]
    package let isUp: Bool
    /// Whether IPv6 looks for others with the same address before it uses one.
    package let detectsDuplicates: Bool
    /// Whether some of the addresses may be there already, as those that a router's advertisement made are.
    package let mayHaveAddresses: Bool
    package let announcement: Announcement
    /// Whether the kernel's settings for looking for duplicates stay, although the addresses here skip it.
    package let keepsDetection: Bool
    /// Whether the networks of the addresses are on the link itself.
    package let connectsNetworks: Bool

    package init(
        name: String,
        addresses: [CIDR],
        routes: [Route],
        isUp: Bool,
        detectsDuplicates: Bool,
        mayHaveAddresses: Bool = false,
        announcement: Announcement = .arp,
        keepsDetection: Bool = false,
        connectsNetworks: Bool = true
    ) {
        self.name = name
        self.addresses = addresses
        self.routes = routes
        self.isUp = isUp
        self.detectsDuplicates = detectsDuplicates
        self.mayHaveAddresses = mayHaveAddresses
        self.announcement = announcement
        self.keepsDetection = keepsDetection
        self.connectsNetworks = connectsNetworks
    }
}

/// A link that is made for one container, and in it.
package struct ContainerLink: Hashable, Sendable {
    /// The link that it rests upon.
    package enum Master: Hashable, Sendable {
        case host(Int32)
        case container(Int32)
    }

    package let name: String
    package let kind: LinkKind
    /// nil for kinds that rest upon nothing.
    package let master: Master?
    /// nil leaves it to the kernel.
    package let address: MACAddress?
    /// In octets; 0 leaves it to the kernel.
    package let mtu: Int

    package init(name: String, kind: LinkKind, master: Master? = nil, address: MACAddress? = nil, mtu: Int = 0) {
        self.name = name
        self.kind = kind
        self.master = master
        self.address = address
        self.mtu = mtu
    }
}

/// A link in the container whose other end is a process.
package struct ContainerTap: Hashable, Sendable {
    package let name: String
    package let hasManyQueues: Bool
    /// Who may attach to it without privileges; nil is nobody in particular.
    package let owner: UInt32?
    package let group: UInt32?
    /// The SELinux context; empty is the plugin's own.
    package let label: String
    /// nil leaves it to the kernel.
    package let address: MACAddress?
    /// In octets; 0 leaves it to the kernel.
    package let mtu: Int
    /// The index of a bridge in the container whose port it becomes.
    package let bridge: Int32?

    package init(
        name: String,
        hasManyQueues: Bool,
        owner: UInt32?,
        group: UInt32?,
        label: String,
        address: MACAddress?,
        mtu: Int,
        bridge: Int32?
    ) {
        self.name = name
        self.hasManyQueues = hasManyQueues
        self.owner = owner
        self.group = group
        self.label = label
        self.address = address
        self.mtu = mtu
        self.bridge = bridge
    }
}

/// What the host's end of a pair has that no bridge carries for it.
package struct HostEndSpecification: Hashable, Sendable {
    package let name: String
    package let addresses: [CIDR]
    package let routes: [Route]

    package init(name: String, addresses: [CIDR], routes: [Route]) {
        self.name = name
        self.addresses = addresses
        self.routes = routes
    }
}
