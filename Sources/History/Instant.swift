// SPDX-License-Identifier: Apache-2.0
internal import Pools

/// Points of time and stretches of it as operators type them, and as programs read them.
package enum Instant {
    /// A time as RFC 3339 spells it, or how long ago: `2026-11-22T01:02:03.5Z`, `10m`, `1h30m`, `2d`.
    ///
    /// - Parameters:
    ///   - text: what was typed.
    ///   - now: in nanoseconds since 1970.
    /// - Returns: nanoseconds since 1970; nil for anything else.
    package static func nanoseconds(of text: String, now: Int64) -> Int64? {
        if let ago = stretch(text) { return now - ago }
        return date(text)
    }

    /// A time with all its digits (RFC 3339): `2026-11-22T01:02:03.000000500Z`.
    package static func text(_ nanoseconds: Int64, digits: Int = 9) -> String {
        let whole = Moment.text(ofWall: nanoseconds)
        guard digits > 0, !whole.isEmpty else { return whole }
        let fraction = "\(nanoseconds % 1_000_000_000 + 1_000_000_000)".dropFirst().prefix(digits)
        return "\(whole.dropLast()).\(fraction)Z"
    }

    /// How long something took, with three digits or so: `850 ns`, `12.5 µs`, `2.03 ms`, `1.20 s`.
    package static func stretch(_ nanoseconds: Int64) -> String {
        let amount = max(0, nanoseconds)
        switch amount {
        case ..<1000: return "\(amount) ns"
        case ..<1_000_000: return "\(decimal(amount, 1000)) µs"
        case ..<1_000_000_000: return "\(decimal(amount, 1_000_000)) ms"
        default: return "\(decimal(amount, 1_000_000_000)) s"
        }
    }

    private static func decimal(_ amount: Int64, _ unit: Int64) -> String {
        let whole = amount / unit
        let hundredths = amount % unit * 100 / unit
        switch whole {
        case ..<10: return "\(whole).\(hundredths < 10 ? "0" : "")\(hundredths)"
        case ..<100: return "\(whole).\(hundredths / 10)"
        default: return "\(whole)"
        }
    }

    private static func stretch(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        var seconds: Int64 = 0
        var digits = ""
        guard !text.isEmpty, text.utf8.count <= 20 else { return nil }
        for letter in text {
            if letter.isASCII, letter.isNumber {
                digits.append(letter)
            } else {
                guard let unit = units[letter], let number = Int64(digits), number < 1 << 20 else { return nil }
                seconds += number * unit
                digits = ""
            }
        }
        return digits.isEmpty ? seconds * 1_000_000_000 : nil
    }

    /// RFC 3339, 5.6; the time zone may be an offset.
    private static func date(_ text: String) -> Int64? {
        var rest = Array(text.uppercased().utf8)[...]
        guard let year = number(&rest, 4), skip("-", &rest), let month = number(&rest, 2), skip("-", &rest),
            let day = number(&rest, 2), skip("T", &rest) || skip(" ", &rest), let hour = number(&rest, 2),
            skip(":", &rest), let minute = number(&rest, 2), skip(":", &rest), let second = number(&rest, 2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60,
            let fraction = fraction(&rest), let offset = offset(&rest), rest.isEmpty
        else { return nil }
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return seconds * 1_000_000_000 + fraction
    }

    private static func number(_ rest: inout ArraySlice<UInt8>, _ digits: Int) -> Int64? {
        guard rest.count >= digits else { return nil }
        var value: Int64 = 0
        for octet in rest.prefix(digits) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) else { return nil }
            value = value * 10 + Int64(octet - UInt8(ascii: "0"))
        }
        rest = rest.dropFirst(digits)
        return value
    }

    private static func skip(_ letter: Unicode.Scalar, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.first == UInt8(ascii: letter) else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// In nanoseconds; what is finer is dropped.
    private static func fraction(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        guard skip(".", &rest) else { return 0 }
        guard var value = number(&rest, 1) else { return nil }
        value *= 100_000_000
        var unit: Int64 = 10_000_000
        while let digit = number(&rest, 1) {
            value += digit * unit
            unit /= 10
        }
        return value
    }

    /// How far the zone is east, in seconds.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        if skip("Z", &rest) { return 0 }
        let isEast = skip("+", &rest)
        guard isEast || skip("-", &rest), let hours = number(&rest, 2), skip(":", &rest),
            let minutes = number(&rest, 2), hours < 24, minutes < 60
        else { return nil }
        return (hours * 3600 + minutes * 60) * (isEast ? 1 : -1)
    }

    /// Days since 1970, as Howard Hinnant derives them.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
