// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink

extension NetlinkRequest {
    /// Gives a link an address.
    ///
    /// Like `ip address add ADDRESS broadcast + nodad dev NAME`.
    ///
    /// Somebody vouches that nobody else has the address, so IPv6 skips duplicate address detection (RFC 4862, 5.4)
    /// unless told otherwise. `EEXIST` means that the link has just this address already.
    ///
    /// `connectsNetwork`: whether the rest of the address' network is on the link, for which the kernel makes a route.
    package static func addAddress(
        _ address: CIDR,
        to index: Int32,
        name: String,
        detectsDuplicates: Bool = false,
        connectsNetwork: Bool = true
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.appendAddress(address, index: index)
        if let broadcast = address.broadcast { message.put(Int(IFA_BROADCAST), octets: broadcast.octets) }
        var flags: UInt32 = 0
        if address.family == .v6, !detectsDuplicates { flags |= UInt32(IFA_F_NODAD) }
        if !connectsNetwork { flags |= UInt32(IFA_F_NOPREFIXROUTE) }
        if flags != 0 { message.put(Int(IFA_FLAGS), flags) }
        return NetlinkRequest("add address \(address) to \(name)", message)
    }

    /// Like `ip address delete ADDRESS dev NAME`.
    package static func deleteAddress(_ address: CIDR, from index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_DELADDR)
        message.appendAddress(address, index: index)
        return NetlinkRequest("delete address \(address) from \(name)", message)
    }
}

extension NetlinkMessage {
    fileprivate func appendAddress(_ address: CIDR, index: Int32) {
        append(ifaddrmsg(family: address.family.number, prefix: UInt8(address.prefixLength), index: UInt32(index)))
        put(Int(IFA_LOCAL), octets: address.address.octets)
        put(Int(IFA_ADDRESS), octets: address.address.octets)
    }
}

extension AddressFamily {
    /// `AF_INET` or `AF_INET6`.
    var number: UInt8 { self == .v4 ? UInt8(AF_INET) : UInt8(AF_INET6) }
}

extension ifaddrmsg {
    init(family: UInt8, prefix: UInt8, index: UInt32) {
        self.init(ifa_family: family, ifa_prefixlen: prefix, ifa_flags: 0, ifa_scope: 0, ifa_index: index)
    }
}
