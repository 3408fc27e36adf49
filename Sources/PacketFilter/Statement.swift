// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// One condition or one action of a rule, as nft(8) has them; a rule is a list of these.
///
/// What nft adds by itself (`meta nfproto ipv4` before `ip saddr` in a table of family inet, `meta l4proto tcp` before
/// `tcp dport`) is added here too.
package enum Statement: Hashable, Sendable {
    /// `tcp dport 80`, `ip saddr 10.0.0.0/8`, `iifname "veth*"`, `udp dport 53-60`.
    case match(Field, Datum)
    /// `tcp dport != 80`.
    case mismatch(Field, Datum)
    /// `ip daddr @name`, `ip daddr . tcp dport { … }`.
    case member([Field], Operand)
    /// `ip daddr != @name`.
    case nonmember([Field], Operand)
    /// `ct state established,related`: at least one of these bits.
    ///
    /// For `ctState` and `ctStatus`.
    case flags(Field, UInt32)
    /// `meta mark & mask == value`; with `isInverted` `!=`.
    case masked(Field, mask: UInt32, value: UInt32, isInverted: Bool)
    /// `iifname . oifname vmap @name`.
    case verdictMap([Field], Operand)
    case verdict(Verdict)
    /// `meta mark set …`; for `metaMark` and `ctMark`.
    case set(Field, Source)
    /// `snat to …`.
    case snat(NATTarget, NATFlags)
    /// `dnat to …`.
    case dnat(NATTarget, NATFlags)
    /// `masquerade to :1024-65535 random`.
    case masquerade(ports: ClosedRange<UInt16>?, NATFlags)
    /// `redirect to :8080`.
    case redirect(ports: ClosedRange<UInt16>?, NATFlags)
    case counter
    case limit(Limit)
    case log(Log)
    case reject(Reject)
    /// `ct count 5`; with `isInverted` `ct count over 5`.
    case connectionLimit(UInt32, isInverted: Bool)
    /// `quota 100 bytes`; with `isInverted` `quota over 100 bytes`.
    case quota(UInt64, isInverted: Bool)
    case notrack
    /// Anything else.
    case raw(Expression)

    /// The right-hand side of a lookup.
    package enum Operand: Hashable, Sendable {
        /// A set of the rule's own table.
        case set(NamedSet)
        /// `{ … }`; in an interval literal ranges may not overlap.
        case literal([SetElement])
    }

    /// What is put into a mark.
    package enum Source: Hashable, Sendable {
        case value(UInt32)
        /// `meta mark & mask ^ xor` of the same field: `.masked(mask: ~bit, xor: bit)` sets a bit.
        case masked(mask: UInt32, xor: UInt32)
        /// Another mark.
        case field(Field)
        case numberGenerator(NumberGenerator)
        /// `jhash ip saddr . tcp sport mod 4 offset 100`.
        case hash([Field], modulus: UInt32, seed: UInt32?, offset: UInt32)
        case map([Field], Operand)
    }
}

/// Where packets are translated to.
package enum NATTarget: Hashable, Sendable {
    /// An address; with ports, `meta l4proto` or a port has to be matched before.
    case address(IPAddress, ports: ClosedRange<UInt16>? = nil)
    case addresses(IPAddress, IPAddress)
    /// `dnat ip to ip daddr . meta l4proto . th dport map @name`; the map's values are an address, or an address and a
    /// port (`inet_service`).
    case map([Field], NamedSet)
}

extension Statement {
    /// `tcp dport 80`.
    package static func tcpDport(_ port: UInt16) -> Statement { .match(.tcpDport, .port(port)) }

    /// `iifname "eth0"`; a `*` at the end stands for any ending.
    package static func iifname(_ name: String) -> Statement { .match(.iifname, .name(name)) }

    /// `oifname "eth0"`; a `*` at the end stands for any ending.
    package static func oifname(_ name: String) -> Statement { .match(.oifname, .name(name)) }

    /// `ip saddr …` or `ip6 saddr …`.
    package static func saddr(_ network: CIDR) -> Statement {
        .match(network.family == .v4 ? .ipSaddr : .ip6Saddr, .network(network))
    }

    /// `ip daddr …` or `ip6 daddr …`.
    package static func daddr(_ network: CIDR) -> Statement {
        .match(network.family == .v4 ? .ipDaddr : .ip6Daddr, .network(network))
    }

    /// `ct state established,related`.
    package static func ctState(_ states: ConnectionStates) -> Statement { .flags(.ctState, states.rawValue) }

    /// `ct status dnat`.
    package static func ctStatus(_ status: ConnectionStatus) -> Statement { .flags(.ctStatus, status.rawValue) }

    /// `fib daddr type local`.
    package static func fibDaddr(_ type: FIBAddressType) -> Statement { .match(.fibDaddrType, .addressType(type)) }

    /// `meta l4proto tcp`.
    package static func l4proto(_ proto: TransportProtocol) -> Statement { .match(.metaL4proto, .proto(proto)) }

    /// `meta mark & bits == bits`.
    package static func markHas(_ bits: UInt32) -> Statement {
        .masked(.metaMark, mask: bits, value: bits, isInverted: false)
    }

    /// `meta mark set meta mark | bits`.
    package static func setMarkBits(_ bits: UInt32) -> Statement { .set(.metaMark, .masked(mask: ~bits, xor: bits)) }

    /// `masquerade`.
    package static var masquerade: Statement { .masquerade(ports: nil, []) }

    /// `jump NAME`.
    package static func jump(_ chain: String) -> Statement { .verdict(.jump(chain)) }

    /// `goto NAME`.
    package static func goto(_ chain: String) -> Statement { .verdict(.goto(chain)) }

    package static var accept: Statement { .verdict(.accept) }
    package static var drop: Statement { .verdict(.drop) }
    package static var `return`: Statement { .verdict(.return) }
}
