// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// The address that the kernel gives a link when it comes up, and never again.
extension Restoration {
    /// Gives it back to a link that has IPv6, and whose addresses somebody took away all at once.
    ///
    /// Who forwards asks from it where a neighbour is (RFC 4861, 7.2.2): without it packets get to a container only for
    /// as long as its own questions tell where it is.
    ///
    /// `addresses`: what the link has by its record.
    mutating func restoreLinkLocal(of link: Link, _ addresses: [CIDR], isInside: Bool) throws(CNIError) {
        guard addresses.contains(where: { $0.family == .v6 }) else { return }
        let lost = try translating("cannot look at \(link.name)") { () throws(KernelError) in
            isInside
                ? try Restoration.lostLinkLocal(of: link, on: transaction.inside)
                : try Restoration.lostLinkLocal(of: link, on: transaction.host)
        }
        guard let lost else { return }
        findings.append("\(link.name) lacks address \(lost)")
        guard isChanging else { return }
        let request = NetlinkRequest.addAddress(lost, to: link.index, name: link.name)
        try translating("cannot put it right") { () throws(KernelError) in
            try isInside ? transaction.inside.execute(request) : transaction.host.execute(request)
        }
    }

    private static func lostLinkLocal(
        of link: Link,
        on socket: borrowing NetlinkSocket
    ) throws(KernelError) -> CIDR? {
        // In this order: the kernel makes the address and calls the link ready in one go.
        guard let address = try socket.details(ofLink: link.index)?.linkLocalAddress else { return nil }
        let isThere = try socket.addresses(ofLink: link.index).contains { seen in
            seen.address.family == .v6 && seen.address.address.isLinkLocalUnicast
        }
        return isThere ? nil : address
    }
}
