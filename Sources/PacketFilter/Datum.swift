// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// One value, or all values from one to another, as the kernel compares them.
///
/// Numbers of the network (ports, addresses) are in network order, numbers of the host (marks, user IDs) in the host's.
package struct Datum: Hashable, Sendable {
    package let octets: [UInt8]
    /// The last of a range, as many octets; nil for a single value.
    package let upper: [UInt8]?

    package init(octets: [UInt8], upper: [UInt8]? = nil) {
        precondition(upper == nil || upper?.count == octets.count, "both ends of a range are of one type")
        self.octets = octets
        self.upper = upper == octets ? nil : upper
    }

    /// An `ipv4_addr` or `ipv6_addr`.
    package static func address(_ address: IPAddress) -> Datum { Datum(octets: address.octets) }

    /// All addresses of a network; host bits do not count.
    package static func network(_ network: CIDR) -> Datum {
        Datum(octets: network.first.octets, upper: network.last.octets)
    }

    /// All addresses between two of one family, both included.
    package static func addresses(_ first: IPAddress, _ last: IPAddress) -> Datum {
        Datum(octets: first.octets, upper: last.octets)
    }

    /// An `ether_addr`.
    package static func ether(_ address: MACAddress) -> Datum { Datum(octets: address.octets) }

    /// An `inet_service`.
    package static func port(_ port: UInt16) -> Datum { Datum(network: port) }

    package static func ports(_ ports: ClosedRange<UInt16>) -> Datum {
        Datum(octets: Datum(network: ports.lowerBound).octets, upper: Datum(network: ports.upperBound).octets)
    }

    /// An `inet_proto`.
    package static func proto(_ proto: TransportProtocol) -> Datum { Datum(octets: [proto.rawValue]) }

    /// An `ifname`; a `*` at the end stands for any ending: that is a range, and a set of them an interval set.
    ///
    /// - Precondition: 1 to 15 octets, and more than the `*`.
    package static func name(_ name: String) -> Datum {
        var octets = Array(name.utf8)
        precondition((1...15).contains(octets.count), "an interface's name has 1 to 15 octets")
        guard octets.last == UInt8(ascii: "*") else {
            while octets.count < 16 { octets.append(0) }
            return Datum(octets: octets)
        }
        octets.removeLast()
        precondition(!octets.isEmpty, "any name at all is no condition")
        var upper = octets
        while octets.count < 16 {
            octets.append(0)
            upper.append(0xff)
        }
        return Datum(octets: octets, upper: upper)
    }

    /// A `mark`, or another number of 32 bits of the host: user ID, interface index.
    package static func mark(_ number: UInt32) -> Datum { Datum(host: number) }

    /// One octet, such as an ICMP type.
    package static func octet(_ octet: UInt8) -> Datum { Datum(octets: [octet]) }

    /// A number of 16 bits in network order, such as an `ether_type` or an `arp_op`.
    package static func network16(_ number: UInt16) -> Datum { Datum(network: number) }

    /// `ct_state`: exactly these; in a set each element is usually one of them.
    package static func state(_ states: ConnectionStates) -> Datum { Datum(host: states.rawValue) }

    /// `meta nfproto`.
    package static func nfproto(_ family: AddressFamily) -> Datum {
        Datum(octets: [(family == .v4 ? Family.ip : .ip6).rawValue])
    }

    /// `fib … type`.
    package static func addressType(_ type: FIBAddressType) -> Datum { Datum(host: type.rawValue) }

    private init(network number: UInt16) {
        self.init(octets: [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)])
    }

    private init(host number: UInt32) {
        self.init(octets: withUnsafeBytes(of: number) { Array($0) })
    }
}

/// Who is meant by the payload of an IP packet.
///
/// IANA, "Assigned Internet Protocol Numbers".
package struct TransportProtocol: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package static let icmp = TransportProtocol(rawValue: 1)
    package static let tcp = TransportProtocol(rawValue: 6)
    package static let udp = TransportProtocol(rawValue: 17)
    package static let icmpv6 = TransportProtocol(rawValue: 58)
    package static let sctp = TransportProtocol(rawValue: 132)
}

/// What connection tracking thinks of a packet.
///
/// `linux/netfilter/nf_conntrack_common.h`, `NF_CT_STATE_BIT`.
package struct ConnectionStates: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let invalid = ConnectionStates(rawValue: 1)
    package static let established = ConnectionStates(rawValue: 2)
    package static let related = ConnectionStates(rawValue: 4)
    package static let new = ConnectionStates(rawValue: 8)
    package static let untracked = ConnectionStates(rawValue: 64)
}

/// What has happened to a connection.
///
/// `linux/netfilter/nf_conntrack_common.h`, `enum ip_conntrack_status`.
package struct ConnectionStatus: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let expected = ConnectionStatus(rawValue: 1)
    package static let seenReply = ConnectionStatus(rawValue: 2)
    package static let assured = ConnectionStatus(rawValue: 4)
    package static let confirmed = ConnectionStatus(rawValue: 8)
    /// Its source is translated.
    package static let snat = ConnectionStatus(rawValue: 16)
    /// Its destination is translated.
    package static let dnat = ConnectionStatus(rawValue: 32)
    package static let dying = ConnectionStatus(rawValue: 512)
}

/// What the routing tables know of an address.
///
/// `linux/rtnetlink.h`, `RTN_*`.
package enum FIBAddressType: UInt32, Hashable, Sendable {
    case unicast = 1
    /// One of this host's.
    case local = 2
    case broadcast = 3
    case anycast = 4
    case multicast = 5
    case blackhole = 6
    case unreachable = 7
    case prohibit = 8
}
