// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The parts between separators, empty ones included.
    ///
    /// Splits between code points, so that a combining mark after a separator cannot hide it, as it would from
    /// `split` on characters.
    ///
    /// - Parameters:
    ///   - separator: What stands between the parts.
    ///   - limit: The last of this many parts is not split any further.
    /// - Returns: At least one part.
    func pieces(separatedBy separator: Unicode.Scalar, atMost limit: Int = .max) -> [String] {
        var pieces: [String] = []
        var start = utf8.startIndex
        // A scalar that is ASCII is one byte, and that byte is in no other scalar.
        precondition(separator.isASCII, "separators are ASCII")
        for position in utf8.indices where utf8[position] == UInt8(separator.value) && pieces.count < limit - 1 {
            pieces.append(String(self[start..<position]))
            start = utf8.index(after: position)
        }
        pieces.append(String(self[start...]))
        return pieces
    }
}
