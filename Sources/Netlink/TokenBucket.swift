// SPDX-License-Identifier: Apache-2.0
internal import CNetlink

/// A queue that lets octets out at a rate, and a burst at once after a pause.
///
/// tc-tbf(8).
package struct TokenBucket: Hashable, Sendable {
    /// In octets per second.
    package var rate: UInt64
    /// The bucket's depth as the time it takes to fill, in the kernel's ticks of 64 ns.
    package var buffer: UInt32
    /// How many octets may wait; what comes then is dropped.
    package var limit: UInt32
    /// The bucket's depth in octets, for those that are filled in less than a tick; nil lets `buffer` say it.
    ///
    /// Never part of what the kernel answers, which is in ticks.
    package var burst: UInt32?

    package init(rate: UInt64, buffer: UInt32, limit: UInt32, burst: UInt32? = nil) {
        self.rate = rate
        self.buffer = buffer
        self.limit = limit
        self.burst = burst
    }

    /// Reads the options of a queueing discipline of kind `tbf`; nil when they are cut off.
    init?(_ options: NetlinkAttributes) {
        // tc_tbf_qopt: rate and peak rate (tc_ratespec, 12 each, the rate at 8), limit, buffer, mtu (32 each)
        guard let parameters = options[Int(TCA_TBF_PARMS)],
            let rate = parameters.integer(at: 8, as: UInt32.self),
            let limit = parameters.integer(at: 24, as: UInt32.self),
            let buffer = parameters.integer(at: 28, as: UInt32.self)
        else { return nil }
        let wide = options[Int(TCA_TBF_RATE64)]?.integer(as: UInt64.self)
        self.init(rate: wide ?? UInt64(rate), buffer: buffer, limit: limit)
    }
}

/// What a link does with packets before it sends them, or when it has received them.
package struct QueueingDiscipline: Hashable, Sendable {
    /// Where on a link it is.
    package enum Place: Hashable, Sendable {
        /// Between the network stack and the link.
        case root
        /// No queue but a place for filters: on what the link receives, and for `clsact` also on what it sends.
        case ingress

        var parent: UInt32 { self == .root ? TC_H_ROOT : TC_H_INGRESS }
    }

    /// Such as `tbf` or `ingress`.
    package let kind: String
    /// Its number, which an administrator gave; 0 is the kernel's own choice for a link nobody cared about.
    package let handle: UInt32
    /// What it does, if it is a token bucket.
    package let tokenBucket: TokenBucket?

    package init(kind: String, handle: UInt32, tokenBucket: TokenBucket? = nil) {
        self.kind = kind
        self.handle = handle
        self.tokenBucket = tokenBucket
    }

    /// The number that tc(8) writes `1:`, of every token bucket that limits a link.
    package static let tokenBucketHandle: UInt32 = 0x0001_0000
    /// The number that tc(8) writes `ffff:`, of every place for filters.
    package static let ingressHandle: UInt32 = 0xffff_0000

    /// Reads an `RTM_NEWQDISC`; nil when it is cut off.
    init?(_ reply: NetlinkReply) {
        // tcmsg: family, padding (32), link, handle, parent, info (32 each)
        guard reply.type == RTM_NEWQDISC, reply.payload.count >= 20,
            let handle = reply.payload.integer(at: 8, as: UInt32.self)
        else { return nil }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(20))
        kind = attributes[Int(TCA_KIND)]?.text ?? ""
        self.handle = handle
        let options = attributes[Int(TCA_OPTIONS)].map { NetlinkAttributes($0) }
        tokenBucket = kind == "tbf" ? options.flatMap { TokenBucket($0) } : nil
    }
}
