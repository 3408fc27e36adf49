// SPDX-License-Identifier: Apache-2.0

/// Sets of interfaces in rows, as long as a switch needs them.
struct InterfaceRows: ~Copyable {
    /// How many words a row has.
    private let wordCount: Int
    private var words: Table<UInt64>

    init(rows: Int, interfaces: Int) {
        wordCount = (interfaces + 63) / 64
        words = Table(repeating: 0, count: rows * wordCount)
    }

    /// Sixty-four interfaces of a row, the first from `64 * word` on.
    @inline(__always)
    func word(_ word: Int, of row: Int) -> UInt64 {
        words[row &* wordCount &+ word]
    }

    mutating func set(_ index: Int, in row: Int, to isMember: Bool) {
        let bit: UInt64 = 1 << UInt64(index & 63)
        let place = row * wordCount + index >> 6
        words[place] = isMember ? words[place] | bit : words[place] & ~bit
    }
}
