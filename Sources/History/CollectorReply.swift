// SPDX-License-Identifier: Apache-2.0

/// What a collector answered: the head of a reply of HTTP/1.1 (RFC 9112), and the beginning of its text.
package struct CollectorReply: Hashable, Sendable {
    package let status: Int
    /// How many seconds the collector wants to be left alone (RFC 9110, 10.2.3); nil without a number.
    package let retryAfter: Int?
    /// How long the text behind the head is; nil when the end of the connection is its end.
    package let length: Int?
    /// What has come of the text.
    package let text: String

    /// Nil as long as the head is not complete, and for anything that is no reply of HTTP/1.
    package init?(_ octets: [UInt8]) {
        guard let end = CollectorReply.headEnd(octets) else { return nil }
        let lines = String(decoding: octets[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3, let status = Int(words[1])
        else { return nil }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            fields[line[..<colon].lowercased()] = String(value)
        }
        self.status = status
        retryAfter = fields["retry-after"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
        length = fields["content-length"].flatMap { Int($0) }
        text = String(decoding: octets[(end + 4)...], as: UTF8.self)
    }

    /// Whether all of the text has come, as far as its length was told.
    package var isWhole: Bool { length.map { text.utf8.count >= $0 } ?? false }

    /// Whether the same request may be sent once more: OTLP 1.5, "Retryable Response Codes".
    package var isTemporary: Bool { [429, 502, 503, 504].contains(status) }

    private static func headEnd(_ octets: [UInt8]) -> Int? {
        let end: [UInt8] = [13, 10, 13, 10]
        guard octets.count >= end.count else { return nil }
        return (0...(octets.count - end.count)).first { octets[$0...].starts(with: end) }
    }
}
