// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// A walk over the text of a configuration, for what its parsed form has forgotten: keys written twice.
///
/// The text is known to be JSON, so that brackets and strings are all there is to tell apart.
struct SysctlKeys {
    private let text: [UInt8]
    private var position = 0
    /// The keys that lead to where we are; nil for arrays.
    private var path: [String?] = []
    private var repeated: String?

    /// The first key that `sysctl` or `args.cni.sysctl` has twice; nil when there is none.
    static func firstRepeated(in text: [UInt8]) -> String? {
        var walk = SysctlKeys(text: text)
        walk.walkValue()
        return walk.repeated
    }

    private init(text: [UInt8]) {
        self.text = text
    }

    private mutating func walkValue() {
        switch next() {
        case UInt8(ascii: "{"): walkObject()
        case UInt8(ascii: "["):
            path.append(nil)
            walkElements()
            path.removeLast()
        case UInt8(ascii: "\""): _ = readString()
        default: skipWord()
        }
    }

    private mutating func walkObject() {
        position += 1
        let isOurs = isSysctl
        var keys: [String] = []
        while let octet = next(), octet != UInt8(ascii: "}") {
            guard octet == UInt8(ascii: "\"") else {
                position += 1
                continue
            }
            let key = readString()
            if isOurs, keys.contains(key), repeated == nil { repeated = key }
            keys.append(key)
            if next() == UInt8(ascii: ":") { position += 1 }
            path.append(key)
            walkValue()
            path.removeLast()
        }
        position += 1
    }

    private mutating func walkElements() {
        position += 1
        while let octet = next(), octet != UInt8(ascii: "]") {
            if octet == UInt8(ascii: ",") { position += 1 } else { walkValue() }
        }
        position += 1
    }

    private var isSysctl: Bool {
        let keys = path.map { $0?.lowercased() }
        return keys == ["sysctl"] || keys == ["args", "cni", "sysctl"]
    }

    /// The next octet that means something; the position stays on it.
    private mutating func next() -> UInt8? {
        while position < text.count, text[position] <= UInt8(ascii: " ") { position += 1 }
        return position < text.count ? text[position] : nil
    }

    /// A number, `true`, `false` or `null`.
    private mutating func skipWord() {
        repeat { position += 1 } while position < text.count && !Self.ends.contains(text[position])
    }

    private static let ends = Array(",]} \n\r\t".utf8)

    private mutating func readString() -> String {
        let start = position
        position += 1
        while position < text.count, text[position] != UInt8(ascii: "\"") {
            position += text[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        position = min(position + 1, text.count)
        // With its escapes resolved: the same key may be written in several ways.
        guard let value = try? JSONValue(parsing: Array(text[start..<position])), case .string(let string) = value
        else {
            return ""
        }
        return string
    }
}
