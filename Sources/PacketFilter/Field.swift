// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What a rule can look at, by nft's names: `ip saddr` is ``ipSaddr``.
///
/// nft(8), "PRIMARY EXPRESSIONS" and "PAYLOAD EXPRESSIONS".
package enum Field: Hashable, Sendable {
    case ipSaddr
    case ipDaddr
    case ipProtocol
    case ip6Saddr
    case ip6Daddr
    case icmpType
    case icmpv6Type
    /// The address that a solicitation, an advertisement or a redirect of neighbours speaks of.
    case icmpv6Taddr
    case tcpSport
    case tcpDport
    case udpSport
    case udpDport
    case sctpSport
    case sctpDport
    /// The port of whatever transport it is: say `metaL4proto` as well.
    case thSport
    case thDport
    case etherSaddr
    case etherDaddr
    case etherType
    case arpOperation
    case arpSaddrIP
    case arpDaddrIP
    case arpSaddrEther
    case arpDaddrEther
    case metaNfproto
    case metaL4proto
    case metaProtocol
    case metaMark
    case metaPkttype
    case metaSkuid
    case metaSkgid
    case iif
    case oif
    case iifname
    case oifname
    case ctState
    case ctStatus
    case ctMark
    case ctDirection
    /// Of the connection's original direction (`ct original ip saddr`), or of the replies.
    case ctSaddr(AddressFamily, reply: Bool)
    case ctDaddr(AddressFamily, reply: Bool)
    case ctL3proto
    case ctProtocol
    case ctProtoSrc(reply: Bool)
    case ctProtoDst(reply: Bool)
    case fibSaddrType
    case fibDaddrType
}
