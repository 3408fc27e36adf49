// SPDX-License-Identifier: Apache-2.0

extension Rule {
    /// Whether two rules do the same: what was counted so far does not matter, nor how a literal set was written.
    ///
    /// Comments matter. A rule of the kernel's has to be read together with its literal sets.
    package func isEquivalent(to other: Rule) -> Bool {
        guard chain == other.chain, comment == other.comment, expressions.count == other.expressions.count else {
            return false
        }
        for (mine, others) in zip(expressions, other.expressions) where !mine.isEquivalent(to: others) { return false }
        return true
    }
}

extension Expression {
    fileprivate func isEquivalent(to other: Expression) -> Bool {
        switch (self, other) {
        case (.counter, .counter): true
        case (.quota(let bytes, _, let isInverted), .quota(let others, _, let isOtherInverted)):
            bytes == others && isInverted == isOtherInverted
        case (.lookup(let mine), .lookup(let others)):
            mine.key == others.key && mine.target == others.target && mine.set.isEquivalent(to: others.set)
        default: self == other
        }
    }
}

extension SetReference {
    fileprivate func isEquivalent(to other: SetReference) -> Bool {
        guard case .literal(let mine) = self, case .literal(let others) = other else { return self == other }
        return mine.key == others.key && mine.content == others.content && mine.canonical == others.canonical
    }
}

extension LiteralSet {
    /// The elements in an order, ranges merged, as often as not in other words than they were written.
    fileprivate var canonical: [CanonicalElement] {
        var elements: [CanonicalElement] = []
        for part in parts {
            switch part {
            case .element(let element, let key, let upper, _):
                let isRange = upper != nil && upper != key
                elements.append(
                    CanonicalElement(low: key, high: isRange ? upper : nil, isEnd: false, content: element.content)
                )
            case .end(let octets):
                elements.append(CanonicalElement(low: octets, high: nil, isEnd: true, content: .none))
            }
        }
        elements.sort { $0.low == $1.low ? $0.isEnd && !$1.isEnd : $0.low.lexicographicallyPrecedes($1.low) }
        return elements
    }
}

private struct CanonicalElement: Equatable {
    let low: [UInt8]
    let high: [UInt8]?
    let isEnd: Bool
    let content: SetElement.Content
}
