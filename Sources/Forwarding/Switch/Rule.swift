// SPDX-License-Identifier: Apache-2.0

/// What becomes of the frames a rule is about.
public enum RuleAction: Hashable, Sendable, BitwiseCopyable {
    /// The switch goes on as if there were no rule.
    case permit
    /// The frame is dropped, and nothing is learned from it.
    case deny
    /// The frame goes to this interface, wherever its destination is.
    case redirect(InterfaceID)
    /// The switch goes on as if there were no rule, and this interface gets a copy.
    case mirror(InterfaceID)

    /// All of it in one word, for tables.
    var packed: UInt64 {
        switch self {
        case .permit: 0
        case .deny: 1
        case .redirect(let interface): 2 | UInt64(interface.index) << 16
        case .mirror(let interface): 3 | UInt64(interface.index) << 16
        }
    }

    @inline(__always)
    init(packed: UInt64) {
        let interface = InterfaceID(index: UInt16(truncatingIfNeeded: packed >> 16))
        switch packed & 3 {
        case 0: self = .permit
        case 1: self = .deny
        case 2: self = .redirect(interface)
        default: self = .mirror(interface)
        }
    }
}

/// One line of a ``RuleTable``.
public struct Rule: Hashable, Sendable {
    /// The highest decides; of equal ones the rule that was there first.
    public var priority: UInt32
    public var match: RuleMatch
    public var action: RuleAction

    public init(priority: UInt32, match: RuleMatch, action: RuleAction) {
        self.priority = priority
        self.match = match
        self.action = action
    }
}

/// The name of a rule in its table; never given twice.
public struct RuleID: Hashable, Sendable, BitwiseCopyable {
    public let number: UInt32

    public init(number: UInt32) {
        self.number = number
    }
}
