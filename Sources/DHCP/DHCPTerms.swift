// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Why an answer of a server is of no use, in words.
package struct DHCPProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// What a server granted: an address, for how long, and what goes with it.
package struct DHCPTerms: Hashable, Sendable {
    /// A way to somewhere; without a router it is on the link.
    package struct Route: Hashable, Sendable {
        package let destination: CIDR
        package let router: IPAddress?

        package init(destination: CIDR, router: IPAddress?) {
            self.destination = destination
            self.router = router
        }
    }

    package let address: CIDR
    package let server: IPAddress
    /// The first router, option 3.
    package let gateway: IPAddress?
    /// Option 121 if there is one; else option 33, then a default route through the router.
    package let routes: [Route]
    package let nameServers: [IPAddress]
    /// Empty when the server named none.
    package let domain: String
    package let search: [String]
    /// Of the link, in octets.
    package let mtu: Int?
    /// How long the address may be used, in seconds; nil for ever.
    package let leaseSeconds: Int?
    /// When to ask the same server for more time, in seconds.
    package let renewalSeconds: Int
    /// When to ask any server for more time, in seconds.
    package let rebindingSeconds: Int

    /// Reads an offer or an acknowledgement.
    ///
    /// - Throws: ``DHCPProblem`` when it grants nothing that could be used.
    package init(_ message: DHCPMessage) throws(DHCPProblem) {
        let options = message.options
        let address = message.yourAddress
        if address.family == .v6 {
            self = try DHCPTerms(six: message)
            return
        }
        guard !address.isUnspecified, !address.isMulticast, !address.isLoopback, address != IPAddress(v4: .max) else {
            throw DHCPProblem("the server gives \(address), which no host can have")
        }
        guard let server = options[.serverIdentifier].flatMap({ $0.count == 4 ? IPAddress(octets: $0) : nil }) else {
            throw DHCPProblem("the server does not say who it is (option 54)")
        }
        guard let mask = options[.subnetMask], let length = DHCPTerms.prefixLength(mask),
            let cidr = CIDR(address: address, prefixLength: length)
        else { throw DHCPProblem("the server gives no subnet mask, or none that is one (option 1)") }
        guard let lease = DHCPTerms.seconds(options[.leaseTime]), lease > 0 else {
            throw DHCPProblem("the server does not say for how long (option 51)")
        }
        self.address = cidr
        self.server = server
        gateway = options[.routers].flatMap { DHCPTerms.addresses($0).first { !$0.isUnspecified } }
        routes = DHCPTerms.routes(options, gateway)
        nameServers = options[.nameServers].map { DHCPTerms.addresses($0) } ?? []
        domain = options[.domainName].map { DHCPTerms.text($0) } ?? ""
        search = options[.domainSearch].flatMap { DomainNames.parse($0) } ?? []
        mtu = options[.interfaceMTU].flatMap { $0.count == 2 ? Int($0[...].number32) : nil }.flatMap {
            // RFC 2132, 5.1
            $0 >= 68 ? $0 : nil
        }
        let isInfinite = lease == UInt32.max
        leaseSeconds = isInfinite ? nil : Int(lease)
        (renewalSeconds, rebindingSeconds) = DHCPTerms.times(options, isInfinite ? Int(UInt32.max) : Int(lease))
    }

    /// As DHCPv6 has it: one address, and what is on the link and beyond it is told by routers.
    private init(six message: DHCPMessage) throws(DHCPProblem) {
        let address = message.yourAddress
        guard !address.isUnspecified, !address.isMulticast, !address.isLoopback, !address.isLinkLocalUnicast else {
            throw DHCPProblem("the server gives no address")
        }
        guard message.options[.serverIdentifier] != nil else { throw DHCPProblem("the server does not say who it is") }
        guard let lease = DHCPTerms.seconds(message.options[.leaseTime]), lease > 0 else {
            throw DHCPProblem("the server does not say for how long")
        }
        self.address = .host(address)
        server = IPAddress(v6: 0)
        gateway = nil
        routes = []
        nameServers = message.options[.nameServers].map { DHCPTerms.addresses($0, of: 16) } ?? []
        domain = ""
        search = message.options[.domainSearch].flatMap { DomainNames.parse($0) } ?? []
        mtu = nil
        let isInfinite = lease == UInt32.max
        leaseSeconds = isInfinite ? nil : Int(lease)
        (renewalSeconds, rebindingSeconds) = DHCPTerms.times(message.options, Int(lease))
    }

    /// Half, and seven eighths of the time, where the server says nothing that makes sense.
    ///
    /// RFC 2131, 4.4.5.
    private static func times(_ options: DHCPOptions, _ lease: Int) -> (Int, Int) {
        let half = max(1, lease / 2)
        let late = max(half, lease * 7 / 8)
        let renewal = seconds(options[.renewalTime]).map { Int($0) } ?? half
        let rebinding = seconds(options[.rebindingTime]).map { Int($0) } ?? late
        guard renewal > 0, renewal <= rebinding, rebinding <= lease else { return (half, late) }
        return (renewal, rebinding)
    }

    private static func seconds(_ value: [UInt8]?) -> UInt32? {
        value.flatMap { $0.count == 4 ? $0[...].number32 : nil }
    }

    private static func prefixLength(_ mask: [UInt8]) -> Int? {
        guard mask.count == 4 else { return nil }
        let bits = mask[...].number32
        let length = (~bits).leadingZeroBitCount
        // Ones, then zeros. All zeros would take the whole world for the link.
        guard length > 0, length == 32 || bits << length == 0 else { return nil }
        return length
    }

    private static func addresses(_ value: [UInt8], of size: Int = 4) -> [IPAddress] {
        stride(from: 0, to: value.count - value.count % size, by: size).compactMap {
            IPAddress(octets: value[$0..<($0 + size)])
        }
    }

    /// What can be printed of a text, whose end some servers mark with a zero.
    private static func text(_ value: [UInt8]) -> String {
        String(decoding: value.filter { $0 > 0x20 && $0 < 0x7f }, as: UTF8.self)
    }

    private static func routes(_ options: DHCPOptions, _ gateway: IPAddress?) -> [Route] {
        if let value = options[.classlessRoutes], let routes = classlessRoutes(value), !routes.isEmpty { return routes }
        var routes = options[.staticRoutes].map { staticRoutes($0) } ?? []
        if let gateway, let everywhere = CIDR(address: DHCPMessage.nowhere, prefixLength: 0) {
            routes.append(Route(destination: everywhere, router: gateway))
        }
        return routes
    }

    /// RFC 3442: length of the prefix, as many octets as it needs, router; nil when it does not come out even.
    static func classlessRoutes(_ value: [UInt8]) -> [Route]? {
        var routes: [Route] = []
        var rest = value[...]
        while let length = rest.first {
            let octets = (Int(length) + 7) / 8
            guard length <= 32, rest.count >= 1 + octets + 4 else { return nil }
            let start = rest.startIndex + 1
            let destination = Array(rest[start..<(start + octets)]) + [UInt8](repeating: 0, count: 4 - octets)
            let router = IPAddress(octets: rest[(start + octets)..<(start + octets + 4)])
            if let address = IPAddress(octets: destination),
                let network = CIDR(address: address, prefixLength: Int(length))?.network
            {
                routes.append(Route(destination: network, router: router.flatMap { $0.isUnspecified ? nil : $0 }))
            }
            rest = rest[(start + octets + 4)...]
        }
        return routes
    }

    /// RFC 2132, 5.8: pairs of destination and router; the destination's class says how long its prefix is.
    private static func staticRoutes(_ value: [UInt8]) -> [Route] {
        var routes: [Route] = []
        for start in stride(from: 0, to: value.count - value.count % 8, by: 8) {
            let length = value[start] < 128 ? 8 : value[start] < 192 ? 16 : 24
            guard let address = IPAddress(octets: value[start..<(start + 4)]),
                let router = IPAddress(octets: value[(start + 4)..<(start + 8)]),
                // Not for the default route, and not for groups of hosts.
                !address.isUnspecified, value[start] < 224,
                let network = CIDR(address: address, prefixLength: length)?.network
            else { continue }
            routes.append(Route(destination: network, router: router))
        }
        return routes
    }
}
