// SPDX-License-Identifier: Apache-2.0

/// A JSON object whose members keep the order in which they were written.
///
/// Two objects are equal when they hold the same members in the same order.
/// Look-ups walk the members: O(n), which for the dozen members of a configuration beats hashing.
package struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// One key and what it stands for.
    package struct Member: Hashable, Sendable {
        package var key: String
        package var value: JSONValue

        package init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// The members in order.
    ///
    /// Keys should be unique; of equal keys the last one counts.
    package var members: [Member] = []

    /// An object without members.
    package init() {}

    /// The members of a literal; of equal keys the last one counts.
    package init(_ members: KeyValuePairs<String, JSONValue>) {
        self.init(pairs: members.map { ($0.key, $0.value) })
    }

    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(pairs: elements)
    }

    init(pairs: [(String, JSONValue)]) {
        for (key, value) in pairs {
            self[exact: key] = value
        }
    }

    package var isEmpty: Bool {
        members.isEmpty
    }

    package var count: Int {
        members.count
    }

    /// The value of the member whose key is written exactly like this.
    ///
    /// Setting an existing key keeps its place, setting a new one appends it, setting nil removes it.
    package subscript(exact key: String) -> JSONValue? {
        get {
            members.last { $0.key.isSpelled(key) }?.value
        }
        set {
            guard let newValue else {
                members.removeAll { $0.key.isSpelled(key) }
                return
            }
            guard let index = members.lastIndex(where: { $0.key.isSpelled(key) }) else {
                members.append(Member(key: key, value: newValue))
                return
            }
            members[index].value = newValue
        }
    }

    /// The value a Go program would find for this key.
    ///
    /// Runtimes written in Go send keys in any case (`HostPort` for `hostPort`) because Go's decoder
    /// does not care: a member with exactly this key wins, else the last one that differs in ASCII case only.
    package subscript(key: String) -> JSONValue? {
        member(matching: key)?.value
    }

    /// Removes every member whose key equals this one but for ASCII case.
    package mutating func remove(anyCase key: String) {
        members.removeAll { $0.key.equalsIgnoringASCIICase(key) }
    }

    /// The member that `subscript(_:)` finds, with its key as it was written.
    func member(matching key: String) -> Member? {
        members.last { $0.key.isSpelled(key) } ?? members.last { $0.key.equalsIgnoringASCIICase(key) }
    }
}

extension String {
    /// Equality byte by byte: `==` would also accept another Unicode spelling of the same letter.
    fileprivate func isSpelled(_ other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    fileprivate func equalsIgnoringASCIICase(_ other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8) { $0.lowercasedASCII == $1.lowercasedASCII }
    }
}

extension UInt8 {
    fileprivate var lowercasedASCII: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}
