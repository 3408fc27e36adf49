// SPDX-License-Identifier: Apache-2.0
package import Linux

/// What went by the shortcut, as the kernel counts frames of a link: with their headers, large ones as one.
package struct FastPathCounters: Hashable, Sendable {
    /// What the container sent.
    package var sentFrames: UInt64 = 0
    package var sentOctets: UInt64 = 0
    /// What the container received.
    package var receivedFrames: UInt64 = 0
    package var receivedOctets: UInt64 = 0

    package init() {}

    /// How many octets a processor's part of an entry has: those of `struct count` in Shortcut.c.
    static let size = 48
    /// How many entries there are, and how many of them a link's can be: its number's and the next ones.
    static let places = 4096
    static let probes = 8

    /// Adds what one processor has counted, if it is of a link.
    mutating func add(of link: UInt32, _ octets: [UInt8], at offset: Int) {
        guard octets.number(at: offset) == link else { return }
        sentFrames += octets.number(at: offset + 16)
        sentOctets += octets.number(at: offset + 24)
        receivedFrames += octets.number(at: offset + 32)
        receivedOctets += octets.number(at: offset + 40)
    }
}

extension FastPath {
    /// What went by the shortcut from and to a port; nil when it is not known.
    ///
    /// A port that comes back under its number counts on.
    /// - Throws: ``KernelError``.
    package borrowing func counters(of link: UInt32) throws(KernelError) -> FastPathCounters? {
        guard try port(link) != nil else { return nil }
        var found = FastPathCounters()
        for probe in 0..<FastPathCounters.probes {
            var key: [UInt8] = []
            key.append(number: (link &+ UInt32(probe)) % UInt32(FastPathCounters.places))
            guard let value = try counts.value(key) else { continue }
            // Each processor has the link where it found room.
            for processor in 0..<counts.processors {
                found.add(of: link, value, at: processor * FastPathCounters.size)
            }
        }
        return found
    }
}
