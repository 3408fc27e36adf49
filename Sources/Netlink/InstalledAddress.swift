// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink
package import Linux

/// An address of IPv6 exactly as the kernel told of it, for giving it back to a link that has lost it.
///
/// Unlike an ``AssignedAddress`` it keeps what nobody here reads: lifetimes, peers, priorities.
package struct InstalledAddress: Hashable, Sendable {
    package let address: CIDR
    /// The index of the link that has it.
    package let link: Int32
    /// Whether nobody knows yet that it is nobody else's.
    ///
    /// RFC 4862, 5.4.
    package let isTentative: Bool
    private let scope: UInt8
    private let flags: UInt32
    private let attributes: [UInt8]

    init?(_ reply: NetlinkReply) {
        guard let assigned = AssignedAddress(reply), assigned.address.family == .v6,
            // ifaddrmsg: family, prefix length, flags, scope (8 each), index (32)
            let scope = reply.payload.integer(at: 3, as: UInt8.self)
        else { return nil }
        address = assigned.address
        link = assigned.link
        isTentative = assigned.isTentative
        self.scope = scope
        attributes = Array(reply.payload.dropFirst(8))
        flags = NetlinkAttributes(attributes[...])[Int(IFA_FLAGS)]?.integer(as: UInt32.self) ?? 0
    }

    /// What a request may say: the others tell of a state, or follow from lifetimes.
    private static let settable =
        UInt32(IFA_F_NODAD) | UInt32(IFA_F_NOPREFIXROUTE) | UInt32(IFA_F_MANAGETEMPADDR) | UInt32(IFA_F_HOMEADDRESS)

    fileprivate var request: NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, capacity: 512)
        var header = ifaddrmsg(
            family: AddressFamily.v6.number,
            prefix: UInt8(address.prefixLength),
            index: UInt32(bitPattern: link)
        )
        header.ifa_scope = scope
        message.append(header)
        for (type, value) in NetlinkAttributes(attributes[...]) where type != Int(IFA_FLAGS) {
            message.put(type, octets: Array(value))
        }
        // What the link had before needs no second proof that nobody else has it.
        let proof = isTentative ? 0 : UInt32(IFA_F_NODAD)
        message.put(Int(IFA_FLAGS), flags & InstalledAddress.settable | proof)
        return NetlinkRequest("add address \(address) to link \(link)", message)
    }
}

extension NetlinkSocket {
    /// The addresses of IPv6 that a link has.
    ///
    /// - Throws: ``KernelError``.
    package func installedAddresses(ofLink index: Int32) throws(KernelError) -> [InstalledAddress] {
        let message = NetlinkMessage(type: RTM_GETADDR, flags: NLM_F_DUMP)
        message.append(ifaddrmsg(family: AddressFamily.v6.number, prefix: 0, index: UInt32(bitPattern: index)))
        let replies = try list(NetlinkRequest("list addresses of link \(index)", message))
        // Kernels before 4.20 do not filter.
        return replies.compactMap { InstalledAddress($0) }.filter { $0.link == index }
    }
}

extension NetlinkRequest {
    /// Gives an address back to its link; `EEXIST` means that the link has it.
    package static func add(_ address: InstalledAddress) -> NetlinkRequest { address.request }
}
