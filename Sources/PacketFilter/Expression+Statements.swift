// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// How many packets, or octets, in which time.
///
/// nft(8), "LIMIT STATEMENT".
package struct Limit: Hashable, Sendable {
    package enum Unit: UInt64, Hashable, Sendable {
        case second = 1
        case minute = 60
        case hour = 3600
        case day = 86400
        case week = 604800
    }

    /// Packets, or octets, per unit.
    package var rate: UInt64
    package var unit: Unit
    /// How many more are let through at once.
    package var burst: UInt32
    /// Octets instead of packets.
    package var countsBytes: Bool
    /// What is above the limit goes on to the next statement, instead of what is below.
    package var isInverted: Bool

    package init(
        _ rate: UInt64,
        per unit: Unit,
        burst: UInt32 = 5,
        countsBytes: Bool = false,
        isInverted: Bool = false
    ) {
        self.rate = rate
        self.unit = unit
        self.burst = burst
        self.countsBytes = countsBytes
        self.isInverted = isInverted
    }
}

/// A line in the kernel's log, or a copy of the packet for a program that listens.
///
/// nft(8), "LOG STATEMENT".
package struct Log: Hashable, Sendable {
    /// Up to 127 octets, in front of the line.
    package var prefix: String?
    /// syslog's number, 0 (emerg) to 7 (debug); nil is 4 (warn), the kernel's choice.
    package var level: UInt32?
    /// `NF_LOG_*`: 1 TCP sequence numbers, 2 TCP options, 4 IP options, 8 user, 32 MAC addresses.
    package var flags: UInt32
    /// The NFLOG group that programs listen on; nil is the kernel's log.
    package var group: UInt16?
    /// How much of the packet a program gets, in octets.
    package var snapLength: UInt32?
    /// How many packets are collected for a program.
    package var queueThreshold: UInt16?

    package init(prefix: String? = nil, level: UInt32? = nil, flags: UInt32 = 0, group: UInt16? = nil) {
        self.prefix = prefix
        self.level = level == 4 ? nil : level
        self.flags = flags
        self.group = group
    }
}

/// An answer to the sender, and the end of the packet.
///
/// nft(8), "REJECT STATEMENT".
package enum Reject: Hashable, Sendable {
    /// An ICMP or ICMPv6 "destination unreachable" with this code, to packets of this family.
    case icmp(AddressFamily, code: UInt8)
    /// A TCP segment with the flag RST.
    case tcpReset
    /// To packets of either family, `NFT_REJECT_ICMPX_*`: 0 no route, 1 port unreachable, 2 host unreachable,
    /// 3 administratively prohibited.
    case icmpx(code: UInt8)
}

/// A number for each packet.
package struct NumberGenerator: Hashable, Sendable {
    /// By chance; or one more each time.
    package var isRandom: Bool
    package var modulus: UInt32
    package var offset: UInt32

    package init(isRandom: Bool, modulus: UInt32, offset: UInt32 = 0) {
        self.isRandom = isRandom
        self.modulus = modulus
        self.offset = offset
    }
}
