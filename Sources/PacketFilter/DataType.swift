// SPDX-License-Identifier: Apache-2.0

/// What kind of thing a key or a value is, by nft's number.
///
/// The kernel keeps the number for nft, which prints by it. Six bits each make up the number of a concatenation.
/// Source: nftables 1.0.6, `include/datatype.h`, `enum datatypes`.
package enum DataType: UInt32, Hashable, Sendable {
    case nfproto = 2
    case ipv4Address = 7
    case ipv6Address = 8
    case etherAddress = 9
    case etherType = 10
    case arpOperation = 11
    case inetProto = 12
    case inetService = 13
    case icmpType = 14
    case mark = 19
    case interfaceIndex = 20
    case interfaceType = 21
    case userID = 24
    case groupID = 25
    case ctState = 26
    case ctDirection = 27
    case ctStatus = 28
    case icmpv6Type = 29
    case packetType = 31
    case fibAddressType = 38
    case interfaceName = 41

    /// In octets, without the padding to four within a concatenation.
    package var length: Int {
        switch self {
        case .nfproto, .inetProto, .icmpType, .icmpv6Type, .ctDirection, .packetType: 1
        case .etherType, .arpOperation, .inetService, .interfaceType: 2
        case .ipv4Address, .mark, .interfaceIndex, .userID, .groupID, .ctState, .ctStatus, .fibAddressType: 4
        case .etherAddress: 6
        case .ipv6Address, .interfaceName: 16
        }
    }

    /// As nft says it in `type …`.
    package var name: String {
        switch self {
        case .nfproto: "nf_proto"
        case .ipv4Address: "ipv4_addr"
        case .ipv6Address: "ipv6_addr"
        case .etherAddress: "ether_addr"
        case .etherType: "ether_type"
        case .arpOperation: "arp_op"
        case .inetProto: "inet_proto"
        case .inetService: "inet_service"
        case .icmpType: "icmp_type"
        case .mark: "mark"
        case .interfaceIndex: "iface_index"
        case .interfaceType: "iface_type"
        case .userID: "uid"
        case .groupID: "gid"
        case .ctState: "ct_state"
        case .ctDirection: "ct_dir"
        case .ctStatus: "ct_status"
        case .icmpv6Type: "icmpv6_type"
        case .packetType: "pkt_type"
        case .fibAddressType: "fib_addrtype"
        case .interfaceName: "ifname"
        }
    }
}
