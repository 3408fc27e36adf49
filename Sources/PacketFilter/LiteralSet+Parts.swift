// SPDX-License-Identifier: Apache-2.0

extension LiteralSet {
    /// One entry of the list that the kernel gets.
    enum Part {
        case element(SetElement, key: [UInt8], upper: [UInt8]?, isOpen: Bool)
        /// From here on there is no range.
        case end([UInt8])
    }

    /// The list that nft would make of the elements: ranges of one field in order, with their ends between them.
    var parts: [Part] {
        let form = form
        guard form.splitsRanges else {
            return elements.map { element in
                let upper = form.hasRanges ? form.octets(element.key, upper: true) : nil
                return .element(element, key: form.octets(element.key), upper: upper, isOpen: false)
            }
        }
        let ranges = sortedRanges(form)
        var parts: [Part] = []
        // Whatever comes before the first range is said to be none.
        if let first = ranges.first, first.low.contains(where: { $0 != 0 }) {
            parts.append(.end([UInt8](repeating: 0, count: first.low.count)))
        }
        for (index, range) in ranges.enumerated() {
            let end = SetElement.successor(of: range.high)
            parts.append(.element(range.element, key: range.low, upper: nil, isOpen: end == nil))
            // Where the next range begins this one ends.
            let isFollowed = index + 1 < ranges.count && ranges[index + 1].low == end
            if let end, !isFollowed { parts.append(.end(end)) }
        }
        return parts
    }

    private struct Range {
        var low: [UInt8]
        var high: [UInt8]
        let element: SetElement
    }

    /// Ranges in order; in a set those that touch or overlap are one.
    private func sortedRanges(_ form: ElementForm) -> [Range] {
        var ranges: [Range] = []
        for element in elements {
            let range = Range(
                low: form.octets(element.key),
                high: form.octets(element.key, upper: true),
                element: element
            )
            ranges.append(range)
        }
        ranges.sort { $0.low.lexicographicallyPrecedes($1.low) }
        guard content == .none else { return ranges }
        var merged: [Range] = []
        for range in ranges {
            guard let last = merged.last else {
                merged.append(range)
                continue
            }
            let end = SetElement.successor(of: last.high)
            if let end, end.lexicographicallyPrecedes(range.low) {
                merged.append(range)
            } else if last.high.lexicographicallyPrecedes(range.high) {
                merged[merged.count - 1].high = range.high
            }
        }
        return merged
    }
}
