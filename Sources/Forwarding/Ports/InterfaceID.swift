// SPDX-License-Identifier: Apache-2.0

/// The number of an interface of a switch; free again when the interface is gone.
public struct InterfaceID: Hashable, Sendable, BitwiseCopyable {
    /// Stands for no interface where there is always a number.
    static let none = InterfaceID(index: .max)

    /// 0 to 1023.
    public let index: UInt16

    public init(index: UInt16) {
        self.index = index
    }
}

extension InterfaceID: Comparable {
    public static func < (left: InterfaceID, right: InterfaceID) -> Bool {
        left.index < right.index
    }
}

/// Interfaces of one switch, as bits.
public struct InterfaceSet: Sendable, BitwiseCopyable {
    /// As many as a bridge of Linux takes (`BR_MAX_PORTS`).
    public static let capacity = 1024
    static let wordCount = capacity / 64

    private var words = InlineArray<16, UInt64>(repeating: 0)

    /// No interface.
    public init() {}

    /// Sixty-four interfaces at a time, the first from `64 * word` on.
    subscript(word word: Int) -> UInt64 {
        get { words[word] }
        set { words[word] = newValue }
    }

    public func contains(_ interface: InterfaceID) -> Bool {
        interface.index < Self.capacity && words[Int(interface.index >> 6)] >> (interface.index & 63) & 1 != 0
    }

    public mutating func insert(_ interface: InterfaceID) {
        precondition(interface.index < Self.capacity, "a switch has no interface of such a number")
        words[Int(interface.index >> 6)] |= 1 << (interface.index & 63)
    }

    public mutating func remove(_ interface: InterfaceID) {
        guard contains(interface) else { return }
        words[Int(interface.index >> 6)] &= ~(1 << (interface.index & 63))
    }

    public var isEmpty: Bool {
        for word in words.indices where words[word] != 0 { return false }
        return true
    }

    public var count: Int {
        var count = 0
        for word in words.indices { count += words[word].nonzeroBitCount }
        return count
    }

    /// Hands over the interfaces from the lowest number up.
    @inline(__always)
    public func forEach(_ body: (InterfaceID) -> Void) {
        for word in words.indices {
            var rest = words[word]
            while rest != 0 {
                body(InterfaceID(index: UInt16(truncatingIfNeeded: word << 6 + rest.trailingZeroBitCount)))
                rest &= rest &- 1
            }
        }
    }
}

extension InterfaceSet: Hashable {
    public static func == (left: InterfaceSet, right: InterfaceSet) -> Bool {
        for word in left.words.indices where left.words[word] != right.words[word] { return false }
        return true
    }

    public func hash(into hasher: inout Hasher) {
        for word in words.indices { hasher.combine(words[word]) }
    }
}
