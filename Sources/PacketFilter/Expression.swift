// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// One step of a rule, as the kernel executes it; what cannot be found or does not compare ends the rule.
///
/// Written by ``Statement``s; this is what the kernel gives back. Names and numbers: `linux/netfilter/nf_tables.h`.
package enum Expression: Hashable, Sendable {
    /// A part of the packet, counted from the beginning of a header.
    case payload(base: PayloadBase, offset: Int, length: Int, to: Register)
    /// Writes a part of the packet; the checksum at an offset of the same header is kept right.
    case payloadSet(base: PayloadBase, offset: Int, length: Int, from: Register, checksum: PayloadChecksum)
    case meta(MetaKey, to: Register)
    case metaSet(MetaKey, from: Register)
    /// `direction`: 0 is the connection's original one, 1 is that of the replies.
    case ct(ConnectionKey, direction: UInt8?, to: Register)
    case ctSet(ConnectionKey, direction: UInt8?, from: Register)
    case compare(Comparison, Register, [UInt8])
    case range(isInverted: Bool, Register, from: [UInt8], to: [UInt8])
    /// `target = (source & mask) ^ xor`.
    case bitwise(source: Register, target: Register, mask: [UInt8], xor: [UInt8])
    /// Turns units of `size` octets round.
    case byteorder(source: Register, target: Register, toNetwork: Bool, length: Int, size: Int)
    case immediate(to: Register, [UInt8])
    case verdict(Verdict)
    case lookup(Lookup)
    case nat(NAT)
    case masquerade(PortRewrite)
    case redirect(PortRewrite)
    case counter(packets: UInt64, bytes: UInt64)
    case limit(Limit)
    case log(Log)
    /// `type`: 0 ICMP of the packet's own family, 1 TCP reset, 2 ICMP or ICMPv6; `code` is the type's.
    case reject(type: UInt32, code: UInt8)
    case fib(FIBResult, FIBFlags, to: Register)
    case numberGenerator(NumberGenerator, to: Register)
    /// The Jenkins hash of `length` octets, modulo a number, plus an offset.
    case hash(source: Register, length: Int, modulus: UInt32, seed: UInt32?, offset: UInt32, to: Register)
    /// Tracked connections, counted by this rule.
    case connectionLimit(count: UInt32, isInverted: Bool)
    case quota(bytes: UInt64, consumed: UInt64, isInverted: Bool)
    case notrack
    /// One that we do not know, or know but in part: its name and its attributes as the kernel gave them.
    case unknown(name: String, octets: [UInt8])
}

/// Where a value is kept while a rule runs, in words of four octets.
///
/// The kernel has 16 words; they are numbered from 8, but what begins on a whole 16 octets as 1 to 4. 0 is the verdict.
package struct Register: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The register at a word, 0 to 15.
    package static func word(_ word: Int) -> Register {
        precondition((0..<16).contains(word), "a rule needs more registers than there are")
        return Register(rawValue: UInt32(word % 4 == 0 ? 1 + word / 4 : 8 + word))
    }

    package static let verdict = Register(rawValue: 0)
}

package enum PayloadBase: UInt32, Hashable, Sendable {
    case link = 0
    case network = 1
    case transport = 2
    case inner = 3
}

/// Which checksum has to follow what is written.
package struct PayloadChecksum: Hashable, Sendable {
    /// 0 none, 1 the internet's (RFC 1071), 2 that of SCTP.
    package var type: UInt32
    /// In octets from the beginning of the header.
    package var offset: UInt32
    /// 1: the transport's checksum covers it too, by the pseudo header.
    package var flags: UInt32

    package init(type: UInt32 = 0, offset: UInt32 = 0, flags: UInt32 = 0) {
        self.type = type
        self.offset = offset
        self.flags = flags
    }
}

/// What the kernel knows of a packet beside its octets; `NFT_META_*`.
package struct MetaKey: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let length = MetaKey(rawValue: 0)
    package static let proto = MetaKey(rawValue: 1)
    package static let priority = MetaKey(rawValue: 2)
    package static let mark = MetaKey(rawValue: 3)
    package static let iif = MetaKey(rawValue: 4)
    package static let oif = MetaKey(rawValue: 5)
    package static let iifname = MetaKey(rawValue: 6)
    package static let oifname = MetaKey(rawValue: 7)
    package static let iiftype = MetaKey(rawValue: 8)
    package static let oiftype = MetaKey(rawValue: 9)
    package static let skuid = MetaKey(rawValue: 10)
    package static let skgid = MetaKey(rawValue: 11)
    package static let nfproto = MetaKey(rawValue: 15)
    package static let l4proto = MetaKey(rawValue: 16)
    package static let pkttype = MetaKey(rawValue: 19)
}

/// What connection tracking knows of a packet; `NFT_CT_*`.
package struct ConnectionKey: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let state = ConnectionKey(rawValue: 0)
    package static let direction = ConnectionKey(rawValue: 1)
    package static let status = ConnectionKey(rawValue: 2)
    package static let mark = ConnectionKey(rawValue: 3)
    package static let l3proto = ConnectionKey(rawValue: 7)
    package static let proto = ConnectionKey(rawValue: 10)
    package static let protoSource = ConnectionKey(rawValue: 11)
    package static let protoDestination = ConnectionKey(rawValue: 12)
    package static let zone = ConnectionKey(rawValue: 17)
    package static let ipSource = ConnectionKey(rawValue: 19)
    package static let ipDestination = ConnectionKey(rawValue: 20)
    package static let ip6Source = ConnectionKey(rawValue: 21)
    package static let ip6Destination = ConnectionKey(rawValue: 22)
}

/// `NFT_CMP_*`.
package enum Comparison: UInt32, Hashable, Sendable {
    case equal = 0
    case notEqual = 1
    case less = 2
    case lessOrEqual = 3
    case greater = 4
    case greaterOrEqual = 5
}

/// Finding a key in a set or in a map.
package struct Lookup: Hashable, Sendable {
    package enum Target: Hashable, Sendable {
        /// Whether it is there.
        case none
        /// Whether it is not there.
        case inverted
        /// The value is put into a register.
        case register(Register)
        /// The value is the verdict.
        case verdict
    }

    package var set: SetReference
    package var key: Register
    package var target: Target

    package init(_ set: SetReference, key: Register, target: Target = .none) {
        self.set = set
        self.key = key
        self.target = target
    }
}

/// The set that a rule looks into.
package enum SetReference: Hashable, Sendable {
    case named(String)
    /// One that belongs to this rule alone, comes with it and goes with it.
    case literal(LiteralSet)
}

/// A set that is written into a rule: `{ 80, 443 }`.
package struct LiteralSet: Hashable, Sendable {
    package let key: [DataType]
    package let content: NamedSet.Content
    package let elements: [SetElement]

    package init(key: [DataType], content: NamedSet.Content = .none, elements: [SetElement]) {
        precondition(!elements.isEmpty, "a literal set has elements")
        self.key = key
        self.content = content
        self.elements = elements
    }
}

/// Translating addresses and ports; the registers hold both ends of the ranges to choose from.
package struct NAT: Hashable, Sendable {
    /// Whose address: false is the source's.
    package var isDestination: Bool
    package var family: AddressFamily
    package var addressFrom: Register?
    package var addressTo: Register?
    package var ports: PortRewrite

    package init(
        isDestination: Bool,
        family: AddressFamily,
        addressFrom: Register? = nil,
        addressTo: Register? = nil,
        ports: PortRewrite = PortRewrite()
    ) {
        self.isDestination = isDestination
        self.family = family
        self.addressFrom = addressFrom
        self.addressTo = addressTo
        self.ports = ports
    }
}

/// The registers of the ports to choose from, and how to choose.
package struct PortRewrite: Hashable, Sendable {
    package var from: Register?
    package var to: Register?
    package var flags: NATFlags

    package init(from: Register? = nil, to: Register? = nil, flags: NATFlags = []) {
        self.from = from
        self.to = to
        self.flags = flags
    }
}

/// How an address or a port is chosen; `NF_NAT_RANGE_*`, `linux/netfilter/nf_nat.h`.
package struct NATFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let random = NATFlags(rawValue: 4)
    /// A client gets the same address each time.
    package static let persistent = NATFlags(rawValue: 8)
    package static let fullyRandom = NATFlags(rawValue: 16)
}

/// `NFT_FIB_RESULT_*`.
package enum FIBResult: UInt32, Hashable, Sendable {
    case oif = 1
    case oifname = 2
    case addressType = 3
}

/// What is looked up in the routing tables, and within what; `NFTA_FIB_F_*`.
package struct FIBFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let saddr = FIBFlags(rawValue: 1)
    package static let daddr = FIBFlags(rawValue: 2)
    package static let mark = FIBFlags(rawValue: 4)
    package static let iif = FIBFlags(rawValue: 8)
    package static let oif = FIBFlags(rawValue: 16)
    package static let present = FIBFlags(rawValue: 32)
}
