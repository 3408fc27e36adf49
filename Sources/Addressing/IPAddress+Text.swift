// SPDX-License-Identifier: Apache-2.0

extension IPAddress: CustomStringConvertible {
    /// The one canonical text (RFC 5952), letter for letter what Go's `net.IP.String` prints.
    ///
    /// It serves as a file name in the lease directory, which other programs read; hence `::102:304` and not
    /// the `::1.2.3.4` that `inet_ntop(3)` writes.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(39)
        // A mapped address reached by counting is still IPv6, but Go prints those dotted as well.
        if family == .v4 || value >> 32 == 0xffff {
            appendDotted(to: &text)
        } else {
            appendGroups(to: &text)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private func appendDotted(to text: inout [UInt8]) {
        for shift in stride(from: 24, through: 0, by: -8) {
            text.appendDecimal(UInt8(truncatingIfNeeded: value >> shift))
            if shift > 0 { text.append(ASCII.dot) }
        }
    }

    private func appendGroups(to text: inout [UInt8]) {
        let elided = longestZeroRun
        var index = 0
        while index < 8 {
            if index == elided.lowerBound && !elided.isEmpty {
                text.append(ASCII.colon)
                text.append(ASCII.colon)
                index = elided.upperBound
                continue
            }
            if index > 0 && index != elided.upperBound { text.append(ASCII.colon) }
            let group = group(index)
            for shift in stride(from: 12, through: 0, by: -4) where shift == 0 || group >> shift != 0 {
                text.appendHexadecimalDigit(UInt8(truncatingIfNeeded: group >> shift))
            }
            index += 1
        }
    }

    /// The groups to leave out, empty and at 0 when there are none.
    ///
    /// They are the longest run of zero groups, the first one of equals, and never a single group (RFC 5952, 4.2).
    private var longestZeroRun: Range<Int> {
        var longest = 0..<0
        var start = 0
        for index in 0..<8 {
            if group(index) != 0 {
                start = index + 1
            } else if index - start >= max(longest.count, 1) {
                longest = start..<index + 1
            }
        }
        return longest
    }

    private func group(_ index: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: value >> (112 - 16 * index))
    }
}

extension IPAddress {
    /// Reads what Go's `net.ParseIP` reads.
    ///
    /// Refused are octets with leading zeros (some readers take them for octal), zones, surrounding blanks and
    /// a `::` that stands for no group at all.
    public init?(_ text: String) {
        guard let (value, family) = Self.parse(text.utf8.span) else { return nil }
        switch family {
        case .v4: self.init(family: .v4, value: value)
        case .v6: self.init(v6: value)
        }
    }

    /// Reads an address but leaves mapped ones what they were written as, because prefix lengths count from there.
    static func parse(_ bytes: Span<UInt8>) -> (value: UInt128, writtenAs: AddressFamily)? {
        for index in bytes.indices {
            switch bytes[index] {
            case ASCII.dot:
                return parseDotted(bytes, from: 0).map { (UInt128($0), .v4) }
            case ASCII.colon:
                return parseGroups(bytes).map { ($0, .v6) }
            case ASCII.percent:
                return nil
            default:
                continue
            }
        }
        return nil
    }

    /// Reads four decimal octets that fill the text from `start` to its end.
    private static func parseDotted(_ bytes: Span<UInt8>, from start: Int) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in start..<bytes.count {
            if let digit = bytes[index].decimalDigit {
                guard digits == 0 || octet > 0 else { return nil }
                octet = octet * 10 + UInt32(digit)
                digits += 1
                guard octet <= 255 else { return nil }
            } else {
                guard bytes[index] == ASCII.dot, digits > 0 else { return nil }
                value = value << 8 | octet
                octet = 0
                digits = 0
                dots += 1
            }
        }
        return dots == 3 && digits > 0 ? value << 8 | octet : nil
    }

    /// Reads groups of hexadecimal digits, one `::` at most, and perhaps a dotted tail (RFC 4291, 2.2).
    private static func parseGroups(_ bytes: Span<UInt8>) -> UInt128? {
        var value: UInt128 = 0
        var groups = 0
        var index = 0
        var gap: Int?
        if bytes.count >= 2 && bytes[0] == ASCII.colon && bytes[1] == ASCII.colon {
            gap = 0
            index = 2
        }
        while index < bytes.count {
            let start = index
            guard let group = parseGroup(bytes, at: &index) else { return nil }
            if index < bytes.count && bytes[index] == ASCII.dot {
                guard let tail = parseDotted(bytes, from: start) else { return nil }
                value = value << 32 | UInt128(tail)
                groups += 2
                break
            }
            value = value << 16 | UInt128(group)
            groups += 1
            if index == bytes.count { break }
            // A colon must be followed by something, be it a second colon.
            guard bytes[index] == ASCII.colon, index + 1 < bytes.count else { return nil }
            index += 1
            if bytes[index] == ASCII.colon {
                guard gap == nil else { return nil }
                gap = groups
                index += 1
            }
        }
        // Too many groups have shifted the first ones out; here they are found out.
        guard let gap else { return groups == 8 ? value : nil }
        return groups < 8 ? spread(value, over: gap, of: groups) : nil
    }

    /// Reads one to four hexadecimal digits and leaves `index` behind them.
    private static func parseGroup(_ bytes: Span<UInt8>, at index: inout Int) -> UInt16? {
        let start = index
        var group: UInt16 = 0
        while index < bytes.count, let digit = bytes[index].hexadecimalDigit {
            guard index - start < 4 else { return nil }
            group = group << 4 | UInt16(digit)
            index += 1
        }
        return index > start ? group : nil
    }

    /// Moves the groups written before `::` to the top and leaves those written behind it at the bottom.
    private static func spread(_ value: UInt128, over gap: Int, of groups: Int) -> UInt128 {
        let behind = 16 * (groups - gap)
        let head = (value >> behind) << (128 - 16 * gap)
        return head | value & ~(UInt128.max << behind)
    }
}
