// SPDX-License-Identifier: Apache-2.0
internal import CNetlink

/// Whose packets a table sees.
///
/// The raw values are netfilter's (`linux/netfilter.h`, `NFPROTO_*`), the names nft's (nft(8), "ADDRESS FAMILIES").
package enum Family: UInt8, Hashable, Sendable {
    /// IPv4 and IPv6.
    case inet = 1
    case ip = 2
    case arp = 3
    /// Packets as a device gives them, before anything else.
    case netdev = 5
    /// Frames that a bridge forwards.
    case bridge = 7
    case ip6 = 10

    /// As nft says it.
    package var name: String {
        switch self {
        case .inet: "inet"
        case .ip: "ip"
        case .arp: "arp"
        case .netdev: "netdev"
        case .bridge: "bridge"
        case .ip6: "ip6"
        }
    }
}
