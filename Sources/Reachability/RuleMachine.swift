// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import PacketFilter

/// What rules can know of a packet where they stand.
struct HookPacket {
    var packet: Packet
    /// Of the table that asks.
    var family: Family
    var point: ChainHook.Point
    var input: HostModel.Link?
    var output: HostModel.Link?
    /// On a bridge: the bridge's name.
    var bridge: String?
    var connection: Connection?
    var isReply = false
    /// Whether it is an error that belongs to a connection.
    var isRelated = false
    /// Whether a rule said that it is not to be tracked.
    var isUntracked = false
    var mark: UInt32 = 0
    /// `PACKET_*`: 0 to this host, 1 broadcast, 2 multicast, 3 to somebody else.
    var packetType: UInt8 = 0
    var namespace: HostModel.Namespace
}

/// What one rule says.
enum RuleOutcome: Equatable {
    /// It is about other packets, or says nothing.
    case nothing
    case verdict(Verdict)
    case reject(Notice)
    case translate(Translation)
    /// Something in it is not understood; a following verdict may hold or not.
    case unknown(String, then: Verdict?)
}

/// What becomes of an address and a port.
struct Translation: Hashable, Sendable {
    var isDestination: Bool
    /// nil stays; of ``usesLink`` it is the link's.
    var address: IPAddress?
    var port: UInt16?
    /// Whether the address is that of the link that the packet comes or goes by.
    var usesLink = false
    /// Whether one of several is taken by chance.
    var isChoice = false
}

/// Executes the expressions of one rule as the kernel does (`nft_do_chain`).
struct RuleMachine {
    let ruleset: Ruleset
    var hook: HookPacket
    /// Sixteen words of four octets.
    private var registers = [UInt8](repeating: 0, count: 80)
    /// What went on that is worth a word, such as a limit that was taken for not reached.
    private(set) var remarks: [String] = []

    init(_ ruleset: Ruleset, _ hook: HookPacket) {
        self.ruleset = ruleset
        self.hook = hook
    }

    private enum Step {
        case on
        case mismatch
        case end(RuleOutcome)
        case unknown(String)
    }

    /// Executes a rule.
    mutating func run(_ rule: Rule) -> RuleOutcome {
        for (index, expression) in rule.expressions.enumerated() {
            switch execute(expression, rule.chain.table) {
            case .on: continue
            case .mismatch: return .nothing
            case .end(let outcome): return outcome
            case .unknown(let words):
                return Self.unknown(words, rule.expressions[(index + 1)...])
            }
        }
        return .nothing
    }

    /// What is not understood matters only when something follows that decides.
    private static func unknown(_ words: String, _ rest: ArraySlice<Expression>) -> RuleOutcome {
        for expression in rest {
            switch expression {
            case .verdict(.continue): continue
            case .verdict(let verdict): return .unknown(words, then: verdict)
            case .lookup(let lookup) where lookup.target == .verdict: return .unknown(words, then: nil)
            case .reject, .nat, .masquerade, .redirect, .notrack, .metaSet, .ctSet, .payloadSet:
                return .unknown(words, then: nil)
            case .unknown(let name, let octets):
                guard name == "target" else { continue }
                if ForeignExtension(name, octets)?.isHarmless == true { continue }
                return .unknown(words, then: nil)
            default: continue
            }
        }
        return .nothing
    }

    // MARK: - Registers

    private static func offset(_ register: Register) -> Int {
        register.rawValue < 8 ? Int(register.rawValue &- 1) * 16 : Int(register.rawValue &- 8) * 4
    }

    func read(_ register: Register, _ count: Int) -> [UInt8] {
        let start = Self.offset(register)
        guard start >= 0, start + count <= registers.count else { return [] }
        return Array(registers[start..<(start + count)])
    }

    /// Writes, and fills the last word with zeros.
    private mutating func write(_ register: Register, _ octets: [UInt8]) {
        let start = Self.offset(register)
        let padded = octets + [UInt8](repeating: 0, count: (4 - octets.count % 4) % 4)
        guard start >= 0, start + padded.count <= registers.count else { return }
        registers.replaceSubrange(start..<(start + padded.count), with: padded)
    }

    // MARK: - Expressions

    private mutating func execute(_ expression: Expression, _ table: Table) -> Step {
        switch expression {
        case .payload(let base, let offset, let length, let target):
            guard let octets = payload(base, offset, length) else { return .mismatch }
            write(target, octets)
            return .on
        case .meta(let key, let target): return load(meta(key), "meta key \(key.rawValue)", target)
        case .metaSet(let key, let source):
            if key == .mark { hook.mark = Self.number(read(source, 4)) }
            return .on
        case .ct(let key, let direction, let target):
            guard hook.connection != nil || key == .state else { return .mismatch }
            return load(connection(key, direction), "ct key \(key.rawValue)", target)
        case .ctSet(let key, _, let source):
            let value = Self.number(read(source, 4))
            if key == .mark { hook.connection?.mark = value }
            return .on
        case .fib(let result, let flags, let target):
            return load(fib(result, flags), "fib", target)
        case .immediate(let target, let octets):
            write(target, octets)
            return .on
        case .compare, .range, .bitwise, .byteorder: return compute(expression)
        case .lookup(let lookup): return look(lookup, table)
        default: return conclude(expression)
        }
    }

    private mutating func load(_ octets: [UInt8]?, _ words: String, _ target: Register) -> Step {
        guard let octets else { return .unknown(words) }
        write(target, octets)
        return .on
    }

    private mutating func compute(_ expression: Expression) -> Step {
        switch expression {
        case .compare(let comparison, let source, let octets):
            return Self.holds(comparison, read(source, octets.count), octets) ? .on : .mismatch
        case .range(let isInverted, let source, let low, let high):
            let value = read(source, low.count)
            let isWithin = !value.lexicographicallyPrecedes(low) && !high.lexicographicallyPrecedes(value)
            return isWithin != isInverted ? .on : .mismatch
        case .bitwise(let source, let target, let mask, let xor):
            let value = read(source, mask.count)
            write(target, zip(zip(value, mask), xor).map { $0.0 & $0.1 ^ $1 })
        case .byteorder(let source, let target, _, let length, let size):
            let value = read(source, length)
            var turned: [UInt8] = []
            for start in stride(from: 0, to: value.count, by: max(size, 1)) {
                turned += value[start..<min(start + size, value.count)].reversed()
            }
            write(target, turned)
        default: break
        }
        return .on
    }

    private static func holds(_ comparison: Comparison, _ value: [UInt8], _ other: [UInt8]) -> Bool {
        switch comparison {
        case .equal: value == other
        case .notEqual: value != other
        case .less: value.lexicographicallyPrecedes(other)
        case .lessOrEqual: !other.lexicographicallyPrecedes(value)
        case .greater: other.lexicographicallyPrecedes(value)
        case .greaterOrEqual: !value.lexicographicallyPrecedes(other)
        }
    }

    private mutating func look(_ lookup: Lookup, _ table: Table) -> Step {
        guard case .named(let name) = lookup.set, let set = ruleset.sets[Ruleset.SetKey(table, name)] else {
            return .unknown("a set that cannot be read")
        }
        let found = set.element(read(lookup.key, set.fields.reduce(0, +)))
        switch lookup.target {
        case .none: return found == nil ? .mismatch : .on
        case .inverted: return found == nil ? .on : .mismatch
        case .register(let target):
            guard let found else { return .mismatch }
            guard case .octets(let octets) = found.value else { return .unknown("a map of objects") }
            write(target, octets)
            return .on
        case .verdict:
            guard let found else { return .mismatch }
            guard case .verdict(let verdict) = found.value else { return .unknown("a map of objects") }
            return verdict == .continue ? .on : .end(.verdict(verdict))
        }
    }

    private mutating func conclude(_ expression: Expression) -> Step {
        switch expression {
        case .verdict(.continue), .counter: return .on
        case .verdict(let verdict): return .end(.verdict(verdict))
        case .nat(let nat): return .end(.translate(translation(nat)))
        case .masquerade(let ports):
            return .end(.translate(Translation(isDestination: false, port: port(ports), usesLink: true)))
        case .redirect(let ports):
            return .end(.translate(Translation(isDestination: true, port: port(ports), usesLink: true)))
        case .reject(let type, let code): return .end(.reject(rejection(type, code)))
        case .log: return .on
        case .limit(let limit):
            remarks.append("a limit is taken for not reached")
            return limit.isInverted ? .mismatch : .on
        case .quota(let bytes, let consumed, let isInverted): return (consumed < bytes) != isInverted ? .on : .mismatch
        case .connectionLimit(_, let isInverted):
            remarks.append("a limit of connections is taken for not reached")
            return isInverted ? .mismatch : .on
        case .notrack:
            hook.connection = nil
            hook.isUntracked = true
            return .on
        case .unknown(let name, let octets): return foreign(name, octets)
        case .hash(_, _, let modulus, _, let offset, let target):
            guard modulus == 1 else { return .unknown("hash") }
            write(target, Self.octets(offset))
            return .on
        case .numberGenerator(let generator, let target):
            guard generator.modulus == 1 else { return .unknown("a number by chance") }
            write(target, Self.octets(generator.offset))
            return .on
        case .payloadSet: return .unknown("the rule writes into the packet")
        default: return .unknown(expression.description)
        }
    }

    private mutating func foreign(_ name: String, _ octets: [UInt8]) -> Step {
        if name == "objref" || name == "dynset" { return .on }
        guard let known = ForeignExtension(name, octets) else {
            return .unknown("the expression \(ForeignExtension.title(name, octets)) is not understood here")
        }
        switch known.evaluate(hook) {
        case .matches(true): return .on
        case .matches(false): return .mismatch
        case .translate(let translation): return .end(.translate(translation))
        case .reject(let rejection): return .end(.reject(rejection))
        case .mark(let value, let mask):
            hook.mark = hook.mark & ~mask ^ value
            return .on
        }
    }

    static func octets(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }

    static func number(_ octets: [UInt8]) -> UInt32 {
        octets.count == 4 ? octets.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } : 0
    }
}
