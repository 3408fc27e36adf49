// SPDX-License-Identifier: Apache-2.0

extension VirtualSwitch {
    /// Adds a rule.
    ///
    /// - Returns: the name to remove it by.
    @discardableResult
    public mutating func addRule(_ rule: Rule) -> RuleID {
        changes += 1
        return rules.insert(rule)
    }

    /// Adds many rules, which takes much less time than to add one after the other.
    ///
    /// - Returns: the names to remove them by, in their order.
    @discardableResult
    public mutating func addRules(_ more: [Rule]) -> [RuleID] {
        changes += 1
        return rules.insert(contentsOf: more)
    }

    /// Changes what becomes of frames that a rule is about; see ``RuleTable/setAction(of:to:)``.
    ///
    /// - Returns: false when there is none of that name.
    @discardableResult
    public mutating func setAction(ofRule id: RuleID, to action: RuleAction) -> Bool {
        guard rules.setAction(of: id, to: action) else { return false }
        changes += 1
        return true
    }

    /// Removes a rule.
    ///
    /// - Returns: the rule, or nil when there is none of that name.
    @discardableResult
    public mutating func removeRule(_ id: RuleID) -> Rule? {
        guard let rule = rules.remove(id) else { return nil }
        changes += 1
        return rule
    }

    /// Removes all rules.
    public mutating func removeAllRules() {
        changes += 1
        rules = RuleTable(seed: settings.seed)
    }
}
