// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import JSON

/// What is to become of some of the frames that come from a container, whatever else the switch would do.
///
/// A field that is not named does not count.
package struct SwitchRule: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        /// As if there were no rule.
        case permit
        /// They are dropped.
        case deny
        /// They go to the port of this name and nowhere else; nowhere at all while there is no such port.
        case redirect(String)
        /// The port of this name gets copies, as long as it is there.
        case mirror(String)
    }

    /// Addresses of stations that agree in some bits.
    package struct Stations: Hashable, Sendable {
        package let address: MACAddress
        package let mask: MACAddress
    }

    /// The highest decides; of equal ones the first.
    package let priority: UInt32
    package let action: Action
    /// The VLAN that the frame belongs to, with or without a tag.
    package let vlan: UInt16?
    /// Behind all tags.
    package let etherType: UInt16?
    package let sourceStations: Stations?
    package let destinationStations: Stations?
    package let source: CIDR?
    package let destination: CIDR?
    /// Of IP, behind extension headers.
    package let protocolNumber: UInt8?
    /// Of ICMP its type.
    package let sourcePorts: ClosedRange<UInt16>?
    /// Of ICMP its code.
    package let destinationPorts: ClosedRange<UInt16>?

    /// The families of IP that it asks about, by their EtherTypes; empty when it does not matter whether it is IP.
    ///
    /// A protocol without anything else is one of both.
    package var families: [AddressFamily] {
        if let network = source ?? destination { return [network.family] }
        guard protocolNumber != nil else { return [] }
        switch etherType {
        case SwitchRule.ipv4: return [.v4]
        case SwitchRule.ipv6: return [.v6]
        default: break
        }
        switch protocolNumber {
        case 1: return [.v4]
        case 58: return [.v6]
        default: return [.v4, .v6]
        }
    }

    /// Of one network; what is asked of each frame grows with them.
    package static let most = 64

    private static let ipv4: UInt16 = 0x0800
    private static let arp: UInt16 = 0x0806
    private static let ipv6: UInt16 = 0x86dd
    private static let types: [(name: String, number: UInt16)] = [("ipv4", ipv4), ("arp", arp), ("ipv6", ipv6)]
    private static let protocols: [(name: String, number: UInt8)] = [
        ("icmp", 1), ("tcp", 6), ("udp", 17), ("icmpv6", 58), ("sctp", 132),
    ]

    /// Reads the member `rules` of a network, or of what ``json`` writes.
    ///
    /// - Throws: `JSONTypeError` for what is no such thing, and for what could never be about any frame.
    package static func all(_ reader: JSONReader) throws(JSONTypeError) -> [SwitchRule] {
        guard let member = try reader.member("rules") else { return [] }
        let elements = try member.array()
        guard elements.count <= most else { throw member.mismatch(expected: "at most \(most) rules") }
        var rules: [SwitchRule] = []
        for element in elements { rules.append(try SwitchRule(element)) }
        return rules
    }

    private init(_ reader: JSONReader) throws(JSONTypeError) {
        _ = try reader.object()
        priority = UInt32(try reader.integer("priority", in: 0...65535) ?? 0)
        action = try SwitchRule.action(reader)
        vlan = try reader.integer("vlan", in: 1...4094).map { UInt16($0) }
        etherType = try SwitchRule.etherType(reader)
        sourceStations = try SwitchRule.stations("sourceMAC", reader)
        destinationStations = try SwitchRule.stations("destinationMAC", reader)
        source = try SwitchRule.network("source", reader)
        destination = try SwitchRule.network("destination", reader)
        protocolNumber = try SwitchRule.protocolNumber(reader)
        sourcePorts = try SwitchRule.ports("sourcePort", reader)
        destinationPorts = try SwitchRule.ports("destinationPort", reader)
        try requireSense(reader)
    }

    /// Refuses what would be about no frame, or about others than it seems to be.
    private func requireSense(_ reader: JSONReader) throws(JSONTypeError) {
        if let source, let destination, source.family != destination.family {
            throw reader.mismatch(expected: "a source and a destination of one family")
        }
        let hasPorts = sourcePorts != nil || destinationPorts != nil
        if hasPorts, ![1, 6, 17, 58, 132].contains(protocolNumber) {
            throw reader.mismatch(expected: "a protocol with ports, tcp, udp or sctp, beside its ports")
        }
        if let sourcePorts, let destinationPorts, sourcePorts.count > 1, destinationPorts.count > 1 {
            throw reader.mismatch(expected: "one port at one end where there are many at the other")
        }
        // ARP says addresses too.
        if protocolNumber == nil, etherType == SwitchRule.arp, (source ?? destination)?.family != .v6 { return }
        guard let etherType, source != nil || destination != nil || protocolNumber != nil else { return }
        let isSame = families.allSatisfy { etherType == ($0 == .v4 ? SwitchRule.ipv4 : SwitchRule.ipv6) }
        if !isSame { throw reader.mismatch(expected: "an etherType that its addresses and its protocol belong to") }
    }

    /// As a network has it.
    package var json: JSONValue {
        var object: JSONObject = ["priority": .integer(Int64(priority))]
        switch action {
        case .permit: object[exact: "action"] = .string("permit")
        case .deny: object[exact: "action"] = .string("deny")
        case .redirect(let port):
            object[exact: "action"] = .string("redirect")
            object[exact: "to"] = .string(port)
        case .mirror(let port):
            object[exact: "action"] = .string("mirror")
            object[exact: "to"] = .string(port)
        }
        if let vlan { object[exact: "vlan"] = .integer(Int64(vlan)) }
        if let etherType { object[exact: "etherType"] = .integer(Int64(etherType)) }
        if let stations = sourceStations { object[exact: "sourceMAC"] = stations.json }
        if let stations = destinationStations { object[exact: "destinationMAC"] = stations.json }
        if let source { object[exact: "source"] = .string("\(source)") }
        if let destination { object[exact: "destination"] = .string("\(destination)") }
        if let protocolNumber { object[exact: "protocol"] = .integer(Int64(protocolNumber)) }
        if let ports = sourcePorts { object[exact: "sourcePort"] = SwitchRule.json(ports) }
        if let ports = destinationPorts { object[exact: "destinationPort"] = SwitchRule.json(ports) }
        return .object(object)
    }

    private static func json(_ ports: ClosedRange<UInt16>) -> JSONValue {
        .string("\(ports.lowerBound)-\(ports.upperBound)")
    }
}

// What the members of a rule may be.
extension SwitchRule {
    private static func action(_ reader: JSONReader) throws(JSONTypeError) -> Action {
        let words = "permit, deny, redirect or mirror"
        guard let member = try reader.member("action") else { throw reader.mismatch(expected: "an action: \(words)") }
        let target = try reader.string("to") ?? ""
        let name = try member.string()
        let hasTarget = name == "redirect" || name == "mirror"
        guard !hasTarget || !target.isEmpty else {
            throw reader.mismatch(expected: "the name of a port as `to`, such as c1:eth0, beside \(name)")
        }
        switch name {
        case "permit": return .permit
        case "deny": return .deny
        case "redirect": return .redirect(target)
        case "mirror": return .mirror(target)
        default: throw member.mismatch(expected: words)
        }
    }

    private static func etherType(_ reader: JSONReader) throws(JSONTypeError) -> UInt16? {
        guard let member = try reader.member("etherType") else { return nil }
        if case .string(let name) = member.value {
            guard let known = types.first(where: { $0.name == name }) else {
                throw member.mismatch(expected: "ipv4, ipv6, arp, or a number from 1536 to 65535")
            }
            return known.number
        }
        return UInt16(try member.integer(in: 1536...65535))
    }

    private static func protocolNumber(_ reader: JSONReader) throws(JSONTypeError) -> UInt8? {
        guard let member = try reader.member("protocol") else { return nil }
        if case .string(let name) = member.value {
            guard let known = protocols.first(where: { $0.name == name }) else {
                throw member.mismatch(expected: "tcp, udp, sctp, icmp, icmpv6, or a number from 0 to 255")
            }
            return known.number
        }
        return UInt8(try member.integer(in: 0...255))
    }

    /// An address, or an address and a mask.
    private static func stations(_ key: String, _ reader: JSONReader) throws(JSONTypeError) -> Stations? {
        guard let member = try reader.member(key) else { return nil }
        let text = Array(try member.string().utf8)
        let end = text.firstIndex(of: UInt8(ascii: "/")) ?? text.count
        let mask = end == text.count ? MACAddress(value: (1 << 48) - 1) : address(text[(end + 1)...])
        guard let address = address(text[..<end]), let mask else {
            throw member.mismatch(expected: "a MAC address, or one and a mask: 02:00:00:00:00:00/ff:00:00:00:00:00")
        }
        return Stations(address: MACAddress(value: address.value & mask.value), mask: mask)
    }

    private static func address(_ text: ArraySlice<UInt8>) -> MACAddress? {
        MACAddress(String(decoding: text, as: UTF8.self))
    }

    private static func network(_ key: String, _ reader: JSONReader) throws(JSONTypeError) -> CIDR? {
        guard let member = try reader.member(key) else { return nil }
        let text = try member.string()
        guard let network = CIDR(text) ?? IPAddress(text).map({ CIDR.host($0) }) else {
            throw member.mismatch(expected: "an address or a network, such as 10.1.0.0/16")
        }
        return network
    }

    /// One number, or the first and the last.
    private static func ports(_ key: String, _ reader: JSONReader) throws(JSONTypeError) -> ClosedRange<UInt16>? {
        guard let member = try reader.member(key) else { return nil }
        guard case .string(let text) = member.value else {
            let port = UInt16(try member.integer(in: 0...65535))
            return port...port
        }
        let octets = Array(text.utf8)
        let dash = octets.firstIndex(of: UInt8(ascii: "-")) ?? octets.count
        guard let first = number(octets[..<dash]),
            let last = dash == octets.count ? first : number(octets[(dash + 1)...]), first <= last
        else { throw member.mismatch(expected: #"a port, or the first and the last: "8000-8099""#) }
        return first...last
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard (1...5).contains(digits.count) else { return nil }
        var number = 0
        for digit in digits {
            guard (48...57).contains(digit) else { return nil }
            number = number * 10 + Int(digit - 48)
        }
        return UInt16(exactly: number)
    }
}

extension SwitchRule.Stations {
    fileprivate var json: JSONValue { .string("\(address)/\(mask)") }
}
