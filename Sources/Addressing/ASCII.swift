// SPDX-License-Identifier: Apache-2.0

/// The punctuation of address texts as UTF-8 code units.
enum ASCII {
    static let colon = UInt8(ascii: ":")
    static let dash = UInt8(ascii: "-")
    static let dot = UInt8(ascii: ".")
    static let percent = UInt8(ascii: "%")
    static let slash = UInt8(ascii: "/")
    static let zero = UInt8(ascii: "0")
}

extension UInt8 {
    /// The value of this code unit as a decimal digit, or nil when it is none.
    var decimalDigit: UInt8? {
        let value = self &- ASCII.zero
        return value < 10 ? value : nil
    }

    /// The value of this code unit as a hexadecimal digit of either case, or nil when it is none.
    var hexadecimalDigit: UInt8? {
        if let value = decimalDigit { return value }
        // Bit 5 is all that distinguishes the cases of an ASCII letter.
        let letter = (self | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter + 10 : nil
    }
}

extension [UInt8] {
    /// Appends one lower-case hexadecimal digit; only the low four bits of `value` count.
    mutating func appendHexadecimalDigit(_ value: UInt8) {
        let digit = value & 0xf
        append(digit < 10 ? ASCII.zero + digit : UInt8(ascii: "a") + digit - 10)
    }

    /// Appends a number of at most three digits in decimal, without leading zeros.
    mutating func appendDecimal(_ value: UInt8) {
        if value >= 100 { append(ASCII.zero + value / 100) }
        if value >= 10 { append(ASCII.zero + value / 10 % 10) }
        append(ASCII.zero + value % 10)
    }
}
