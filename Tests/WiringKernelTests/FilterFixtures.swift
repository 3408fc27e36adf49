// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import PacketFilter
import Wiring

/// What a program refused.
struct Refused: Error {
    let command: [String]
    let output: String
}

/// Runs a program that must succeed, in the namespace of the calling thread.
///
/// - Returns: what it wrote.
@discardableResult
func run(_ command: String..., input: String = "") throws -> String {
    let child = try ChildProcess.run(
        command[0],
        command,
        environment: ["PATH=/usr/sbin:/usr/bin"],
        input: Array(input.utf8),
        errorLimit: 4096
    )
    let output = String(decoding: child.output + child.errors, as: UTF8.self)
    guard child.ending == .exited(0) else { throw Refused(command: command, output: output) }
    return output
}

/// What nft writes of some words.
@discardableResult
func nft(_ words: String) throws -> String {
    try run("/usr/sbin/nft", "-f", "-", input: words + "\n")
}

func attachment(_ containerID: String, of network: String = "blue") -> AttachmentKey {
    AttachmentKey(network: network, containerID: containerID, interfaceName: "eth0")
}

/// A small layout with everything that a layout can have: a club, to which some containers belong.
enum Club {
    static let table = Table(.inet, "club")
    static let members = NamedSet(table, "members", key: [.ipv4Address], content: .verdict)
    static let doors = NamedSet(table, "doors", key: [.interfaceName], content: .verdict)
    static let open = Chain(table, "open")

    static let layout = FilterLayout(
        table,
        comment: "A club",
        sets: [members, doors],
        ownerless: [doors],
        sharedNames: ["room", "red", "green"],
        sharedRules: 2,
        chains: [
            FilterLayout.FixedChain(open, comment: "For everybody", isOpen: true),
            FilterLayout.FixedChain(
                Chain(table, "forward"),
                hook: ChainHook(.filter, .forward, priority: .filter, policy: .accept),
                rules: [
                    [.jump(open.name)], [.verdictMap([.ipSaddr], .set(members))],
                    [.verdictMap([.iifname], .set(doors))],
                ]
            ),
        ]
    )

    /// A member has an element, a rule, a chain of its own and a room that it shares with others.
    static func share(_ key: AttachmentKey, _ address: String, room: String = "room") throws -> FilterShare {
        var share = FilterShare(layout)
        let source = try cidr("\(address)/32")
        let shared = Chain(table, room)
        let own = Chain(table, "own-\(key.containerID)")
        let rules: [[Statement]] = [[.oifname(room), .accept], [.drop]]
        let door = SetElement(key: [.name(room)], verdict: .goto(room))
        share.shared = [
            .init(.init(shared, rules: rules.map { Rule(shared, $0) }), entries: [.init(doors, [door])])
        ]
        share.chains = [.init(own, rules: [Rule(own, [.saddr(source), .accept], comment: key.ruleComment)])]
        share.rules = [Rule(open, [.saddr(source), .jump(own.name)], comment: key.ruleComment)]
        let element = SetElement(key: [.address(source.address)], verdict: .goto(room), comment: key.ruleComment)
        share.elements = [.init(members, [element])]
        return share
    }
}

/// A layout of runs of ports.
enum Runs {
    private static let table = Table(.inet, "runs")
    private static let ports = NamedSet(
        table,
        "ports",
        key: [.inetService],
        content: .values([.interfaceName]),
        flags: .interval
    )

    static func share(_ key: AttachmentKey, _ runs: ClosedRange<UInt16>...) -> FilterShare {
        var share = FilterShare(FilterLayout(table, sets: [ports], chains: []))
        let elements = runs.map { SetElement(key: [.ports($0)], values: [.name("eth0")], comment: key.ruleComment) }
        share.elements = [.init(ports, elements)]
        return share
    }
}

extension FilterEngine {
    /// Makes a member of the club.
    func admit(_ key: AttachmentKey, _ address: String, room: String = "room", isFresh: Bool = true) throws {
        try install([Club.share(key, address, room: room)], of: key, isFresh: isFresh)
    }

    /// Takes a membership back.
    func expel(_ key: AttachmentKey, _ address: String, room: String = "room") throws {
        try remove([Club.share(key, address, room: room)], of: key)
    }

    func missing(_ key: AttachmentKey, _ address: String, room: String = "room") throws -> [String] {
        try missing([Club.share(key, address, room: room)], of: key)
    }
}

/// The whole rule set as nft has it, a line each, without the counters' numbers.
func ruleSet() throws -> [String] {
    try nft("list ruleset").split(separator: "\n").map { line in
        String(line.drop { $0 == "\t" })
    }
}
