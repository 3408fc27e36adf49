// SPDX-License-Identifier: Apache-2.0

/// The number of a DHCPv4 option.
///
/// Source: RFC 2132, and the later documents named at each.
package struct DHCPOptionCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package static let pad = DHCPOptionCode(rawValue: 0)
    package static let subnetMask = DHCPOptionCode(rawValue: 1)
    package static let routers = DHCPOptionCode(rawValue: 3)
    package static let nameServers = DHCPOptionCode(rawValue: 6)
    package static let hostName = DHCPOptionCode(rawValue: 12)
    package static let domainName = DHCPOptionCode(rawValue: 15)
    package static let interfaceMTU = DHCPOptionCode(rawValue: 26)
    /// Classful: pairs of destination and router.
    package static let staticRoutes = DHCPOptionCode(rawValue: 33)
    package static let requestedAddress = DHCPOptionCode(rawValue: 50)
    package static let leaseTime = DHCPOptionCode(rawValue: 51)
    /// Where options go on: the fields of the file's and of the server's name.
    package static let overload = DHCPOptionCode(rawValue: 52)
    package static let messageType = DHCPOptionCode(rawValue: 53)
    package static let serverIdentifier = DHCPOptionCode(rawValue: 54)
    package static let parameterRequestList = DHCPOptionCode(rawValue: 55)
    package static let message = DHCPOptionCode(rawValue: 56)
    package static let maximumMessageSize = DHCPOptionCode(rawValue: 57)
    package static let renewalTime = DHCPOptionCode(rawValue: 58)
    package static let rebindingTime = DHCPOptionCode(rawValue: 59)
    package static let vendorClass = DHCPOptionCode(rawValue: 60)
    package static let clientIdentifier = DHCPOptionCode(rawValue: 61)
    /// RFC 3004.
    package static let userClass = DHCPOptionCode(rawValue: 77)
    /// RFC 3397.
    package static let domainSearch = DHCPOptionCode(rawValue: 119)
    /// RFC 3442.
    package static let classlessRoutes = DHCPOptionCode(rawValue: 121)
    package static let end = DHCPOptionCode(rawValue: 255)

    /// The options that a configuration may name instead of numbering them, as the reference's plugin knows them, and
    /// dhcp-options(5).
    private static let names: [(String, DHCPOptionCode)] = [
        ("dhcp-client-identifier", .clientIdentifier), ("subnet-mask", .subnetMask), ("routers", .routers),
        ("host-name", .hostName), ("user-class", .userClass), ("vendor-class-identifier", .vendorClass),
        ("domain-name-servers", .nameServers), ("domain-name", .domainName), ("domain-search", .domainSearch),
        ("interface-mtu", .interfaceMTU),
    ]

    /// Reads a name of dhcp-options(5), or a number from 1 to 254; nil for anything else.
    package init?(named text: String) {
        if let known = DHCPOptionCode.names.first(where: { $0.0 == text }) {
            self = known.1
            return
        }
        var number = 0
        for letter in text.utf8 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(letter), number < 255 else { return nil }
            number = number * 10 + Int(letter - UInt8(ascii: "0"))
        }
        guard (1...254).contains(number) else { return nil }
        self.init(rawValue: UInt8(number))
    }

    /// The names that ``init(named:)`` knows, for messages.
    package static var knownNames: String {
        names.map { $0.0 }.joined(separator: ", ")
    }

    /// Whether a client of ours says it by itself, so that a configuration cannot.
    package var isReserved: Bool {
        switch self {
        case .requestedAddress, .leaseTime, .overload, .messageType, .serverIdentifier, .parameterRequestList,
            .maximumMessageSize, .renewalTime, .rebindingTime, .pad, .end:
            true
        default: false
        }
    }
}
