// SPDX-License-Identifier: Apache-2.0

/// Which containers may have leases: a Bloom filter of blocks of 64 octets, so that one look decides.
///
/// The last four octets of a block tell damage, which is answered as if everybody were in it.
enum ContainerFilter {
    struct Place {
        let block: Int
        /// Five bits of the block, nine digits each.
        let bits: UInt64
    }

    static let blockLength = 64
    private static let sumLength = 4

    /// Twice as many as there are, and at least so many that a small network never needs another one.
    static func blockCount(for containers: Int) -> Int64 {
        var count: Int64 = 32
        while capacity(count) < 2 * Int64(containers) { count *= 2 }
        return count
    }

    /// With fifteen bits for each container, one stranger in some hundred is taken for an acquaintance.
    static func capacity(_ blockCount: Int64) -> Int64 { blockCount * 32 }

    /// Blocks that hold nobody.
    static func empty(_ blockCount: Int64) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: blockLength)
        seal(&block, at: 0)
        var blocks: [UInt8] = []
        blocks.reserveCapacity(Int(blockCount) * blockLength)
        for _ in 0..<blockCount { blocks += block }
        return blocks
    }

    static func place(of container: String, among blockCount: Int64) -> Place {
        // Vigna's SplitMix64 spreads what the sum leaves close together.
        var mixed = LogWriter.sum(Array(container.utf8)[...])
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        let bits = mixed ^ (mixed >> 31)
        let block = (bits &* 0x9e37_79b9_7f4a_7c15) >> 32
        return Place(block: Int(block % UInt64(blockCount)), bits: bits)
    }

    /// Whether the block may hold who belongs there; surely not when false.
    static func contains(_ place: Place, _ block: [UInt8]) -> Bool {
        guard block.count == blockLength else { return true }
        var sealed = block
        seal(&sealed, at: 0)
        guard sealed == block else { return true }
        return positions(place).allSatisfy { block[$0 / 8] & (1 << UInt8($0 % 8)) != 0 }
    }

    /// Enters somebody into the block that begins at an offset.
    static func insert(_ place: Place, into blocks: inout [UInt8], at offset: Int = 0) {
        for position in positions(place) { blocks[offset + position / 8] |= 1 << UInt8(position % 8) }
        seal(&blocks, at: offset)
    }

    private static func positions(_ place: Place) -> [Int] {
        let count = UInt64(blockLength - sumLength) * 8
        return (0..<5).map { Int((place.bits >> UInt64($0 * 9) & 511) % count) }
    }

    private static func seal(_ blocks: inout [UInt8], at offset: Int) {
        let end = offset + blockLength - sumLength
        let sum = LogWriter.sum(blocks[offset..<end])
        for index in 0..<sumLength { blocks[end + index] = UInt8(truncatingIfNeeded: sum >> UInt64(index * 8)) }
    }
}
