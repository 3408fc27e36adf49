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
        unicodeScalars
            .split(separator: separator, maxSplits: limit - 1, omittingEmptySubsequences: false)
            .map { String($0) }
    }
}
