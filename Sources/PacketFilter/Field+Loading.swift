// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// Where a value comes from.
enum FieldSource {
    case payload(PayloadBase, offset: Int)
    case meta(MetaKey)
    case ct(ConnectionKey, direction: UInt8?)
    case fib(FIBFlags)
}

/// What has to hold before a field means anything.
enum FieldRequirement: Hashable {
    case none
    /// The packet is of this protocol above Ethernet.
    case network(EtherType)
    /// The payload is of this protocol.
    case transport(TransportProtocol)
    /// The frame has an Ethernet header.
    case ether
    /// ICMP, of the family it belongs to.
    case icmp(AddressFamily)
}

/// What is above Ethernet.
///
/// IEEE 802 numbers (IANA, "EtherTypes").
enum EtherType: UInt16 {
    case ip = 0x0800
    case arp = 0x0806
    case ip6 = 0x86dd
}

extension Field {
    var type: DataType {
        switch self {
        case .ipSaddr, .ipDaddr, .arpSaddrIP, .arpDaddrIP, .ctSaddr(.v4, _), .ctDaddr(.v4, _): .ipv4Address
        case .ip6Saddr, .ip6Daddr, .icmpv6Taddr, .ctSaddr(.v6, _), .ctDaddr(.v6, _): .ipv6Address
        case .ipProtocol, .metaL4proto, .ctProtocol: .inetProto
        case .icmpType: .icmpType
        case .icmpv6Type: .icmpv6Type
        case .tcpSport, .tcpDport, .udpSport, .udpDport, .sctpSport, .sctpDport, .thSport, .thDport, .ctProtoSrc,
            .ctProtoDst:
            .inetService
        case .etherSaddr, .etherDaddr, .arpSaddrEther, .arpDaddrEther: .etherAddress
        case .etherType, .metaProtocol: .etherType
        case .arpOperation: .arpOperation
        case .metaNfproto, .ctL3proto: .nfproto
        case .metaMark, .ctMark: .mark
        case .metaPkttype: .packetType
        case .metaSkuid: .userID
        case .metaSkgid: .groupID
        case .iif, .oif: .interfaceIndex
        case .iifname, .oifname: .interfaceName
        case .ctState: .ctState
        case .ctStatus: .ctStatus
        case .ctDirection: .ctDirection
        case .fibSaddrType, .fibDaddrType: .fibAddressType
        }
    }

    /// Offsets: RFC 791, 3.1; RFC 8200, 3; RFC 826; RFC 792; RFC 4861, 4.4; the ports of RFC 9293, RFC 768 and RFC 9260 agree.
    var source: FieldSource {
        switch self {
        case .ipSaddr: .payload(.network, offset: 12)
        case .ipDaddr: .payload(.network, offset: 16)
        case .ipProtocol: .payload(.network, offset: 9)
        case .ip6Saddr: .payload(.network, offset: 8)
        case .ip6Daddr: .payload(.network, offset: 24)
        case .icmpType, .icmpv6Type, .tcpSport, .udpSport, .sctpSport, .thSport: .payload(.transport, offset: 0)
        case .tcpDport, .udpDport, .sctpDport, .thDport: .payload(.transport, offset: 2)
        case .icmpv6Taddr: .payload(.transport, offset: 8)
        case .etherDaddr: .payload(.link, offset: 0)
        case .etherSaddr: .payload(.link, offset: 6)
        case .etherType: .payload(.link, offset: 12)
        case .arpOperation: .payload(.network, offset: 6)
        case .arpSaddrEther: .payload(.network, offset: 8)
        case .arpSaddrIP: .payload(.network, offset: 14)
        case .arpDaddrEther: .payload(.network, offset: 18)
        case .arpDaddrIP: .payload(.network, offset: 24)
        case .metaNfproto: .meta(.nfproto)
        case .metaL4proto: .meta(.l4proto)
        case .metaProtocol: .meta(.proto)
        case .metaMark: .meta(.mark)
        case .metaPkttype: .meta(.pkttype)
        case .metaSkuid: .meta(.skuid)
        case .metaSkgid: .meta(.skgid)
        case .iif: .meta(.iif)
        case .oif: .meta(.oif)
        case .iifname: .meta(.iifname)
        case .oifname: .meta(.oifname)
        case .ctState, .ctStatus, .ctMark, .ctDirection, .ctSaddr, .ctDaddr, .ctL3proto, .ctProtocol, .ctProtoSrc,
            .ctProtoDst:
            connectionSource
        case .fibSaddrType: .fib(.saddr)
        case .fibDaddrType: .fib(.daddr)
        }
    }

    private var connectionSource: FieldSource {
        switch self {
        case .ctStatus: .ct(.status, direction: nil)
        case .ctMark: .ct(.mark, direction: nil)
        case .ctDirection: .ct(.direction, direction: nil)
        case .ctSaddr(.v4, let reply): .ct(.ipSource, direction: reply ? 1 : 0)
        case .ctSaddr(.v6, let reply): .ct(.ip6Source, direction: reply ? 1 : 0)
        case .ctDaddr(.v4, let reply): .ct(.ipDestination, direction: reply ? 1 : 0)
        case .ctDaddr(.v6, let reply): .ct(.ip6Destination, direction: reply ? 1 : 0)
        case .ctL3proto: .ct(.l3proto, direction: nil)
        case .ctProtocol: .ct(.proto, direction: nil)
        case .ctProtoSrc(let reply): .ct(.protoSource, direction: reply ? 1 : 0)
        case .ctProtoDst(let reply): .ct(.protoDestination, direction: reply ? 1 : 0)
        default: .ct(.state, direction: nil)
        }
    }

    var requirement: FieldRequirement {
        switch self {
        case .ipSaddr, .ipDaddr, .ipProtocol: .network(.ip)
        case .ip6Saddr, .ip6Daddr: .network(.ip6)
        case .arpOperation, .arpSaddrIP, .arpDaddrIP, .arpSaddrEther, .arpDaddrEther: .network(.arp)
        case .icmpType: .icmp(.v4)
        case .icmpv6Type, .icmpv6Taddr: .icmp(.v6)
        case .tcpSport, .tcpDport: .transport(.tcp)
        case .udpSport, .udpDport: .transport(.udp)
        case .sctpSport, .sctpDport: .transport(.sctp)
        case .etherSaddr, .etherDaddr, .etherType: .ether
        default: .none
        }
    }
}

extension DataType {
    /// Whether the kernel gives it in the host's order, as a number.
    var isOfHostOrder: Bool {
        switch self {
        case .nfproto, .inetProto, .mark, .interfaceIndex, .interfaceType, .userID, .groupID, .ctState, .ctDirection,
            .ctStatus, .packetType, .fibAddressType:
            true
        case .ipv4Address, .ipv6Address, .etherAddress, .etherType, .arpOperation, .inetService, .icmpType,
            .icmpv6Type, .interfaceName:
            false
        }
    }

    /// `length`, with the padding to four octets that parts of a concatenation have.
    var paddedLength: Int { (length + 3) & ~3 }
}
