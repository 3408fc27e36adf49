// SPDX-License-Identifier: Apache-2.0

/// Why a frame goes nowhere.
public enum DropReason: UInt8, Hashable, Sendable, CaseIterable, BitwiseCopyable {
    case noSuchInterface
    case interfaceDown
    case truncated
    case invalidSource
    case spanningTreeBlocks
    case spanningTreeLearns
    case linkLocalGroup
    case taggedNotAdmitted
    case untaggedNotAdmitted
    case vlanNotAllowed
    case sourceNotAllowed
    case addressNotAllowed
    case unreadablePacket
    case deniedByRule
    case lockedInterface
    case sameInterface
    case outputDown
    case outputNotInVLAN
    case isolated
    case nobodyThere
    case notRoutable
    case timeExceeded
    case noRoute
    case blackhole
    case packetTooBig
    case neighbourUnknown

    /// The reason as a sentence without a full stop, for those who ask why.
    public var explanation: String {
        switch self {
        case .noSuchInterface: "the switch has no such interface"
        case .interfaceDown: "the interface it came from is down"
        case .truncated: "the frame ends before its type does"
        case .invalidSource: "the source is a group of stations or zero"
        case .spanningTreeBlocks: "the spanning tree blocks the interface it came from"
        case .spanningTreeLearns: "the spanning tree only lets the interface learn where it came from"
        case .linkLocalGroup: "the destination is a group that no bridge forwards"
        case .taggedNotAdmitted: "the interface it came from takes no tagged frames"
        case .untaggedNotAdmitted: "the interface it came from takes no untagged frames or has no native VLAN"
        case .vlanNotAllowed: "the interface it came from does not belong to the VLAN"
        case .sourceNotAllowed: "the source is none of those allowed at the interface it came from"
        case .addressNotAllowed: "the address is none of those allowed at the interface it came from"
        case .unreadablePacket: "the packet cannot be read, and its address is to be checked"
        case .deniedByRule: "a rule denies it"
        case .lockedInterface: "the interface it came from is locked, and the source is not known to be there"
        case .sameInterface: "the destination is where it came from"
        case .outputDown: "the interface of the destination is down, blocked or gone"
        case .outputNotInVLAN: "the interface of the destination does not belong to the VLAN"
        case .isolated: "the interface it came from and that of the destination are isolated from each other"
        case .nobodyThere: "no other interface wants it"
        case .notRoutable: "it is sent to the gateway, and is no intact packet of IP"
        case .timeExceeded: "its time to live is over"
        case .noRoute: "there is no route to the destination"
        case .blackhole: "the route to the destination is a black hole"
        case .packetTooBig: "the packet is longer than the route allows"
        case .neighbourUnknown: "the address of the next hop on the link is not known"
        }
    }
}
