// SPDX-License-Identifier: Apache-2.0
private import CPrefetch

// The one file of this module that says `unsafe`. Why there is one: an Array of the standard library asks at every
// write whether it is shared and starts 32 octets behind a cache line, and there is no checked way to read a number of
// several octets at once. Both would cost a switch more than its own work. What this file hands out is safe: every
// access is checked against the bounds, memory is filled when it is made and freed by its only owner, and every
// pattern of bits is a value of the types it is used for.

/// A run of slots of fixed length, owned by one place, beginning at the start of a cache line.
///
/// It is not copied on write, and reading it counts no references.
@safe
struct Table<Element: BitwiseCopyable>: ~Copyable {
    /// The length of a cache line, in octets.
    private static var cacheLine: Int { 64 }
    /// The length of a large page: tables from this size on shall lie in such ones.
    private static var largePage: Int { 2 << 20 }
    /// How many slots are a group.
    private static var group: Int { 4 }

    private let base: UnsafeMutablePointer<Element>
    /// How many slots there are.
    let count: Int
    /// One less than the largest power of two that is not above `count`.
    private let ring: Int

    /// Makes a table whose slots all hold one value.
    init(repeating value: Element, count: Int) {
        precondition(count >= 0, "a table has no negative number of slots")
        // There is always one group of slots, for a ring has no fewer.
        let room = max(count, Self.group)
        let size = room * MemoryLayout<Element>.stride
        let isLarge = size >= Self.largePage
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: size,
            alignment: max(isLarge ? Self.largePage : Self.cacheLine, MemoryLayout<Element>.alignment)
        )
        if isLarge { unsafe culvert_prefer_large_pages(memory, size) }
        unsafe base = memory.bindMemory(to: Element.self, capacity: room)
        unsafe base.initialize(repeating: value, count: room)
        self.count = count
        ring = count == 0 ? 0 : 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount) - 1
    }

    deinit {
        unsafe UnsafeMutableRawPointer(base).deallocate()
    }

    /// One slot; the program stops when there is no such slot.
    subscript(index: Int) -> Element {
        @inline(__always) get {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such slot")
            return unsafe base[index]
        }
        @inline(__always) set {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such slot")
            unsafe base[index] = newValue
        }
    }

    /// One slot of a table whose length is a power of two; numbers beyond begin again at 0.
    ///
    /// It costs less than to ask whether the slot is there. In a table of another length what comes after the largest
    /// power of two is out of reach.
    subscript(wrapping index: Int) -> Element {
        @inline(__always) get {
            unsafe base[index & ring]
        }
        @inline(__always) set {
            unsafe base[index & ring] = newValue
        }
    }

    /// One slot of the group of four that a slot belongs to; as for slots, numbers beyond begin again at 0.
    @inline(__always)
    func slot(_ place: Int, ofGroupAround index: Int) -> Element {
        unsafe base[index & ring & ~(Self.group &- 1) | place & (Self.group &- 1)]
    }

    /// Asks for the memory of a slot that will be read soon, and does not wait for it.
    @inline(__always)
    func prefetch(wrapping index: Int) {
        unsafe culvert_prefetch(base + (index & ring))
    }

    /// A table of another length whose first slots hold what they hold here, as far as both reach.
    func resized(to newCount: Int, filling value: Element) -> Table {
        var table = Table(repeating: value, count: newCount)
        for index in 0..<min(count, newCount) { table[index] = self[index] }
        return table
    }
}

/// A slot for each frame of a burst, owned by one place.
@safe
struct BurstTable<Element: BitwiseCopyable>: ~Copyable {
    /// How many slots there are, a power of two: numbers beyond begin again at 0.
    static var count: Int { 32 }

    private let base: UnsafeMutablePointer<Element>

    /// Makes a table whose slots all hold one value.
    init(repeating value: Element) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: Self.count * MemoryLayout<Element>.stride,
            alignment: max(64, MemoryLayout<Element>.alignment)
        )
        unsafe base = memory.bindMemory(to: Element.self, capacity: Self.count)
        unsafe base.initialize(repeating: value, count: Self.count)
    }

    deinit {
        unsafe UnsafeMutableRawPointer(base).deallocate()
    }

    subscript(index: Int) -> Element {
        @inline(__always) get {
            unsafe base[index & (Self.count &- 1)]
        }
        @inline(__always) set {
            unsafe base[index & (Self.count &- 1)] = newValue
        }
    }
}

extension Span where Element == UInt8 {
    /// The two octets from `offset` on as a number in network order; the program stops when they are not there.
    @inline(__always)
    func bigEndian16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The four octets from `offset` on as a number in network order; the program stops when they are not there.
    @inline(__always)
    func bigEndian32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The eight octets from `offset` on as a number in network order; the program stops when they are not there.
    @inline(__always)
    func bigEndian64(at offset: Int) -> UInt64 {
        UInt64(bigEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

/// The beginning of a frame that is long enough for what most frames begin with: read without a question at each number.
struct FrameStart: ~Escapable {
    /// Ethernet 14, a tag 4, IPv4 without options 20, ports 4, and two octets that are read with them.
    private static var length: Int { 44 }

    private let bytes: RawSpan

    /// Nil when the frame is shorter.
    @inline(__always)
    @_lifetime(copy frame)
    init?(_ frame: Span<UInt8>) {
        guard frame.count >= Self.length else { return nil }
        bytes = unsafe frame.bytes
    }

    /// Eight octets as a number in network order; the program stops when they are not all of the beginning.
    ///
    /// Where the offset is a constant, nothing is left of the question.
    @inline(__always)
    func bigEndian64(at offset: Int) -> UInt64 {
        precondition(UInt(bitPattern: offset) <= UInt(bitPattern: Self.length - 8), "no such octets")
        return UInt64(bigEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }
}
