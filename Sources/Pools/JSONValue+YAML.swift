// SPDX-License-Identifier: Apache-2.0
package import JSON

extension JSONValue {
    /// The value as YAML 1.2 in block style, members in their order, a line end at the end.
    ///
    /// Texts that anybody could take for something else stand in quotes, and are then as in JSON.
    package var yaml: String {
        var lines: [String] = []
        YAMLText.write(self, to: &lines, indent: 0, lead: "")
        return lines.joined(separator: "\n") + "\n"
    }
}

private enum YAMLText {
    /// `lead`: what stands before the value's first line: nothing, or a dash, or a key.
    static func write(_ value: JSONValue, to lines: inout [String], indent: Int, lead: String) {
        switch value {
        case .array(let elements) where !elements.isEmpty:
            let isMember = lead.hasSuffix(":")
            if isMember { lines.append(lead) }
            for (position, element) in elements.enumerated() {
                let dash = String(repeating: " ", count: indent) + "- "
                // A list directly in a list begins on the line of the outer dash.
                write(element, to: &lines, indent: indent + 2, lead: position == 0 && !isMember ? lead + "- " : dash)
            }
        case .object(let object) where !object.isEmpty:
            let isMember = lead.hasSuffix(":")
            if isMember { lines.append(lead) }
            for (position, member) in object.members.enumerated() {
                let isFirst = position == 0 && !isMember
                let start = isFirst ? lead : String(repeating: " ", count: indent)
                let isNested = member.value.isNested
                let key = "\(start)\(scalar(.string(member.key))):"
                if isNested {
                    // Elements of a list stand below their key, one step in, as members of an object do.
                    write(member.value, to: &lines, indent: indent + 2, lead: key)
                } else {
                    lines.append("\(key) \(scalar(member.value))")
                }
            }
        default: lines.append(lead.hasSuffix(":") ? "\(lead) \(scalar(value))" : lead + scalar(value))
        }
    }

    private static func scalar(_ value: JSONValue) -> String {
        guard case .string(let text) = value, isPlain(text) else {
            return String(decoding: value.serialized(), as: UTF8.self)
        }
        return text
    }

    /// Whether a text can be taken for nothing else: letters first, and nothing that means something in YAML.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "/") else { return false }
        let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        guard !words.contains(text.lowercased()) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "-_./".utf8.contains($0) }
    }

    private static func isLetter(_ octet: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= octet | 0x20 }

    private static func isDigit(_ octet: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= octet }
}

extension JSONValue {
    fileprivate var isNested: Bool {
        switch self {
        case .array(let elements): !elements.isEmpty
        case .object(let object): !object.isEmpty
        default: false
        }
    }
}
