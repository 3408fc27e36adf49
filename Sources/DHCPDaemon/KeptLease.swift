// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import DHCP
internal import DHCPLeases
internal import JSON
internal import Linux

/// The packets of a lease's link, opened while an answer is awaited.
///
/// Not longer: an open socket keeps a namespace alive that nobody else wants any more.
final class OpenLink {
    let packets: LinkPackets

    init(_ packets: consuming LinkPackets) {
        self.packets = packets
    }
}

/// One interface and its lease, or the search for one.
final class KeptLease {
    let order: DHCPOrder
    /// Device and inode of the namespace.
    let identity: String
    let hardware: MACAddress
    /// When it was ordered, or taken over from a daemon before, by ``Machine/bootNanoseconds``.
    let begunAt: Int64
    var client: DHCPClient
    /// Whoever sent the last acknowledgement, on the link.
    var serverHardware = MACAddress.zero
    var link: OpenLink?
    /// The connection that waits for the address.
    var waiter: Int?
    /// When the search is given up.
    var searchEnd: Int64?
    /// What went wrong last, in words.
    var trouble = ""
    /// When something was logged about it that went wrong.
    var complainedAt: Int64 = .min

    init(_ order: DHCPOrder, identity: String, hardware: MACAddress, client: DHCPClient, begunAt: Int64) {
        self.order = order
        self.identity = identity
        self.hardware = hardware
        self.client = client
        self.begunAt = begunAt
    }

    /// When something has to be done about it; nil is never.
    var deadline: Int64? {
        switch (client.deadline, searchEnd) {
        case (let one?, let other?): min(one, other)
        case (let one, let other): one ?? other
        }
    }

    /// Whether the container may use the address at this moment.
    func isValid(at now: Int64) -> Bool {
        guard client.terms != nil, client.state != .expired, client.state != .released else { return false }
        return client.expiresAt.map { $0 > now } ?? true
    }

    func record(socketPath: String) -> DHCPLeaseRecord? {
        client.acknowledgement.map { acknowledgement in
            DHCPLeaseRecord(
                order: order,
                socketPath: socketPath,
                namespaceIdentity: identity,
                hardware: hardware,
                serverHardware: serverHardware,
                acknowledgement: acknowledgement,
                grantedAt: client.grantedAt,
                renewals: client.renewals,
                state: client.state
            )
        }
    }

    /// A row of `culvert dhcp status`.
    func row(at now: Int64) -> JSONValue {
        DHCPLeaseRow(order: order, client: client, now: now).json
    }
}

extension AddResult {
    /// What a plugin answers to ADD for what a server granted.
    init(_ terms: DHCPTerms, for order: DHCPOrder) {
        let mtu = order.requested.contains(.interfaceMTU) ? terms.mtu ?? 0 : 0
        let routes = terms.routes.map { route in
            // rtnetlink(7): 253 is the link.
            Route(
                destination: route.destination,
                gateway: route.router,
                mtu: mtu,
                priority: order.priority,
                scope: route.router == nil ? 253 : nil
            )
        }
        var dns = DNS()
        if order.requested.contains(.nameServers) { dns.nameservers = terms.nameServers.map { "\($0)" } }
        if order.requested.contains(.domainName) { dns.domain = terms.domain }
        if order.requested.contains(.domainSearch) { dns.search = terms.search }
        self.init(
            ips: [IPConfiguration(address: terms.address, gateway: terms.gateway)],
            routes: routes,
            dns: dns
        )
    }
}
