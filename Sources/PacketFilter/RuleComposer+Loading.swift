// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension RuleComposer {
    /// Adds the condition without which a field has no meaning, unless the rule has it already.
    mutating func require(_ requirement: FieldRequirement) {
        switch requirement {
        case .none: break
        case .network(let wanted): requireNetwork(wanted, byFrame: wanted == .arp && family == .bridge)
        case .transport(let proto):
            guard transport != proto else { return }
            expressions.append(.meta(.l4proto, to: .word(0)))
            expressions.append(.compare(.equal, .word(0), [proto.rawValue]))
            transport = proto
        case .ether:
            guard !isEthernet else { return }
            // ARPHRD_ETHER, linux/if_arp.h
            expressions.append(.meta(.iiftype, to: .word(0)))
            expressions.append(.compare(.equal, .word(0), withUnsafeBytes(of: UInt16(1)) { Array($0) }))
            isEthernet = true
        case .icmp(let family):
            requireNetwork(family == .v4 ? .ip : .ip6, byFrame: self.family == .bridge)
            require(.transport(family == .v4 ? .icmp : .icmpv6))
        }
    }

    /// `byFrame`: by the type that the frame says, instead of by what the kernel thinks of it.
    mutating func requireNetwork(_ wanted: EtherType, byFrame: Bool) {
        guard network != wanted else { return }
        precondition(network == nil, "a rule cannot be about two network protocols")
        network = wanted
        if family == .inet, !isEthernet {
            precondition(wanted != .arp, "no ARP in a table of family inet")
            expressions.append(.meta(.nfproto, to: .word(0)))
            let number = wanted == .ip ? Family.ip : Family.ip6
            expressions.append(.compare(.equal, .word(0), [number.rawValue]))
            return
        }
        if byFrame || family == .inet {
            expressions.append(.payload(base: .link, offset: 12, length: 2, to: .word(0)))
        } else {
            expressions.append(.meta(.proto, to: .word(0)))
        }
        expressions.append(.compare(.equal, .word(0), Datum.network16(wanted.rawValue).octets))
    }

    /// What a condition tells about the packets that come past it.
    mutating func learn(_ field: Field, _ octets: [UInt8]) {
        switch field {
        case .metaNfproto:
            network = octets[0] == Family.ip.rawValue ? .ip : octets[0] == Family.ip6.rawValue ? .ip6 : network
        case .metaProtocol, .etherType:
            network = EtherType(rawValue: UInt16(octets[0]) << 8 | UInt16(octets[1])) ?? network
        case .metaL4proto, .ipProtocol:
            transport = TransportProtocol(rawValue: octets[0])
        default: break
        }
    }

    /// Loads fields one behind the other, each on a whole word.
    ///
    /// `comparesRanges`: for a set of ranges, in which numbers of the host are compared in network order.
    mutating func load(_ fields: [Field], from firstWord: Int = 0, comparesRanges: Bool = false) {
        for field in fields { require(field.requirement) }
        var word = firstWord
        for field in fields {
            load(field, length: field.type.length, to: .word(word))
            if comparesRanges, field.type.isOfHostOrder {
                let length = field.type.length
                // With one octet there is nothing to turn, but nft says so.
                expressions.append(
                    .byteorder(
                        source: .word(word),
                        target: .word(word),
                        toNetwork: true,
                        length: length,
                        size: max(length, 2)
                    )
                )
            }
            word += field.type.paddedLength / 4
        }
    }

    mutating func load(_ field: Field, length: Int, to register: Register) {
        switch field.source {
        case .payload(let base, let offset):
            expressions.append(.payload(base: base, offset: offset, length: length, to: register))
        case .meta(let key): expressions.append(.meta(key, to: register))
        case .ct(let key, let direction): expressions.append(.ct(key, direction: direction, to: register))
        case .fib(let flags): expressions.append(.fib(.addressType, flags, to: register))
        }
    }
}
