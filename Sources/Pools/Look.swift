// SPDX-License-Identifier: Apache-2.0

/// What a terminal, or whatever else the output goes to, can show.
package struct Look: Hashable, Sendable {
    /// Whether text may be coloured.
    package var hasColor: Bool
    /// Whether blocks and shades can be drawn; else `#` and `.` have to do.
    package var hasBlocks: Bool
    /// In columns; nil when the output is no terminal.
    package var width: Int?

    package init(hasColor: Bool = false, hasBlocks: Bool = true, width: Int? = nil) {
        self.hasColor = hasColor
        self.hasBlocks = hasBlocks
        self.width = width
    }

    /// Text that means something by its colour too.
    package enum Tint: String, Hashable, Sendable {
        case plain = ""
        case bold = "1"
        case dim = "2"
        case good = "32"
        case notable = "33"
        case bad = "31"
        case name = "36"
        case kept = "35"
    }

    /// A text in a colour (ECMA-48, SGR), or as it is.
    package func tinted(_ text: String, _ tint: Tint) -> String {
        guard hasColor, tint != .plain, !text.isEmpty else { return text }
        return "\u{1b}[\(tint.rawValue)m\(text)\u{1b}[0m"
    }
}
