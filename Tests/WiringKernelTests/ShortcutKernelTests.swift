// SPDX-License-Identifier: Apache-2.0
import Addressing
import FastPath
import Forwarding
import Linux
import Netlink
import TestSupport
import Testing
import Wiring

/// What the kernel knows of shortcuts.
private struct Sight: Equatable, Sendable {
    var ports: [UInt32]
    var stations: [UInt32]

    static let nothing = Sight(ports: [], stations: [])

    static func now() throws -> Sight {
        guard let path = try FastPath.existing() else { return .nothing }
        return Sight(
            ports: try path.allPorts().map(\.link).sorted(),
            stations: try path.allStations().map(\.link).sorted()
        )
    }
}

@Suite("Shortcuts in transactions", .enabled(if: canUnshare, "needs root"))
struct ShortcutKernelTests {
    /// The whole plan of a bridge network with a shortcut before its last step.
    private static func changes(_ plan: Plan, sources: [MACAddress]? = nil) throws -> [Change] {
        var interface = VirtualInterface(plan.pair.host.name)
        interface.allowedSources = sources
        let shortcut = Shortcut(
            interface,
            of: plan.bridge.name,
            knowsVLANs: false,
            address: plan.pair.container.address
        )
        var changes = try plan.changes()
        changes.insert(.shortcut(shortcut), at: 7)
        return changes
    }

    @Test("What is committed stands, with nothing to complain of")
    func commit() throws {
        let (failure, warnings, sight, port, missing) = try inNewNamespace {
            try ownPrograms()
            let stage = try Stage()
            let changes = try Self.changes(Plan())
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: changes)
            let warnings = transaction.warnings
            transaction.commit()
            let scene = try stage.look()
            var missing: [String] = []
            for case .shortcut(let shortcut) in changes {
                missing += try shortcut.missing(link: scene.port?.index ?? 0, bridge: scene.bridge?.index ?? 0)
                missing += try shortcut.missing(link: scene.port?.index ?? 0, bridge: 77)
            }
            return (failure, warnings, try Sight.now(), UInt32(scene.port?.index ?? 0), missing)
        }
        #expect(failure == nil && !warnings.contains { $0.contains("shortcut") })
        #expect(port > 0 && sight == Sight(ports: [port], stations: [port]))
        #expect(missing == ["the shortcut of veth0 is for another bridge"])
    }

    @Test("What is refused or dies uncommitted takes it back")
    func takeBack() throws {
        let (failure, refused, alive, dead) = try inNewNamespace {
            try ownPrograms()
            let stage = try Stage()
            var plan = Plan()
            plan.vanishes = true
            // The pair is gone before the shortcut is taken back: what nobody can name is swept.
            let failure = try {
                var transaction = try stage.transaction()
                return transaction.failure(of: try Self.changes(plan) + [.noLink("lo")])
            }()
            try Shortcut.sweep(on: stage.host)
            let refused = try Sight.now()
            let alive = try {
                var transaction = try stage.transaction()
                try transaction.apply(try Self.changes(Plan()))
                return try Sight.now()
            }()
            return (failure, refused, alive, try Sight.now())
        }
        #expect(failure != nil && refused == .nothing)
        #expect(alive.ports.count == 1 && alive.stations == alive.ports)
        #expect(dead == .nothing)
    }

    @Test("Where there can be none, all else is made, and the reason is told")
    func warnings() throws {
        let (failure, warnings, isMade) = try inNewNamespace {
            let stage = try Stage()
            var transaction = try stage.transaction()
            let changes = try Self.changes(Plan())
            try hideDirectory("/sys")
            let failure = transaction.failure(of: changes)
            let warnings = transaction.warnings
            transaction.commit()
            return (failure, warnings, try stage.look().interface?.isUp == true)
        }
        #expect(failure == nil && isMade)
        #expect(warnings.contains { $0.hasPrefix("no shortcut for veth0: ") }, "\(warnings)")
    }

    @Test("Of one that only the bridge can serve, the kernel is told nothing")
    func obstacle() throws {
        let (warnings, sight) = try inNewNamespace {
            try ownPrograms()
            let stage = try Stage()
            var transaction = try stage.transaction()
            try transaction.apply(try Self.changes(Plan(), sources: [mac(3), mac(4)]))
            let warnings = transaction.warnings
            return (warnings, try Sight.now())
        }
        #expect(warnings.contains("no shortcut for veth0: it has several hardware addresses"))
        #expect(sight == .nothing)
    }

    @Test("A sweep forgets whose link is gone, and nobody else")
    func sweep() throws {
        let (before, after, port) = try inNewNamespace {
            try ownPrograms()
            let stage = try Stage()
            var transaction = try stage.transaction()
            try transaction.apply(try Self.changes(Plan()))
            transaction.commit()
            guard let path = try FastPath.existing() else { return (Sight.nothing, Sight.nothing, UInt32(0)) }
            let ghost = FastPathPort(link: 4_000, bridge: 3, address: mac(7))
            try path.setPort(ghost)
            try path.addStation(FastPathStation(ghost))
            try path.addStation(FastPathStation(bridge: 3, address: mac(8), link: 4_001))
            let before = try Sight.now()
            try Shortcut.sweep(on: stage.host)
            try Shortcut.sweep(on: stage.host)
            return (before, try Sight.now(), UInt32(try stage.look().port?.index ?? 0))
        }
        #expect(before == Sight(ports: [port, 4_000], stations: [port, 4_000, 4_001]))
        #expect(after == Sight(ports: [port], stations: [port]))
    }

    @Test("What was known of another link with the number or the address is forgotten; what a port counted stays")
    func leftovers() throws {
        let (sight, stranger) = try inNewNamespace {
            try ownPrograms()
            let stage = try Stage()
            var transaction = try stage.transaction()
            let changes = try Self.changes(Plan())
            try transaction.apply(Array(changes[..<7]))
            let port = UInt32(try stage.look().port?.index ?? 0)
            let path = try FastPath()
            let bridge = UInt32(try stage.look().bridge?.index ?? 0)
            for old in [
                FastPathPort(link: port, bridge: 99, address: mac(9)),
                FastPathPort(link: 4_000, bridge: bridge, address: mac(3)),
            ] {
                try path.setPort(old)
                try path.addStation(FastPathStation(old))
            }
            try transaction.apply(Array(changes[7...]))
            transaction.commit()
            return (try Sight.now(), try path.station(99, 0, mac(9)))
        }
        #expect(sight.ports.count == 2 && sight.stations == [sight.ports[0]])
        #expect(stranger == nil)
    }
}
