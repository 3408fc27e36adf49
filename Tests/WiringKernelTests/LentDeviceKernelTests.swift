// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing
import Wiring

/// A stage with a device that has habits: one end of a pair, of which the other stays on the host.
private struct Lending: ~Copyable {
    let stage: Stage

    init() throws {
        let stage = try Stage()
        let pair = VethPair(
            host: VethPair.End(name: "ens1", address: mac(1)),
            container: VethPair.End(name: "far", address: mac(2)),
            mtu: 1400
        )
        let link = try stage.host.make(pair, bridge: nil, namespace: stage.home.rawDescriptor)
        try stage.host.execute([
            .setAlias("to the neighbour", link: link.index, name: "ens1"),
            .setUp(true, link: link.index, name: "ens1"),
        ])
        self.stage = stage
    }

    borrowing func move() throws -> DeviceMove {
        guard let found = try stage.host.details(ofLink: "ens1") else { throw Malformed(text: "ens1") }
        return DeviceMove(LentDevice(found), index: found.link.index, currentName: "ens1", name: "eth0")
    }

    /// What the links of a name are, here and there.
    borrowing func look(_ name: String = "ens1") throws -> [LentDevice?] {
        let there = try stage.inside.details(ofLink: "eth0").map { LentDevice($0) }
        return [try stage.host.details(ofLink: name).map { LentDevice($0) }, there]
    }

    /// Makes a link that has a name before the device does.
    static func take(_ name: String, on socket: borrowing NetlinkSocket) throws {
        try socket.execute(.addBridge(name, address: mac(9), mtu: 0, filtersVLANs: false))
    }
}

private let wanted = LentDevice(
    name: "ens1",
    alias: "to the neighbour",
    kind: "veth",
    address: mac(1),
    mtu: 1400,
    isUp: true
)

@Suite("Devices that are lent", .enabled(if: canUnshare, "needs root"))
struct LentDeviceKernelTests {
    @Test("A device goes under another name and bears its own, and comes back as it was")
    func thereAndBack() throws {
        let (scenes, leftovers) = try inNewNamespace {
            let lending = try Lending()
            var transaction = try lending.stage.transaction()
            try transaction.apply([.move(try lending.move())])
            var scenes = [try lending.look()]
            let leftovers = transaction.takeBack()
            scenes.append(try lending.look())
            return (scenes, leftovers)
        }
        let away = try #require(scenes[0][1])
        #expect(scenes[0][0] == nil && away.name == "eth0" && away.alias == "ens1" && !away.isUp)
        #expect(scenes[1] == [wanted, nil] && leftovers == [])
    }

    @Test("Whatever is refused after the move, the device comes back", arguments: ["inside", "here", "nowhere"])
    func refused(obstacle: String) throws {
        let (failure, scene) = try inNewNamespace {
            let lending = try Lending()
            let move = try lending.move()
            if obstacle == "inside" { try Lending.take("eth0", on: lending.stage.inside) }
            // Somebody else took it first, and brings it back.
            if obstacle == "nowhere" {
                let away = NetlinkRequest.move(
                    link: move.index,
                    name: "ens1",
                    to: lending.stage.container.rawDescriptor,
                    as: "other"
                )
                try lending.stage.host.execute(away)
            }
            let twice = InterfaceSpecification(
                name: "eth0",
                addresses: [try cidr("10.1.2.3/24"), try cidr("10.1.2.3/24")],
                routes: [],
                isUp: true,
                detectsDuplicates: false
            )
            var transaction = try lending.stage.transaction()
            let failure = transaction.failure(of: [.move(move), .interface(twice)])
            transaction.commit()
            let scene = obstacle == "nowhere" ? [try lending.look("ens1")[0]] : [try lending.look()[0]]
            return (failure, scene)
        }
        switch obstacle {
        case "inside": #expect(failure?.cause.errno == .fileExists && scene == [wanted])
        case "here": #expect(failure?.cause.errno == .fileExists && scene == [wanted])
        default: #expect(failure?.cause.errno == .noSuchDevice && scene == [nil])
        }
        #expect(failure?.leftovers == [])
    }

    @Test("What cannot be moved stays as it was, without our mark")
    func immovable() throws {
        let (failure, loopback) = try inNewNamespace {
            let stage = try Stage()
            guard let found = try stage.host.details(ofLink: "lo") else { throw Malformed(text: "lo") }
            let move = DeviceMove(LentDevice(found), index: found.link.index, currentName: "lo", name: "eth0")
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: [.move(move)])
            transaction.commit()
            return (failure, try stage.host.details(ofLink: "lo").map { LentDevice($0) })
        }
        #expect(failure?.cause.errno == .invalidArgument && failure?.leftovers == [])
        #expect(loopback?.alias == "" && loopback?.isUp == true)
    }

    @Test("What the kernel took back from a dead namespace gets its name and state again", arguments: ["eth0", "dev7"])
    func returned(name: String) throws {
        let (before, after, warnings) = try inNewNamespace {
            let lending = try Lending()
            let move = try lending.move()
            let transaction = try lending.stage.transaction(applying: .move(move))
            transaction.commit()
            guard let inside = try lending.stage.inside.link(named: "eth0") else { throw Malformed(text: "eth0") }
            let home = lending.stage.home.rawDescriptor
            try lending.stage.inside.execute(.move(link: inside.index, name: "eth0", to: home, as: name))
            let before = try lending.look(name)[0]
            var warnings: [String] = []
            try move.device.restore(on: lending.stage.host, &warnings)
            // Once more: there is nothing to do.
            try move.device.restore(on: lending.stage.host, &warnings)
            return (before, try lending.look(), warnings)
        }
        #expect(before?.name == name && before?.alias == "ens1" && before?.isUp == false)
        #expect(after == [wanted, nil] && warnings == [])
    }

    @Test("A device whose name is taken comes back under another one, and still says what it is")
    func nameTaken() throws {
        let (found, warnings, stranger) = try inNewNamespace {
            let lending = try Lending()
            let move = try lending.move()
            let transaction = try lending.stage.transaction(applying: .move(move))
            transaction.commit()
            for name in ["ens1", "eth0"] { try Lending.take(name, on: lending.stage.host) }
            let inside = try lending.look()[1]
            let home = try lending.stage.host.namespace()
            var warnings: [String] = []
            try move.device.moveHome(from: lending.stage.inside, called: "eth0", to: home)
            try move.device.restore(on: lending.stage.host, &warnings)
            let found = try lending.stage.host.allDetails().filter { $0.alias == "ens1" }.map { LentDevice($0) }
            return (inside == nil ? [] : found, warnings, try lending.look()[0])
        }
        #expect(found.count == 1 && found[0].name.hasPrefix("dev") && found[0].mtu == 1400 && found[0].isUp)
        #expect(warnings.count == 1 && warnings[0].contains("ens1"), "\(warnings)")
        #expect(stranger?.kind == "bridge")
    }

    @Test("A link that somebody wiped the mark off is the device only if it is known to be there")
    func unmarked() throws {
        let (answers, scene) = try inNewNamespace {
            let lending = try Lending()
            let move = try lending.move()
            let transaction = try lending.stage.transaction(applying: .move(move))
            transaction.commit()
            guard let inside = try lending.stage.inside.link(named: "eth0") else { throw Malformed(text: "eth0") }
            try lending.stage.inside.execute(.setAlias("", link: inside.index, name: "eth0"))
            let home = try lending.stage.host.namespace()
            let answers = [
                try move.device.moveHome(from: lending.stage.inside, called: "eth0", to: home),
                try move.device.moveHome(from: lending.stage.inside, called: "eth0", isThere: true, to: home),
                try move.device.moveHome(from: lending.stage.inside, called: "eth0", isThere: true, to: home),
            ]
            var warnings: [String] = []
            try move.device.restore(on: lending.stage.host, &warnings)
            return (answers, try lending.look())
        }
        #expect(answers == [false, true, false] && scene == [wanted, nil])
    }

    @Test(
        "What an alias makes of a link that nobody recorded",
        arguments: [
            ("ens1", true), ("", false), ("to the neighbour", false), ("sixteen-letters-x", false), ("a/b", false),
        ]
    )
    func marked(alias: String, isName: Bool) throws {
        let device = try inNewNamespace { () -> LentDevice? in
            let host = try NetlinkSocket()
            try host.execute(.setAlias(alias, link: 1, name: "lo"))
            return try host.details(ofLink: 1).flatMap { LentDevice(marked: $0) }
        }
        #expect(device?.name == (isName ? alias : nil))
        #expect(device?.isUp != true && device?.alias ?? "" == "")
    }
}

extension Stage {
    /// A transaction that has made one change.
    fileprivate borrowing func transaction(applying change: Change) throws -> Transaction {
        var transaction = try transaction()
        try transaction.apply([change])
        return transaction
    }
}
