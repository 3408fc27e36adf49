// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// A DHCPv4 message between a client on Ethernet and a server.
///
/// Source: RFC 2131, 2.
package struct DHCPMessage: Hashable, Sendable {
    /// RFC 2132, 9.6.
    package enum Kind: UInt8, Hashable, Sendable {
        case discover = 1
        case offer
        case request
        case decline
        case acknowledgement
        case refusal
        case release
        case inform
    }

    package var kind: Kind
    /// Chosen by the client; the answer bears the same.
    package var transaction: UInt32
    /// Since the client began to ask, in seconds.
    package var seconds: UInt16 = 0
    /// The client cannot take frames to an address that it does not have yet.
    package var wantsBroadcast = false
    /// `ciaddr`: the address a client has and answers for.
    package var clientAddress = DHCPMessage.nowhere
    /// `yiaddr`: the address a server gives.
    package var yourAddress = DHCPMessage.nowhere
    package var clientHardware: MACAddress
    /// Without the message type, which is ``kind``.
    package var options = DHCPOptions()

    /// `0.0.0.0`.
    package static let nowhere = IPAddress(v4: 0)
    /// Clients' messages are this long at least: what a relay for BOOTP expects.
    ///
    /// RFC 1542, 2.1.
    private static let minimum = 300
    private static let headerLength = 240
    private static let cookie: [UInt8] = [99, 130, 83, 99]

    package init(_ kind: Kind, transaction: UInt32, clientHardware: MACAddress) {
        self.kind = kind
        self.transaction = transaction
        self.clientHardware = clientHardware
    }

    private var isReply: Bool {
        [.offer, .acknowledgement, .refusal].contains(kind)
    }

    /// The message as it is sent.
    package var octets: [UInt8] {
        var octets: [UInt8] = [isReply ? 2 : 1, 1, 6, 0]
        octets.appendBigEndian(transaction)
        octets.appendBigEndian(seconds)
        octets.appendBigEndian(wantsBroadcast ? 0x8000 as UInt16 : 0)
        octets += clientAddress.octets
        octets += yourAddress.octets
        // siaddr, giaddr
        octets += [UInt8](repeating: 0, count: 8)
        octets += clientHardware.octets
        // The rest of chaddr, sname, file
        octets += [UInt8](repeating: 0, count: 10 + 64 + 128)
        octets += DHCPMessage.cookie
        octets += [DHCPOptionCode.messageType.rawValue, 1, kind.rawValue]
        octets += options.octets
        if octets.count < DHCPMessage.minimum {
            octets += [UInt8](repeating: 0, count: DHCPMessage.minimum - octets.count)
        }
        return octets
    }

    /// Reads a message; nil for anything that is none, or not about Ethernet, or has options that go beyond its end.
    package init?(parsing octets: [UInt8]) {
        guard octets.count >= DHCPMessage.headerLength, octets[0] == 1 || octets[0] == 2, octets[1] == 1,
            octets[2] == 6, Array(octets[236..<240]) == DHCPMessage.cookie,
            let hardware = MACAddress(octets: octets[28..<34]),
            let clientAddress = IPAddress(octets: octets[12..<16]),
            let yourAddress = IPAddress(octets: octets[16..<20]),
            var options = DHCPMessage.options(octets),
            let type = options[.messageType], type.count == 1, let kind = Kind(rawValue: type[0])
        else { return nil }
        options[.messageType] = nil
        options[.overload] = nil
        self.init(kind, transaction: octets[4..<8].number32, clientHardware: hardware)
        guard isReply == (octets[0] == 2) else { return nil }
        seconds = UInt16(octets[8]) << 8 | UInt16(octets[9])
        wantsBroadcast = octets[10] & 0x80 != 0
        self.clientAddress = clientAddress
        self.yourAddress = yourAddress
        self.options = options
    }

    /// The options of the field of their own, then of those that the overload option names: file, then server name.
    ///
    /// Source: RFC 2131, 4.1; RFC 3396, 5.
    private static func options(_ octets: [UInt8]) -> DHCPOptions? {
        var options = DHCPOptions()
        guard options.append(parsing: octets[headerLength...]) else { return nil }
        let overload = options[.overload]?.first ?? 0
        if overload & 1 != 0, !options.append(parsing: octets[108..<236]) { return nil }
        if overload & 2 != 0, !options.append(parsing: octets[44..<108]) { return nil }
        return options
    }
}

extension [UInt8] {
    mutating func appendBigEndian(_ number: UInt16) {
        append(UInt8(truncatingIfNeeded: number >> 8))
        append(UInt8(truncatingIfNeeded: number))
    }

    mutating func appendBigEndian(_ number: UInt32) {
        appendBigEndian(UInt16(truncatingIfNeeded: number >> 16))
        appendBigEndian(UInt16(truncatingIfNeeded: number))
    }
}

extension ArraySlice<UInt8> {
    /// The octets as a number in network order.
    ///
    /// - Precondition: at most four, or the last four count.
    var number32: UInt32 {
        reduce(0) { $0 << 8 | UInt32($1) }
    }
}
