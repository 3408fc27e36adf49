// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What ADD made, in the newest version's terms; older versions are converted when read and when printed.
package struct AddResult: Hashable, Sendable {
    /// Host side and container side; empty in the result of an IPAM plugin.
    package var interfaces: [Interface]
    package var ips: [IPConfiguration]
    package var routes: [Route]
    package var dns: DNS

    package init(
        interfaces: [Interface] = [],
        ips: [IPConfiguration] = [],
        routes: [Route] = [],
        dns: DNS = DNS()
    ) {
        self.interfaces = interfaces
        self.ips = ips
        self.routes = routes
        self.dns = dns
    }

    /// The interface that carries an address; nil when the address names none or one that is not listed.
    ///
    /// Results come from other plugins, whose indexes need not be sound.
    package func interface(of configuration: IPConfiguration) -> Interface? {
        guard let index = configuration.interface, interfaces.indices.contains(index) else { return nil }
        return interfaces[index]
    }
}

extension AddResult {
    /// A link that was made or used.
    package struct Interface: Hashable, Sendable {
        package var name: String
        /// Hardware address as text; empty when unknown.
        package var mac: String
        /// `CNI_NETNS` as it was given for interfaces of the container; empty for those of the host.
        package var sandbox: String
        /// In bytes; 0 when unknown.
        package var mtu: Int
        /// Path of the socket that carries the frames of a vhost-user device; empty for others.
        package var socketPath: String
        /// PCI address of the device behind it; empty when there is none.
        package var pciID: String

        package init(
            name: String,
            mac: String = "",
            sandbox: String = "",
            mtu: Int = 0,
            socketPath: String = "",
            pciID: String = ""
        ) {
            self.name = name
            self.mac = mac
            self.sandbox = sandbox
            self.mtu = mtu
            self.socketPath = socketPath
            self.pciID = pciID
        }
    }

    /// An address of the container.
    package struct IPConfiguration: Hashable, Sendable {
        /// Host bits are the address, the prefix is the network.
        package var address: CIDR
        package var gateway: IPAddress?
        /// Index in `interfaces`, not negative but otherwise not checked; nil in the result of an IPAM plugin.
        package var interface: Int?

        package init(address: CIDR, gateway: IPAddress? = nil, interface: Int? = nil) {
            self.address = address
            self.gateway = gateway
            self.interface = interface
        }
    }

    /// A route inside the container.
    package struct Route: Hashable, Sendable {
        package var destination: CIDR
        /// Nil means the gateway of the address' family, and without that the link itself.
        package var gateway: IPAddress?
        /// In bytes; 0 for the link's.
        package var mtu: Int
        /// Largest TCP segment to announce, in bytes; 0 for the kernel's choice.
        package var advmss: Int
        /// The metric; 0 for the kernel's choice.
        package var priority: Int
        /// Routing table; nil for the main one.
        package var table: Int?
        /// As in rtnetlink(7): 0 global, 253 link, 254 host; nil for the kernel's choice.
        package var scope: Int?
        /// The gateway is reached on the link although no address of the link says so.
        ///
        /// Not in the specification; other programs read over it.
        package var isOnLink: Bool

        package init(
            destination: CIDR,
            gateway: IPAddress? = nil,
            mtu: Int = 0,
            advmss: Int = 0,
            priority: Int = 0,
            table: Int? = nil,
            scope: Int? = nil,
            isOnLink: Bool = false
        ) {
            self.destination = destination
            self.gateway = gateway
            self.mtu = mtu
            self.advmss = advmss
            self.priority = priority
            self.table = table
            self.scope = scope
            self.isOnLink = isOnLink
        }
    }
}
