// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody may have meant.
enum Spelling {
    /// The nearest of some words, if it is near enough to be meant: two slips, or one in a short word.
    static func nearest(to word: String, of words: [String]) -> String? {
        let limit = word.utf8.count <= 4 ? 1 : 2
        let distances = words.map { ($0, distance(Array(word.lowercased().utf8), Array($0.lowercased().utf8))) }
        guard let best = distances.min(by: { $0.1 < $1.1 }), (1...limit).contains(best.1) else { return nil }
        return best.0
    }

    /// How many octets have to be put in, left out, replaced or exchanged with the next one.
    ///
    /// Optimal string alignment.
    static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...other.count)
        for row in one.indices {
            var line = [row + 1]
            for column in other.indices {
                var cost = min(
                    last[column + 1] + 1,
                    line[column] + 1,
                    last[column] + (one[row] == other[column] ? 0 : 1)
                )
                if row > 0, column > 0, one[row] == other[column - 1], one[row - 1] == other[column] {
                    cost = min(cost, before[column - 1] + 1)
                }
                line.append(cost)
            }
            (before, last) = (last, line)
        }
        return last[other.count]
    }
}
