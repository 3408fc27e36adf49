// SPDX-License-Identifier: Apache-2.0

/// The head of a request of HTTP/1.1, as far as a server with one page needs it.
///
/// Source: RFC 9112, 2 to 5. No body is read: the connection ends with the answer.
package struct HTTPRequest: Hashable, Sendable {
    package let method: String
    /// Without what follows a question mark.
    package let path: String
    /// The media types that are accepted, as they were written; empty when nothing was said.
    package let accept: String

    /// What the octets that have come so far are.
    package enum Progress: Hashable, Sendable {
        /// The head has not ended yet.
        case unfinished
        case complete(HTTPRequest)
        /// No request at all, or one that is too long: the status to answer with.
        case refused(HTTPStatus)
    }

    /// So long may a head be, in octets.
    package static let longest = 8192

    /// Looks for a head at the beginning of what has come.
    package static func parse(_ octets: [UInt8]) -> Progress {
        guard let end = end(of: octets.prefix(longest)) else {
            return octets.count >= longest ? .refused(.headersTooLarge) : .unfinished
        }
        // The end of a line may be written without its carriage return: RFC 9112, 2.2.
        var lines = octets[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
        while let first = lines.first, first.isEmpty { lines.removeFirst() }
        guard let first = lines.first, first.allSatisfy({ (32...126).contains($0) }) else {
            return .refused(.badRequest)
        }
        let words = first.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3, words.allSatisfy({ !$0.isEmpty }) else { return .refused(.badRequest) }
        let version = String(decoding: words[2], as: UTF8.self)
        guard version.hasPrefix("HTTP/") else { return .refused(.badRequest) }
        guard version.hasPrefix("HTTP/1.") else { return .refused(.versionNotSupported) }
        var accepted: [String] = []
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
                return .refused(.badRequest)
            }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            if name == "accept" { accepted.append(String(decoding: line[(colon + 1)...], as: UTF8.self)) }
        }
        return .complete(
            HTTPRequest(
                method: String(decoding: words[0], as: UTF8.self),
                path: path(words[1]),
                accept: accepted.joined(separator: ",")
            )
        )
    }

    /// Where the empty line is that ends a head; empty lines before it are passed over.
    private static func end(of octets: ArraySlice<UInt8>) -> Int? {
        var hasText = false
        var isLineEmpty = true
        for (position, octet) in octets.enumerated() {
            switch octet {
            case UInt8(ascii: "\n"):
                if isLineEmpty && hasText { return position }
                isLineEmpty = true
            case UInt8(ascii: "\r"): break
            default:
                isLineEmpty = false
                hasText = true
            }
        }
        return nil
    }

    /// A target may name the server too: RFC 9112, 3.2.2.
    private static func path(_ target: ArraySlice<UInt8>) -> String {
        var text = String(decoding: target, as: UTF8.self)
        if text.hasPrefix("http://") {
            let rest = text.dropFirst("http://".count)
            text = rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "/"
        }
        return String(text.prefix { $0 != "?" && $0 != "#" })
    }

    /// Which form of metrics is wanted: OpenMetrics for who accepts it no less than the older one.
    ///
    /// Source: RFC 9110, 12.5.1.
    package var form: Exposition.Form {
        var open = 0.0
        var plain = 0.0
        for range in accept.split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.trimmed.lowercased() }
            guard let type = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            let version = parts.dropFirst().first { $0.hasPrefix("version=") }?.dropFirst("version=".count)
            switch type {
            case "application/openmetrics-text":
                // Of the versions only this one is written.
                if version == nil || version == "1.0.0" { open = max(open, weight) }
            case "text/plain", "text/*", "*/*": plain = max(plain, weight)
            default: break
            }
        }
        return open > 0 && open >= plain ? .openMetrics : .text
    }
}

extension Substring {
    /// Without spaces and tabs around it.
    fileprivate var trimmed: Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}

/// What a request comes to: RFC 9110, 15.
package enum HTTPStatus: Int, Hashable, Sendable {
    case fine = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case requestTimeout = 408
    case headersTooLarge = 431
    case versionNotSupported = 505

    var phrase: String {
        switch self {
        case .fine: "OK"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .requestTimeout: "Request Timeout"
        case .headersTooLarge: "Request Header Fields Too Large"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }
}
