// SPDX-License-Identifier: Apache-2.0

/// Lists of domain names as DNS writes them.
///
/// Source: RFC 1035, 3.1 and 4.1.4; RFC 3397, 2 for their use in DHCP.
enum DomainNames {
    /// Reads all names; nil when one does not end, or points anywhere but back.
    static func parse(_ octets: [UInt8]) -> [String]? {
        var names: [String] = []
        var position = 0
        while position < octets.count {
            guard let (name, next) = name(octets, at: position) else { return nil }
            if !name.isEmpty { names.append(name) }
            position = next
        }
        return names
    }

    private static func name(_ octets: [UInt8], at start: Int) -> (String, Int)? {
        var labels: [String] = []
        var position = start
        var next: Int?
        // Pointers lead back only, so every name ends; a name has 255 octets at most.
        var total = 0
        while position < octets.count {
            let length = Int(octets[position])
            if length == 0 { return (labels.joined(separator: "."), next ?? position + 1) }
            if length & 0xc0 == 0xc0 {
                guard position + 1 < octets.count else { return nil }
                let target = (length & 0x3f) << 8 | Int(octets[position + 1])
                guard target < position else { return nil }
                next = next ?? position + 2
                position = target
                continue
            }
            total += length + 1
            let end = position + 1 + length
            guard length < 64, end <= octets.count, total <= 255 else { return nil }
            let label = octets[(position + 1)..<end]
            guard label.allSatisfy({ isPlain($0) }) else { return nil }
            labels.append(String(decoding: label, as: UTF8.self))
            position = end
        }
        return nil
    }

    private static func isPlain(_ octet: UInt8) -> Bool {
        octet > 0x20 && octet < 0x7f && octet != UInt8(ascii: ".")
    }
}
