// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Where packets to a network go.
public struct Route: Hashable, Sendable {
    /// Which part of the world a destination belongs to, for those who print routes; it decides nothing here.
    public enum Scope: UInt8, Hashable, Sendable {
        case universe = 0
        case site = 200
        case link = 253
        case host = 254
        case nowhere = 255
    }

    /// What becomes of packets.
    public enum Kind: Hashable, Sendable {
        case unicast
        /// They are dropped without a word.
        case blackhole
    }

    /// Without host bits.
    public var destination: CIDR
    /// Where packets have to come from for the route to count; nil is anywhere.
    public var interface: InterfaceID?
    public var outputInterface: InterfaceID
    /// Who takes the packet on; nil when the destination itself is on the link.
    public var gateway: IPAddress?
    /// Who that is on the link; nil when nobody knows yet.
    public var nextHop: MACAddress?
    /// The longest packet, in octets; 0 for any.
    public var mtu: UInt16 = 0
    /// What TCP announces at the most, in octets; 0 for any.
    public var advertisedMSS: UInt16 = 0
    /// Of two routes to one network the lower one counts, and of equal ones the older.
    public var priority: UInt32 = 0
    /// The routing table it belongs to; 0 is the main one.
    ///
    /// It decides nothing here.
    public var table: UInt32 = 0
    public var scope = Scope.universe
    public var kind = Kind.unicast

    /// A route from anywhere, or only from `interface`; host bits of the destination are cleared.
    public init(
        destination: CIDR,
        interface: InterfaceID? = nil,
        outputInterface: InterfaceID,
        gateway: IPAddress? = nil,
        nextHop: MACAddress? = nil
    ) {
        self.destination = destination.network
        self.interface = interface
        self.outputInterface = outputInterface
        self.gateway = gateway
        self.nextHop = nextHop
    }

    /// A route to an address and a mask as `route(8)` writes them, such as 10.1.0.0 and 255.255.0.0.
    ///
    /// - Returns: nil when the mask has gaps or is of the other family.
    public init?(
        destination: IPAddress,
        mask: IPAddress,
        interface: InterfaceID? = nil,
        outputInterface: InterfaceID
    ) {
        guard mask.family == destination.family else { return nil }
        let width = mask.family.bitWidth
        let length = mask.value.nonzeroBitCount
        let zeros = mask.value.trailingZeroBitCount
        guard length == 0 || zeros == width - length,
            let network = CIDR(address: destination, prefixLength: length)
        else { return nil }
        self.init(destination: network, interface: interface, outputInterface: outputInterface)
    }
}

/// The name of a route in its table; free again when the route is gone.
public struct RouteID: Hashable, Sendable, BitwiseCopyable {
    public let number: UInt32

    public init(number: UInt32) {
        self.number = number
    }
}
