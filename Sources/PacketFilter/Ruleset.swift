// SPDX-License-Identifier: Apache-2.0

/// Everything that nf_tables has in one namespace at one moment, as the kernel compares it.
package struct Ruleset: Hashable, Sendable {
    /// What names a set: a table and a name within it.
    package struct SetKey: Hashable, Sendable {
        package let table: Table
        package let name: String

        package init(_ table: Table, _ name: String) {
            self.table = table
            self.name = name
        }
    }

    /// In the kernel's order; dormant tables are left out.
    package var chains: [InstalledChain] = []
    /// By chain, in order.
    package var rules: [Chain: [InstalledRule]] = [:]
    /// Named ones, and those that are written into rules.
    package var sets: [SetKey: RawSet] = [:]

    /// Nothing at all.
    package init() {}

    /// The chains that packets come to by themselves at a point, the first to be asked first.
    ///
    /// - Parameters:
    ///   - point: where.
    ///   - families: whose chains: `inet` and `ip` both see packets of IPv4.
    ///   - device: of a chain at `ingress` or `egress`.
    /// - Returns: the base chains, by priority.
    package func chains(at point: ChainHook.Point, of families: [Family], device: String? = nil) -> [InstalledChain] {
        let found = chains.filter { chain in
            guard let hook = chain.hook, hook.point == point, families.contains(chain.chain.table.family) else {
                return false
            }
            guard let device else { return true }
            return hook.isAt(device)
        }
        // Of one priority the chain that came last is asked first (nf_hook_entries_grow of the kernel); it lists tables,
        // and the chains of each, as they came.
        return found.enumerated().sorted { one, other in
            let priorities = (priority(one.element), priority(other.element))
            return priorities.0 != priorities.1 ? priorities.0 < priorities.1 : one.offset > other.offset
        }.map { $0.element }
    }

    private func priority(_ chain: InstalledChain) -> Int32 { chain.hook?.priority.rawValue ?? 0 }
}

/// A set or map without a look at its types: keys and values are octets as they lie in registers.
package struct RawSet: Hashable, Sendable {
    package struct Element: Hashable, Sendable {
        /// nil stands for every key that no other element has.
        package var key: [UInt8]?
        /// The last of a range; nil for a single key.
        package var upper: [UInt8]?
        package var value: Value

        package init(key: [UInt8]?, upper: [UInt8]? = nil, value: Value = .none) {
            self.key = key
            self.upper = upper
            self.value = value
        }
    }

    package enum Value: Hashable, Sendable {
        case none
        case octets([UInt8])
        case verdict(Verdict)
        /// A counter, a quota or the like, by the kernel's name for none of which there is room here.
        case object
    }

    /// How long each field of a key is, with the padding to four octets; one for a key that is no concatenation.
    package var fields: [Int]
    package var elements: [Element] = []

    package init(fields: [Int], elements: [Element] = []) {
        self.fields = fields
        self.elements = elements
    }

    /// The element that a key lies in, or the one for all others.
    ///
    /// - Complexity: linear; made to be asked once.
    package func element(_ key: [UInt8]) -> Element? {
        elements.first { $0.key != nil && contains(key, $0) } ?? elements.first { $0.key == nil }
    }

    private func contains(_ key: [UInt8], _ element: Element) -> Bool {
        guard let low = element.key, low.count <= key.count else { return false }
        let high = element.upper ?? low
        var start = 0
        for length in fields {
            let end = min(start + length, low.count)
            guard start < end else { break }
            let part = key[start..<end]
            if part.lexicographicallyPrecedes(low[start..<end]) || high[start..<end].lexicographicallyPrecedes(part) {
                return false
            }
            start = end
        }
        return true
    }
}

extension ChainHook {
    /// Whether it is of a device, by its name.
    package func isAt(_ name: String) -> Bool {
        guard let device else { return false }
        return ([device] + otherDevices).contains { own in
            own.hasSuffix("*") ? name.hasPrefix(own.dropLast()) : own == name
        }
    }
}

// For who makes a rule set up.
extension InstalledChain {
    /// A chain at a hook.
    package init(_ chain: Chain, at hook: ChainHook) {
        self.init(chain: chain, hook: hook)
    }
}

extension InstalledRule {
    /// A rule with the number that the kernel would have given it.
    package init(_ rule: Rule, handle: UInt64) {
        self.init(rule: rule, handle: handle)
    }
}
