// SPDX-License-Identifier: Apache-2.0

/// Which containers may have leases: a Bloom filter of blocks of 64 octets, so that one look decides.
enum ContainerFilter {
    struct Place {
        let block: Int
        /// Five bits of the block, nine digits each.
        let bits: UInt64
    }

    /// Twice as many as there are, and at least so many that a small network never needs another one.
    static func blockCount(for containers: Int) -> Int64 {
        var count: Int64 = 32
        while capacity(count) < 2 * Int64(containers) { count *= 2 }
        return count
    }

    /// With sixteen bits for each container, one stranger in 500 is taken for an acquaintance.
    static func capacity(_ blockCount: Int64) -> Int64 { blockCount * 32 }

    static func place(of container: String, among blockCount: Int64) -> Place {
        var mixed = LogWriter.sum(Array(container.utf8)[...])
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        let bits = mixed ^ (mixed >> 31)
        let block = (bits &* 0x9e37_79b9_7f4a_7c15) >> 32
        return Place(block: Int(block % UInt64(blockCount)), bits: bits)
    }

    static func contains(_ place: Place, _ block: [UInt8]) -> Bool {
        guard block.count == 64 else { return true }
        return positions(place).allSatisfy { block[$0 / 8] & (1 << UInt8($0 % 8)) != 0 }
    }

    static func insert(_ place: Place, into blocks: inout [UInt8], at offset: Int = 0) {
        for position in positions(place) where offset + position / 8 < blocks.count {
            blocks[offset + position / 8] |= 1 << UInt8(position % 8)
        }
    }

    private static func positions(_ place: Place) -> [Int] {
        (0..<5).map { Int(place.bits >> UInt64($0 * 9) & 511) }
    }
}
