// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import Linux

/// Where a collector of spans listens: the URL that an operator typed, understood.
package struct CollectorAddress: Hashable, Sendable {
    /// Why a URL is refused, with what to do.
    package struct Refusal: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    package let address: IPAddress
    package let port: UInt16
    /// As it is sent in `Host`.
    package let host: String
    package let path: String

    /// Reads `http://HOST[:PORT][/PATH]`; the port is 4318 unless it says otherwise, and the path gets `/v1/traces`
    /// (OTLP 1.5, "OTLP/HTTP Default Port" and "Request").
    ///
    /// Names are looked up in `/etc/hosts` alone: a static program has no resolver.
    ///
    /// - Throws: ``Refusal``.
    package init(
        _ text: String,
        hosts: () -> String = CollectorAddress.hostsFile
    ) throws(Refusal) {
        guard !text.lowercased().hasPrefix("https://") else {
            throw Refusal(
                description: "\(text): TLS is not spoken here; name a collector on this host, such as "
                    + "http://127.0.0.1:4318, and let it pass the spans on"
            )
        }
        guard text.lowercased().hasPrefix("http://") else {
            throw Refusal(description: "\(text): no URL of a collector; write http://127.0.0.1:4318")
        }
        let rest = text.dropFirst(7)
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = String(rest[..<end])
        guard rest.allSatisfy({ $0.isASCII && !$0.isWhitespace && !"?#@\\\"<>".contains($0) && $0 >= " " }) else {
            throw Refusal(description: "\(text): no URL of a collector; user names, queries and blanks make no sense")
        }
        let (name, port) = try CollectorAddress.split(authority, text)
        guard let address = CollectorAddress.find(name, hosts) else {
            throw Refusal(
                description: "\(name): neither an IP address nor a name in /etc/hosts; write the collector's address"
            )
        }
        self.address = address
        self.port = port
        host = authority
        var path = String(rest[end...])
        while path.hasSuffix("/") { path.removeLast() }
        self.path = path.hasSuffix("/v1/traces") ? path : path + "/v1/traces"
    }

    /// What `/etc/hosts` says; nothing when it cannot be read.
    package static func hostsFile() -> String {
        guard let octets = try? Descriptor(opening: "/etc/hosts", 0).readAll("/etc/hosts") else { return "" }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func split(_ authority: String, _ text: String) throws(Refusal) -> (name: String, port: UInt16) {
        var name = authority[...]
        var port: Substring = "4318"
        if name.hasPrefix("["), let end = name.firstIndex(of: "]") {
            let behind = name[name.index(after: end)...]
            if behind.hasPrefix(":") { port = behind.dropFirst() } else if !behind.isEmpty { port = "" }
            name = name[name.index(after: name.startIndex)..<end]
        } else if let colon = name.lastIndex(of: ":") {
            port = name[name.index(after: colon)...]
            name = name[..<colon]
        }
        guard let number = UInt16(port), number > 0, !name.isEmpty else {
            throw Refusal(description: "\(text): no URL of a collector; write http://127.0.0.1:4318")
        }
        return (String(name), number)
    }

    /// hosts(5); `localhost` is known without it (RFC 6761, 6.3).
    private static func find(_ name: String, _ hosts: () -> String) -> IPAddress? {
        if let address = IPAddress(name) { return address }
        for line in hosts().split(whereSeparator: { $0.isNewline }) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.dropFirst().contains(where: { $0.lowercased() == name.lowercased() }) else { continue }
            if let address = IPAddress(String(words[0])) { return address }
        }
        return name.lowercased() == "localhost" ? IPAddress("127.0.0.1") : nil
    }
}
