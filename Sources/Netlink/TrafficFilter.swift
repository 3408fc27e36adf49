// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink

/// Picks packets of a link by their first octets, and sends them to another link or lets them be.
///
/// tc-u32(8), tc-mirred(8).
package struct TrafficFilter: Hashable, Sendable {
    /// Which packets of the link it sees.
    package enum Direction: Hashable, Sendable {
        case received
        case sent
    }

    /// The end of a packet that is compared with a network.
    package enum End: Hashable, Sendable {
        case source
        case destination
    }

    /// 32 bits of a packet that have to be as said.
    package struct Key: Hashable, Sendable {
        package let mask: UInt32
        package let value: UInt32
        /// In octets from the beginning of the network header.
        package let offset: Int32

        package init(mask: UInt32, value: UInt32, offset: Int32) {
            self.mask = mask
            self.value = value
            self.offset = offset
        }
    }

    /// What happens to a packet that is as said.
    package enum Verdict: Hashable, Sendable {
        /// It goes its way, and no filter behind this one sees it.
        case pass
        /// The link of this index sends it; 0 when that link is gone, and then the packet is dropped.
        case redirect(to: Int32)
        /// Something that only somebody else asks for.
        case other
    }

    package let direction: Direction
    /// Lower ones come first; filters of one priority share a protocol.
    package let priority: UInt16
    /// The protocol of the packets by its Ethernet number; `allProtocols` is every one.
    package let ethernetType: UInt16
    /// All have to be as said.
    package let keys: [Key]
    package let verdict: Verdict

    /// `ETH_P_ALL`.
    package static let allProtocols: UInt16 = 0x0003

    init(direction: Direction, priority: UInt16, ethernetType: UInt16, keys: [Key], verdict: Verdict) {
        self.direction = direction
        self.priority = priority
        self.ethernetType = ethernetType
        self.keys = keys
        self.verdict = verdict
    }

    /// Every packet, whatever its protocol.
    package static func everything(_ direction: Direction, priority: UInt16, _ verdict: Verdict) -> TrafficFilter {
        TrafficFilter(
            direction: direction,
            priority: priority,
            ethernetType: allProtocols,
            // A selector needs a key; this one is always right.
            keys: [Key(mask: 0, value: 0, offset: 0)],
            verdict: verdict
        )
    }

    /// Every packet from or to a network.
    package static func packets(
        _ direction: Direction,
        _ end: End,
        in network: CIDR,
        priority: UInt16,
        _ verdict: Verdict
    ) -> TrafficFilter {
        let isIPv4 = network.family == .v4
        // RFC 791, 3.1; RFC 8200, 3.
        let source: Int32 = isIPv4 ? 12 : 8
        let length = Int32(network.family.bitWidth / 8)
        let start = end == .source ? source : source + length
        let octets = network.network.address.octets
        var keys: [Key] = []
        for (number, word) in stride(from: 0, to: octets.count, by: 4).enumerated() {
            let bits = min(32, max(0, network.prefixLength - 32 * number))
            guard bits > 0 || number == 0 else { break }
            var value: UInt32 = 0
            for octet in octets[word..<(word + 4)] { value = value << 8 | UInt32(octet) }
            let mask = bits == 0 ? 0 : UInt32.max << UInt32(32 - bits)
            keys.append(Key(mask: mask, value: value, offset: start + Int32(word)))
        }
        return TrafficFilter(
            direction: direction,
            priority: priority,
            ethernetType: isIPv4 ? UInt16(ETH_P_IP) : UInt16(ETH_P_IPV6),
            keys: keys,
            verdict: verdict
        )
    }
}

extension TrafficFilter {
    /// Reads an `RTM_NEWTFILTER`; nil when it is cut off, or not a filter but what holds filters.
    init?(_ reply: NetlinkReply, _ direction: Direction) {
        // tcmsg: family, padding (32), link, handle, parent, info (32 each); info is priority and protocol
        guard reply.type == RTM_NEWTFILTER, reply.payload.count >= 20,
            let info = reply.payload.integer(at: 16, as: UInt32.self)
        else { return nil }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(20))
        let options = attributes[Int(TCA_OPTIONS)].map { NetlinkAttributes($0) }
        self.direction = direction
        priority = UInt16(info >> 16)
        ethernetType = UInt16(bigEndian: UInt16(truncatingIfNeeded: info))
        guard attributes[Int(TCA_KIND)]?.text == "u32" else {
            // Only with a handle is it a filter; without, it is the list of a priority.
            guard reply.payload.integer(at: 8, as: UInt32.self) != 0 else { return nil }
            keys = []
            verdict = .other
            return
        }
        guard let options, let selector = options[Int(TCA_U32_SEL)] else { return nil }
        keys = TrafficFilter.keys(in: selector)
        verdict = TrafficFilter.verdict(of: options[Int(TCA_U32_ACT)])
    }

    /// tc_u32_sel: flags, shift, number of keys, padding (8 each), three more words; then the keys of four words.
    private static func keys(in selector: ArraySlice<UInt8>) -> [Key] {
        let count = Int(selector.integer(at: 2, as: UInt8.self) ?? 0)
        var keys: [Key] = []
        for start in stride(from: 16, to: 16 + 16 * count, by: 16) {
            guard let mask = selector.integer(at: start, as: UInt32.self),
                let value = selector.integer(at: start + 4, as: UInt32.self),
                let offset = selector.integer(at: start + 8, as: Int32.self)
            else { break }
            keys.append(Key(mask: UInt32(bigEndian: mask), value: UInt32(bigEndian: value), offset: offset))
        }
        return keys
    }

    /// What the first action does; those behind a redirection never happen.
    private static func verdict(of actions: ArraySlice<UInt8>?) -> Verdict {
        guard let actions else { return .pass }
        guard let first = NetlinkAttributes(actions)[1].map({ NetlinkAttributes($0) }),
            first[Int(TCA_ACT_KIND)]?.text == "mirred",
            let options = first[Int(TCA_ACT_OPTIONS)].map({ NetlinkAttributes($0) }),
            let parameters = options[Int(TCA_MIRRED_PARMS)],
            // tc_mirred: index, capabilities, action, two counts, kind, link (32 each)
            parameters.integer(at: 20, as: Int32.self) == Int32(TCA_EGRESS_REDIR),
            let link = parameters.integer(at: 24, as: Int32.self)
        else { return .other }
        return .redirect(to: link)
    }
}
