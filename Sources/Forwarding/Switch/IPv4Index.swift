// SPDX-License-Identifier: Apache-2.0

/// The longest prefix of an address of IPv4, in one to three reads.
///
/// DIR-24-8 (Gupta, Lin, McKeown: Routing lookups in hardware at memory access speeds, INFOCOM 1998): a table of all
/// beginnings of 24 bits, and a *chunk* of 256 entries where prefixes are longer. Such a table is 64 MiB. As long as
/// there are few prefixes the first table covers 16 bits (256 KiB) and chunks cover eight more each, so that memory
/// follows need; a look-up is the same loop.
///
/// An entry remembers how long its prefix is: a change paints over what is no longer than it, and needs no search.
struct IPv4Index: ~Copyable {
    /// Bit 31: the number of a chunk follows.
    ///
    /// Otherwise length of the prefix 6, value 25.
    typealias Entry = UInt32

    private static let chunkFlag: Entry = 1 << 31
    /// Values lie below; 0 stands for no prefix.
    static let valueLimit: UInt32 = 1 << 25

    /// 16 or 24.
    let rootBits: Int
    private var root: Table<Entry>
    private var chunks: Table<Entry>
    /// Chunks behind this one were never used.
    private var chunkCount = 0
    private var freeChunks: [Int] = []

    init(rootBits: Int) {
        precondition(rootBits == 16 || rootBits == 24, "the rest of an address has to be whole octets")
        self.rootBits = rootBits
        root = Table(repeating: 0, count: 1 << rootBits)
        chunks = Table(repeating: 0, count: 256 * 16)
    }

    /// How many octets the tables take.
    var memory: Int { (root.count + chunks.count) * MemoryLayout<Entry>.stride }

    /// The entry of the longest prefix that contains an address; 0 when there is none.
    @inline(__always)
    func lookup(_ address: UInt32) -> Entry {
        var shift = UInt32(truncatingIfNeeded: 32 &- rootBits)
        var entry = root[Int(address &>> shift)]
        while entry & Self.chunkFlag != 0 {
            shift = shift &- 8
            entry = chunks[Self.position(entry, address &>> shift)]
        }
        return entry
    }

    /// How many addresses ahead of a look-up memory is asked for.
    ///
    /// So many reads are on their way at once; a look-up that waits for its own finds the processor's window full after
    /// forty.
    private static let ahead = 64

    /// Looks many addresses up; without the loop over levels where there are only two.
    @inline(__always)
    func lookup(_ addresses: Span<UInt32>, into values: inout MutableSpan<UInt32>) {
        precondition(values.count >= addresses.count, "there is a place for each address")
        guard rootBits == 24 else {
            for index in addresses.indices { values[index] = Self.value(lookup(addresses[index])) }
            return
        }
        let count = addresses.count
        let last = max(0, count &- Self.ahead)
        for index in 0..<min(Self.ahead, count) { root.prefetch(wrapping: Int(addresses[index] &>> 8)) }
        for index in 0..<last {
            root.prefetch(wrapping: Int(addresses[index &+ Self.ahead] &>> 8))
            values[index] = wideValue(addresses[index])
        }
        for index in last..<count { values[index] = wideValue(addresses[index]) }
    }

    /// The value for an address in a table of 24 bits, which has but two levels.
    @inline(__always)
    private func wideValue(_ address: UInt32) -> UInt32 {
        var entry = root[wrapping: Int(address &>> 8)]
        if entry & Self.chunkFlag != 0 { entry = chunks[Self.position(entry, address)] }
        return Self.value(entry)
    }

    @inline(__always)
    static func value(_ entry: Entry) -> UInt32 { entry & (valueLimit - 1) }

    @inline(__always)
    static func length(_ entry: Entry) -> Int { Int(entry >> 25) }

    @inline(__always)
    private static func position(_ chunk: Entry, _ index: UInt32) -> Int {
        Int(chunk & ~chunkFlag) << 8 | Int(index & 0xff)
    }

    // MARK: - Changing

    /// Gives a prefix a value, new or in place of its old one.
    mutating func set(_ prefix: UInt32, length: Int, value: UInt32) {
        precondition(value > 0 && value < Self.valueLimit, "the values of an index lie between 1 and 2^25 - 1")
        paint(prefix, length, UInt32(length) << 25 | value, over: 0...length)
    }

    /// Takes a prefix away.
    ///
    /// - Parameters:
    ///   - prefix: its bits, zeros behind them.
    ///   - length: how many bits.
    ///   - parent: length and value of the longest other prefix that contains it, or nil.
    mutating func remove(_ prefix: UInt32, length: Int, parent: (length: Int, value: UInt32)?) {
        let entry = parent.map { UInt32($0.length) << 25 | $0.value } ?? 0
        paint(prefix, length, entry, over: length...length)
    }

    private mutating func paint(_ prefix: UInt32, _ length: Int, _ entry: Entry, over lengths: ClosedRange<Int>) {
        let shift = 32 - rootBits
        let first = Int(prefix >> UInt32(shift))
        guard length > rootBits else {
            for index in first..<first + 1 << (rootBits - length) {
                root[index] = painted(root[index], entry, over: lengths)
            }
            return
        }
        if root[first] & Self.chunkFlag == 0 { root[first] = makeChunk(filledWith: root[first]) }
        paintChunk(root[first], shift - 8, prefix, length, entry, over: lengths)
        root[first] = collapsed(root[first])
    }

    /// Paints that part of a chunk which a prefix longer than the chunk's own covers.
    ///
    /// `shift`: how many bits of an address come behind those that number the entries of the chunk.
    private mutating func paintChunk(
        _ chunk: Entry,
        _ shift: Int,
        _ prefix: UInt32,
        _ length: Int,
        _ entry: Entry,
        over lengths: ClosedRange<Int>
    ) {
        let first = Self.position(chunk, prefix >> UInt32(shift))
        guard length > 32 - shift else {
            for position in first..<first + 1 << (32 - shift - length) {
                chunks[position] = painted(chunks[position], entry, over: lengths)
            }
            return
        }
        if chunks[first] & Self.chunkFlag == 0 {
            let deeper = makeChunk(filledWith: chunks[first])
            chunks[first] = deeper
        }
        paintChunk(chunks[first], shift - 8, prefix, length, entry, over: lengths)
        let shallower = collapsed(chunks[first])
        chunks[first] = shallower
    }

    /// An entry after a prefix was painted that covers all of it.
    private mutating func painted(_ old: Entry, _ new: Entry, over lengths: ClosedRange<Int>) -> Entry {
        guard old & Self.chunkFlag != 0 else {
            return lengths.contains(Self.length(old)) ? new : old
        }
        let first = Self.position(old, 0)
        for position in first..<first + 256 {
            let entry = painted(chunks[position], new, over: lengths)
            chunks[position] = entry
        }
        return collapsed(old)
    }

    private mutating func makeChunk(filledWith entry: Entry) -> Entry {
        let number = freeChunks.popLast() ?? chunkCount
        if number == chunkCount {
            chunkCount += 1
            if chunkCount * 256 > chunks.count {
                chunks = chunks.resized(to: chunks.count * 2, filling: 0)
            }
        }
        for position in number * 256..<(number + 1) * 256 { chunks[position] = entry }
        return Self.chunkFlag | Entry(number)
    }

    /// The entry to put in place of a chunk whose entries have all become one; otherwise the chunk.
    private mutating func collapsed(_ chunk: Entry) -> Entry {
        let first = Self.position(chunk, 0)
        let entry = chunks[first]
        guard entry & Self.chunkFlag == 0 else { return chunk }
        for position in first + 1..<first + 256 where chunks[position] != entry { return chunk }
        freeChunks.append(first / 256)
        return entry
    }
}
