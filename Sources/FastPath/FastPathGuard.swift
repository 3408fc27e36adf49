// SPDX-License-Identifier: Apache-2.0

/// The VLANs of a bridge's port, where programs keep them because the bridge cannot.
package struct FastPathGuard: Hashable, Sendable {
    /// Where frames without a tag belong; 0 is nowhere, and they are dropped.
    package let native: UInt16
    /// A bit for each VLAN of the port, 64 words of them.
    private let members: [UInt64]
    /// The same of those whose frames leave without their tag.
    private let untagged: [UInt64]

    /// A port of these VLANs; the native one has to be among the members for frames to leave.
    package init(
        native: UInt16,
        members: [ClosedRange<UInt16>],
        untagged: [ClosedRange<UInt16>]
    ) {
        self.native = native
        self.members = FastPathGuard.bits(members)
        self.untagged = FastPathGuard.bits(untagged)
    }

    /// An entry that the programs read; nil when it is of another size.
    init?(octets: [UInt8]) {
        guard octets.count == FastPathGuard.size else { return nil }
        members = (0..<64).map { octets.number(at: $0 * 8) }
        untagged = (64..<128).map { octets.number(at: $0 * 8) }
        native = octets.number(at: 1024)
    }

    /// The VLANs of the port, in order.
    package var memberVLANs: [UInt16] { FastPathGuard.numbers(members) }
    /// Those whose frames leave without their tag, in order.
    package var untaggedVLANs: [UInt16] { FastPathGuard.numbers(untagged) }

    /// A port of the VLAN in which those are that know of none: frames have no tag, neither there nor on the bridge.
    package static var defaultVLAN: FastPathGuard {
        FastPathGuard(native: 1, members: [1...1], untagged: [1...1])
    }

    private static func bits(_ ranges: [ClosedRange<UInt16>]) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: 64)
        for range in ranges {
            for vlan in range where (1...4094).contains(vlan) { words[Int(vlan >> 6)] |= 1 << UInt64(vlan & 63) }
        }
        return words
    }

    private static func numbers(_ words: [UInt64]) -> [UInt16] {
        (0..<4096).filter { words[Int($0 >> 6)] & 1 << UInt64($0 & 63) != 0 }
    }

    /// How many octets an entry has: those of `struct guard` in Guard.h.
    static let size = 1032

    /// As the programs read it.
    var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(FastPathGuard.size)
        for word in members + untagged { octets.append(number: word) }
        octets.append(number: native)
        return octets + [UInt8](repeating: 0, count: FastPathGuard.size - octets.count)
    }
}
