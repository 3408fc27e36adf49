// SPDX-License-Identifier: Apache-2.0
package import JSON

/// Numbers of addresses, which in IPv6 have up to 39 digits, as people and programs read them.
package enum CountText {
    /// Exact up to seven digits, then in thousands of thousands: `16.8M`, `18.4E`, and `3.4e38` beyond names.
    package static func brief(_ count: UInt128) -> String {
        guard count >= 10_000_000 else { return "\(count)" }
        var unit: UInt128 = 1
        for name in ["", "K", "M", "G", "T", "P", "E"] {
            if count / unit < 1000 { return scaled(count, by: unit) + name }
            unit *= 1000
        }
        let digits = "\(count)"
        return "\(digits.prefix(1)).\(digits.dropFirst().prefix(1))e\(digits.count - 1)"
    }

    /// With one digit behind the point as long as that says something; cut off, not rounded.
    private static func scaled(_ count: UInt128, by unit: UInt128) -> String {
        let tenths = count / (unit / 10)
        return tenths >= 1000 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    /// How much of the total that is; neither nothing nor everything unless it is.
    package static func percentage(_ part: UInt128, of total: UInt128) -> String {
        guard total > 0 else { return "-" }
        guard part > 0 else { return "0%" }
        guard part < total else { return "100%" }
        let percent = fraction(part, of: total) * 100
        if percent < 1 { return "<1%" }
        return percent > 99 ? ">99%" : "\(Int(percent))%"
    }

    /// A part of the total, 0 to 1.
    package static func fraction(_ part: UInt128, of total: UInt128) -> Double {
        guard total > 0 else { return 0 }
        return min(1, Double(part) / Double(total))
    }

    /// A number of JSON: exact up to 2^63 - 1, and to some fifteen digits beyond, as programs read it anyhow.
    package static func json(_ count: UInt128) -> JSONValue {
        if let number = Int64(exactly: count) { return .integer(number) }
        return .real(Double(count))
    }
}
