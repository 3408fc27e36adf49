// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// DHCPv6 for one address, in the terms of the messages of DHCPv4.
///
/// The exchanges are the same under other names: Solicit, Advertise, Request and Reply; Renew and Rebind, which are
/// requests for an address that one has; Release. So there is one client for both. What has no place in the other
/// protocol is not said: of lifetimes the valid one counts, and a client has one identity association, number 1.
///
/// Source: RFC 8415.
package enum DHCPv6Codec {
    package static let serverPort: UInt16 = 547
    package static let clientPort: UInt16 = 546
    /// All relay agents and servers: `ff02::1:2`.
    ///
    /// RFC 8415, 7.1.
    package static let everybody = IPAddress(v6: 0xff02 << 112 | 0x0001_0002)

    private enum Kind: UInt8 {
        case solicit = 1
        case advertise
        case request
        case confirm
        case renew
        case rebind
        case reply
        case release
    }

    /// RFC 8415, 21; RFC 3646.
    private enum Code {
        static let clientIdentifier: UInt16 = 1
        static let serverIdentifier: UInt16 = 2
        static let association: UInt16 = 3
        static let address: UInt16 = 5
        static let requested: UInt16 = 6
        static let elapsed: UInt16 = 8
        static let status: UInt16 = 13
        static let nameServers: UInt16 = 23
        static let domains: UInt16 = 24
    }

    private static let associationNumber: UInt32 = 1
    /// An identifier made of an Ethernet address.
    ///
    /// RFC 8415, 11.4.
    private static let identifierStart: [UInt8] = [0, 3, 0, 1]
    private static let unspecified = IPAddress(v6: 0)

    /// The message as it is sent; nil for one that DHCPv6 does not have.
    package static func octets(_ message: DHCPMessage) -> [UInt8]? {
        guard let kind = kind(message) else { return nil }
        var octets: [UInt8] = []
        octets.appendBigEndian(UInt32(kind.rawValue) << 24 | message.transaction & 0xff_ffff)
        append(Code.clientIdentifier, identifierStart + message.clientHardware.octets, to: &octets)
        let server = message.options[.serverIdentifier]
        if let server, kind != .rebind, kind != .solicit { append(Code.serverIdentifier, server, to: &octets) }
        var elapsed: [UInt8] = []
        elapsed.appendBigEndian(UInt16(clamping: Int(message.seconds) * 100))
        append(Code.elapsed, elapsed, to: &octets)
        append(Code.association, association(message), to: &octets)
        if kind == .reply || kind == .advertise {
            if let value = message.options[.nameServers] { append(Code.nameServers, value, to: &octets) }
            if let value = message.options[.domainSearch] { append(Code.domains, value, to: &octets) }
            return octets
        }
        let wanted = (message.options[.parameterRequestList] ?? []).compactMap { code6($0) }
        if !wanted.isEmpty {
            var list: [UInt8] = []
            for code in wanted { list.appendBigEndian(code) }
            append(Code.requested, list, to: &octets)
        }
        return octets
    }

    private static func kind(_ message: DHCPMessage) -> Kind? {
        let hasAddress = !message.clientAddress.isUnspecified
        return switch message.kind {
        case .discover: .solicit
        case .request where !hasAddress: .request
        // Renew goes to the server that it names, and Rebind names none.
        case .request: message.options[.serverIdentifier] == nil ? .rebind : .renew
        case .release: .release
        // As servers write them, for what is remembered.
        case .offer: .advertise
        case .acknowledgement: .reply
        case .decline, .refusal, .inform: nil
        }
    }

    private static func code6(_ code: UInt8) -> UInt16? {
        switch DHCPOptionCode(rawValue: code) {
        case .nameServers: Code.nameServers
        case .domainSearch: Code.domains
        default: nil
        }
    }

    private static func append(_ code: UInt16, _ value: [UInt8], to octets: inout [UInt8]) {
        octets.appendBigEndian(code)
        octets.appendBigEndian(UInt16(value.count))
        octets += value
    }

    /// The association, with the address that is meant if there is one.
    private static func association(_ message: DHCPMessage) -> [UInt8] {
        var octets: [UInt8] = []
        octets.appendBigEndian(associationNumber)
        octets += message.options[.renewalTime] ?? [0, 0, 0, 0]
        octets += message.options[.rebindingTime] ?? [0, 0, 0, 0]
        let given = [message.clientAddress, message.yourAddress].first { !$0.isUnspecified }?.octets
        if let address = given ?? message.options[.requestedAddress], address.count == 16 {
            let lifetime = message.options[.leaseTime] ?? [0, 0, 0, 0]
            append(Code.address, address + lifetime + lifetime, to: &octets)
        }
        return octets
    }
}

// What servers say.
extension DHCPv6Codec {
    /// Reads a server's message; nil for any other, for one that names no client of Ethernet, and for broken ones.
    package static func message(parsing octets: [UInt8]) -> DHCPMessage? {
        guard octets.count >= 4, let kind = Kind(rawValue: octets[0]), kind == .advertise || kind == .reply,
            let options = options(octets[4...]),
            let client = options.first(where: { $0.code == Code.clientIdentifier })?.value,
            client.count == 10, client.starts(with: identifierStart),
            let hardware = MACAddress(octets: client.suffix(6))
        else { return nil }
        var message = DHCPMessage(
            kind == .advertise ? .offer : .acknowledgement,
            transaction: octets[1..<4].number32,
            clientHardware: hardware
        )
        message.clientAddress = unspecified
        message.yourAddress = unspecified
        for option in options {
            switch option.code {
            case Code.serverIdentifier: message.options[.serverIdentifier] = Array(option.value)
            case Code.nameServers: message.options[.nameServers] = Array(option.value)
            case Code.domains: message.options[.domainSearch] = Array(option.value)
            case Code.status: take(status: option.value, into: &message)
            case Code.association: guard take(association: option.value, into: &message) else { return nil }
            default: break
            }
        }
        return message
    }

    private static func options(_ octets: ArraySlice<UInt8>) -> [(code: UInt16, value: ArraySlice<UInt8>)]? {
        var options: [(code: UInt16, value: ArraySlice<UInt8>)] = []
        var rest = octets
        while !rest.isEmpty {
            guard rest.count >= 4 else { return nil }
            let start = rest.startIndex
            let code = UInt16(truncatingIfNeeded: rest[start..<(start + 2)].number32)
            let count = Int(rest[(start + 2)..<(start + 4)].number32)
            guard rest.count >= 4 + count else { return nil }
            options.append((code: code, value: rest[(start + 4)..<(start + 4 + count)]))
            rest = rest[(start + 4 + count)...]
        }
        return options
    }

    /// Anything but success is a refusal.
    ///
    /// RFC 8415, 21.13.
    private static func take(status: ArraySlice<UInt8>, into message: inout DHCPMessage) {
        guard status.count >= 2, status.prefix(2).number32 != 0 else { return }
        message.kind = .refusal
        message.options[.message] = Array(status.dropFirst(2))
    }

    private static func take(association: ArraySlice<UInt8>, into message: inout DHCPMessage) -> Bool {
        guard association.count >= 12, let options = options(association.dropFirst(12)) else { return false }
        guard association.prefix(4).number32 == associationNumber else { return true }
        // Zero leaves it to the client. RFC 8415, 14.2.
        let start = association.startIndex
        let times = [(4, DHCPOptionCode.renewalTime), (8, .rebindingTime)]
        for (offset, code) in times {
            let value = association[(start + offset)..<(start + offset + 4)]
            if value.number32 != 0 { message.options[code] = Array(value) }
        }
        for option in options {
            if option.code == Code.status { take(status: option.value, into: &message) }
            guard option.code == Code.address, option.value.count >= 24, message.yourAddress.isUnspecified else {
                continue
            }
            let valid = option.value.dropFirst(20).prefix(4)
            // A lifetime of zero takes the address away. RFC 8415, 18.2.10.1.
            guard valid.number32 != 0, let address = IPAddress(octets: option.value.prefix(16)) else { continue }
            message.yourAddress = address
            message.options[.leaseTime] = Array(valid)
        }
        return true
    }
}

extension DHCPMessage {
    /// The message as it is sent over a family.
    package func octets(_ family: AddressFamily) -> [UInt8] {
        family == .v4 ? octets : DHCPv6Codec.octets(self) ?? []
    }

    /// Reads a message that came over a family.
    package init?(parsing octets: [UInt8], _ family: AddressFamily) {
        let message = family == .v4 ? DHCPMessage(parsing: octets) : DHCPv6Codec.message(parsing: octets)
        guard let message else { return nil }
        self = message
    }
}
