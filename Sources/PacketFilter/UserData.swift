// SPDX-License-Identifier: Apache-2.0
internal import Netlink

/// What the kernel keeps for us and for nft with a table, a chain, a rule, a set or an element: type, length and value,
/// an octet each of the first two.
///
/// Source: libnftnl 1.2.4, `include/libnftnl/udata.h`.
struct UserData {
    /// The type of a comment, which is a zero-terminated string.
    ///
    /// Tables, chains, rules and elements have it at 0.
    static let comment: UInt8 = 0
    static let setKeyByteOrder: UInt8 = 0
    static let setDataByteOrder: UInt8 = 1
    static let setMergesElements: UInt8 = 2
    static let setKeyTypeOf: UInt8 = 3
    static let setDataTypeOf: UInt8 = 4
    static let setDataIsInterval: UInt8 = 6
    static let setComment: UInt8 = 7
    /// 32 bits; 1: an interval without end.
    static let elementFlags: UInt8 = 1

    /// nft's limit for a comment, in octets, without the zero.
    static let longestComment = 128

    private(set) var octets: [UInt8] = []

    mutating func put(_ type: UInt8, _ value: UInt32) {
        octets.append(type)
        octets.append(4)
        withUnsafeBytes(of: value) { octets.append(contentsOf: $0) }
    }

    mutating func put(_ type: UInt8, text: String) {
        octets.append(type)
        octets.append(UInt8(text.utf8.count + 1))
        octets.append(contentsOf: text.utf8)
        octets.append(0)
    }

    mutating func put(_ type: UInt8, octets value: [UInt8]) {
        octets.append(type)
        octets.append(UInt8(value.count))
        octets.append(contentsOf: value)
    }

    /// The user data of what has nothing but a comment.
    static func comment(_ text: String) -> [UInt8] {
        var data = UserData()
        data.put(comment, text: text)
        return data.octets
    }

    /// The value of a type; nil when there is none, or it is cut off.
    static func value(of type: UInt8, in octets: ArraySlice<UInt8>?) -> ArraySlice<UInt8>? {
        guard var rest = octets else { return nil }
        while rest.count >= 2 {
            let start = rest.startIndex
            let end = start + 2 + Int(rest[start + 1])
            guard end <= rest.endIndex else { return nil }
            if rest[start] == type { return rest[(start + 2)..<end] }
            rest = rest[end...]
        }
        return nil
    }

    static func text(of type: UInt8, in octets: ArraySlice<UInt8>?) -> String? {
        value(of: type, in: octets)?.text
    }
}
