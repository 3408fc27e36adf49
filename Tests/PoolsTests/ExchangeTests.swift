// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import JSON
import LeaseStore
import Linux
import Plugin
import Pools
import TestSupport
import Testing

@Suite("Export and import")
struct ExchangeTests {
    private static func rows(_ text: String, _ form: ExchangeForm = .jsonl) throws -> [ExchangeRow] {
        try ExchangeText.rows(of: Array(text.utf8), form, network: "blue", file: "f")
    }

    private static func exported(_ blue: TestNetwork) throws -> [ExchangeRow] {
        var rows: [ExchangeRow] = []
        try blue.network.forEachRow(blue.settings) { rows.append($0) }
        return rows
    }

    private static func filled(_ root: String) throws -> TestNetwork {
        let blue = try TestNetwork(root)
        try blue.lease("10.1.2.3", "c1", in: "\(root)/n1")
        try blue.network.reserve(
            try AddressRun(parsing: "10.1.2.16/30"),
            for: "default/web-0",
            note: "a \"web\", or so",
            blue.settings
        )
        let owner = LeaseOwner(containerID: "vm", interfaceName: "eth1")
        _ = try blue.network.allocate(for: owner, requested: IPAddress("fd01::77"), note: "n", blue.settings)
        return blue
    }

    @Test(
        "What is exported is imported, in every form, and a second time changes nothing",
        arguments: ExchangeForm.allCases
    )
    func story(form: ExchangeForm) throws {
        try withTemporaryDirectory { root in
            try makeDirectory("\(root)/a")
            try makeDirectory("\(root)/b")
            let (here, there) = (try Self.filled("\(root)/a"), try TestNetwork("\(root)/b"))
            let rows = try Self.exported(here)
            let read: [ExchangeRow]
            switch form {
            case .jsonl:
                let lines = rows.map { String(decoding: $0.json.serialized(), as: UTF8.self) }
                read = try Self.rows(lines.joined(separator: "\n"))
            case .csv: read = try Self.rows(([ExchangeRow.csvHeader] + rows.map(\.csv)).joined(separator: "\r\n"), .csv)
            case .hostLocal:
                for row in rows { try ExchangeDirectory.write(row, to: "\(root)/copy") }
                read = try ExchangeDirectory.rows(in: "\(root)/copy", network: nil)
            }
            if form != .hostLocal { #expect(read == rows) }
            for isFirst in [true, false] {
                let dry = try there.network.importing(read, isDry: true, there.settings) { _, _ in }
                #expect(dry.isEmpty != isFirst && dry.conflicts.isEmpty)
                let plan = try there.network.importing(read, isDry: false, there.settings) { _, _ in }
                #expect(plan.leases.count == (isFirst ? 2 : 0))
            }
            for name in ["10.1.2.3", "fd01::77", "10.1.2.16", "10.1.2.19"] {
                #expect(try there.content(name) == here.content(name))
            }
            if form != .hostLocal { #expect(try Self.exported(there) == rows) }
            #expect(try there.problems() == [])
        }
    }

    @Test("One conflict keeps all of it out, and names both owners")
    func conflicts() throws {
        try withTemporaryDirectory { root in
            let blue = try Self.filled(root)
            let before = try listDirectory("\(root)/blue")
            let rows = try Self.rows(
                """
                {"address": "10.1.2.40", "containerID": "new"}
                {"address": "10.1.2.3", "containerID": "other", "interface": "eth0"}
                {"address": "10.1.2.17", "containerID": "other"}
                {"address": "10.1.2.41", "containerID": "a"}
                {"address": "10.1.2.41", "containerID": "b"}
                {"address": "10.1.2.0-10.1.2.4", "kind": "reserved"}
                {"address": "10.1.2.18", "kind": "reserved", "reservedFor": "db"}
                """
            )
            let plan = try blue.network.importing(rows, isDry: false, blue.settings) { _, _ in }
            #expect(
                plan.conflicts == [
                    "10.1.2.3: other eth0 is to have it, and c1 eth0 has it",
                    "10.1.2.17: other is to have it, and a reservation for default/web-0 has it",
                    "10.1.2.41: b is to have it, and by another line a has it",
                    "10.1.2.3: a reservation is to have it, and other eth0 has it",
                    "10.1.2.18: a reservation for db is to have it, and a reservation for default/web-0 has it",
                ]
            )
            #expect(try listDirectory("\(root)/blue") == before)
        }
    }

    @Test("An import that the disk refuses leaves nothing")
    func refused() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            // Bears the name of what would have to be written.
            try makeDirectory("\(root)/blue/.culvert.kept.new")
            let rows = try Self.rows(
                #"{"address": "10.1.2.40", "containerID": "a"}"# + "\n"
                    + #"{"address": "10.1.2.41", "kind": "reserved"}"#
            )
            #expect(throws: PoolFailure.self) {
                _ = try blue.network.importing(rows, isDry: false, blue.settings) { _, _ in }
            }
            #expect(try listDirectory("\(root)/blue") == [".culvert.kept.new", "lock"])
        }
    }

    @Test(
        "What makes no sense is refused with its line",
        arguments: [
            (#"{"address": "10.1.2.3"}"#, "f, line 1: \"\" is no container"),
            ("\n\n{\"address\": 3}", "f, line 3: it is no JSON object of strings"),
            (#"{"address": "10.1.2.3/24", "containerID": "a"}"#, "f, line 1: \"10.1.2.3/24\" has host bits"),
            (#"{"address": "10.1.2.0/24", "containerID": "a"}"#, "f, line 1: 10.1.2.0-10.1.2.255 is more than one"),
            (#"{"address": "10.0.0.0/8", "kind": "reserved"}"#, "f, line 1: 10.0.0.0-10.255.255.255 is too much"),
            (#"{"address": "10.1.2.3", "kind": "x"}"#, "f, line 1: kind \"x\" is unknown"),
        ]
    )
    func nonsense(text: String, message: String) throws {
        let failure = try #require(throws: PoolFailure.self) { _ = try Self.rows(text) }
        #expect(failure.message.hasPrefix(message))
    }

    @Test(
        "CSV is read by its titles",
        arguments: [
            ("containerID,address\nc1,10.1.2.3", "c1"), ("address,containerID\n\n10.1.2.3,\"c1\"\n", "c1"),
            ("address,containerID,note\n10.1.2.3,c1,\"a, \"\"b\"\"\"", "c1"),
        ]
    )
    func csv(text: String, container: String) throws {
        #expect(try Self.rows(text, .csv).map(\.owner.containerID) == [container])
        for wrong in ["10.1.2.3,c1", "address,owner\n10.1.2.3,c1", "address,containerID\n10.1.2.3", "address\n\"10"] {
            #expect(throws: PoolFailure.self) { _ = try Self.rows(wrong, .csv) }
        }
    }
}
