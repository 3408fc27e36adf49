// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
internal import CNetlink
package import Linux

/// What a link of one of the kinds that end in a container says of itself beyond what every link does.
///
/// For verbs that verify: on the way of an ADD nobody asks.
package struct LinkDetails: Hashable, Sendable {
    package let link: Link
    /// The link that it rests upon, in that link's namespace; nil when there is none.
    package let masterIndex: Int32?
    /// Whether that is another namespace.
    package let isMasterAbroad: Bool
    /// What was said when it was made; nil for every other kind, and for what nobody here knows.
    package let kind: LinkKind?
    /// What an administrator wrote upon it; empty when nothing.
    package let alias: String
    /// The address that the kernel made of the MAC when the link came up; nil when it made none, or of something else.
    ///
    /// It makes it then, and not when somebody takes it away (RFC 4862, 5.3; sysctl `addr_gen_mode`).
    package let linkLocalAddress: CIDR?

    /// Reads an `RTM_NEWLINK`; nil when it is cut off.
    init?(_ reply: NetlinkReply) {
        guard let link = Link(reply) else { return nil }
        self.link = link
        let attributes = NetlinkAttributes(reply.payload.dropFirst(16))
        masterIndex = attributes[Int(IFLA_LINK)]?.integer(as: Int32.self)
        isMasterAbroad = attributes[Int(IFLA_LINK_NETNSID)] != nil
        alias = attributes[Int(IFLA_IFALIAS)]?.text ?? ""
        let info = attributes[Int(IFLA_LINKINFO)].map { NetlinkAttributes($0) }
        kind = LinkKind(link.kind, info?[Int(IFLA_INFO_DATA)].map { NetlinkAttributes($0) })
        let families = attributes[Int(IFLA_AF_SPEC)].map { NetlinkAttributes($0) }
        let family = families?[Int(AF_INET6)].map { NetlinkAttributes($0) }
        linkLocalAddress = family.flatMap { LinkDetails.linkLocalAddress(of: link, $0) }
    }

    /// `family`: what IPv6 keeps for the link.
    private static func linkLocalAddress(of link: Link, _ family: NetlinkAttributes) -> CIDR? {
        // IF_READY of the kernel's net/if_inet6.h: it has seen the link work.
        let isReady = (family[Int(IFLA_INET6_FLAGS)]?.integer(as: UInt32.self) ?? 0) & 1 << 31 != 0
        let mode = family[Int(IFLA_INET6_ADDR_GEN_MODE)]?.first.map { UInt32($0) }
        // The MAC of an ipvlan is another link's as well: the kernel makes its address of something else.
        guard isReady, mode == IN6_ADDR_GEN_MODE_EUI64.rawValue, link.kind != "ipvlan", let mac = link.address else {
            return nil
        }
        return CIDR(address: .linkLocal(of: mac), prefixLength: 64)
    }
}

extension LinkKind {
    fileprivate init?(_ name: String, _ data: NetlinkAttributes?) {
        switch name {
        case "dummy": self = .dummy
        case "vlan":
            guard let id = data?[Int(IFLA_VLAN_ID)]?.integer(as: UInt16.self) else { return nil }
            self = .vlan(id)
        case "macvlan":
            let number = data?[Int(IFLA_MACVLAN_MODE)]?.integer(as: UInt32.self)
            guard let mode = MACVLANMode.allCases.first(where: { $0.number == number }) else { return nil }
            self = .macvlan(mode, queue: data?[Int(IFLA_MACVLAN_BC_QUEUE_LEN)]?.integer(as: UInt32.self))
        case "ipvlan":
            let number = data?[Int(IFLA_IPVLAN_MODE)]?.integer(as: UInt16.self)
            guard let mode = IPVLANMode.allCases.first(where: { $0.number == number }) else { return nil }
            self = .ipvlan(mode)
        case "vrf":
            guard let table = data?[Int(IFLA_VRF_TABLE)]?.integer(as: UInt32.self) else { return nil }
            self = .vrf(table: table)
        default: return nil
        }
    }
}

extension NetlinkSocket {
    /// All that there is to know about the link of a name; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func details(ofLink name: String) throws(KernelError) -> LinkDetails? {
        guard name.utf8.count < Int(IFNAMSIZ) else { return nil }
        do throws(KernelError) {
            return LinkDetails(try ask(.linkQuery("find link \(name)", name: name, index: 0)))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
            return nil
        }
    }
}
