// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Glibc
import HostLocal
import JSON
import LeaseStore
import Linux
import Plugin
import Pools
import TestSupport
import Testing

/// A network of 10.1.2.0/24 and fd01::/64 whose leases are in a temporary directory.
struct TestNetwork {
    let root: String
    let network: PoolNetwork
    let settings: Settings

    init(_ root: String, _ members: String = "") throws {
        self.root = root
        let ipam = try JSONValue(
            parsing: """
                {"type": "host-local", "dataDir": "\(root)", "exclude": ["10.1.2.9"],
                 "ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd01::/64"}]]\(members)}
                """
        )
        let configuration = PoolConfiguration(
            file: "/etc/cni/net.d/10-blue.conflist",
            position: 0,
            pluginType: "bridge",
            pools: try ConfiguredPools(JSONReader(ipam)),
            ipam: JSONReader(ipam)
        )
        network = PoolNetwork(name: "blue", directory: "\(root)/blue", configurations: [configuration])
        try makeDirectory(network.directory)
        settings = Settings { ["CULVERT_RUN_DIR": "\(root)/run", "CULVERT_LOCK_TIMEOUT": "0"][$0] }
    }

    func ledger() throws -> LeaseLedger {
        try LeaseLedger(creating: network.directory, runDirectory: "\(root)/run", waitingAtMost: .seconds(20))
    }

    func file(_ name: String, _ text: String) throws { try writeFile("\(network.directory)/\(name)", text) }

    func content(_ name: String) throws -> String? { try readFile("\(network.directory)/\(name)") }

    /// Makes a file look as if it had been written long before this boot.
    ///
    /// Names change by that, so that nobody believes what was known of it.
    func age(_ name: String) throws {
        try setModificationTime("\(network.directory)/\(name)", seconds: 86_400)
        try file("passing", "")
        #expect(unlink("\(network.directory)/passing") == 0)
    }

    /// Gives an address to a container whose namespace is a plain file, told from others in the same way.
    func lease(_ text: String, _ container: String, in namespace: String) throws {
        try writeFile(namespace, "")
        var ledger = try ledger()
        let claimant = LeaseClaimant(
            owner: LeaseOwner(containerID: container, interfaceName: "eth0"),
            namespacePath: namespace,
            namespaceIdentity: try #require(try FileStatus.of(namespace)).identity
        )
        #expect(try ledger.take(try #require(IPAddress(text)), for: claimant, as: .active))
        ledger.commit()
    }

    func facts() throws -> NetworkFacts { try #require(try network.facts(settings)) }

    /// Kind and address of each problem.
    func problems() throws -> [String] {
        PoolCheckup(try facts()).problems.map { "\($0.kind.rawValue) \($0.address.map { "\($0)" } ?? "-")" }
    }
}

@Suite("What is wrong with a network")
struct PoolCheckupTests {
    @Test("Nothing is, after leases, reservations and allocations")
    func clean() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            try blue.lease("10.1.2.3", "c1", in: "\(root)/n1")
            try blue.network.reserve(try AddressRun(parsing: "10.1.2.16/30"), for: "web", note: "", blue.settings)
            let owner = LeaseOwner(containerID: "vm", interfaceName: "eth0")
            let given = try blue.network.allocate(for: owner, requested: nil, note: "n", blue.settings)
            #expect(given.map { "\($0.address)" } == ["10.1.2.2", "fd01::2"])
            #expect(try blue.problems() == [])
        }
    }

    @Test("Each kind of trouble is found, with its address")
    func kinds() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            try blue.lease("10.1.2.3", "c1", in: "\(root)/n1")
            try blue.lease("10.1.2.4", "c2", in: "\(root)/n2")
            #expect(unlink("\(root)/n2") == 0)
            for (name, text) in [
                ("10.1.2.5", "old\r\neth0"), ("10.1.2.9", "c3\r\neth0"), ("10.1.2.1", "c4\r\neth0"),
                ("10.9.9.9", "c5\r\neth0"), ("10.1.2.6", ""), ("10.1.2.7", "no container\r\neth0"),
                ("fd01:0::3", "c6\r\neth0"), ("fd01::4", "c7\r\neth0"), ("fd01:0::4", "c8\r\neth0"),
                (".culvert.new", ""), ("last_reserved_ip.0", "fd01::1"), ("last_reserved_ip.1", "x"),
                ("last_reserved_ip.7", "10.1.2.3"), (".culvert.kept", "10.1.2.30\treserved\t\t\nnonsense\n"),
                ("10.1.2.31", "@reserved\r\n"),
            ] { try blue.file(name, text) }
            try makeDirectory("\(root)/blue/10.1.2.8")
            try blue.age("10.1.2.5")
            let before = try listDirectory("\(root)/blue")
            #expect(
                try blue.problems() == [
                    "duplicate fd01::4", "deadOwner 10.1.2.4", "deadOwner 10.1.2.5", "outside 10.9.9.9",
                    "barred 10.1.2.1", "barred 10.1.2.9", "garbage 10.1.2.6", "garbage 10.1.2.7", "garbage 10.1.2.8",
                    "garbage fd01::3", "leftover -", "lastReserved fd01::1", "lastReserved -", "reservation -",
                    "reservation 10.1.2.30", "reservation 10.1.2.31",
                ]
            )
            #expect(try listDirectory("\(root)/blue") == before)
        }
    }

    @Test("What a configuration reserves or a runtime brings is not barred, and not outside")
    func pools() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root, #", "reserve": {"web": ["10.1.2.9"]}"#)
            try blue.lease("10.1.2.9", "c1", in: "\(root)/n1")
            #expect(try blue.problems() == [])
            let bare = PoolNetwork(name: "blue", directory: blue.network.directory, configurations: [])
            try blue.file("10.9.9.9", "c5\r\neth0")
            let facts = try #require(try bare.facts(blue.settings))
            #expect(PoolCheckup(facts).problems == [])
        }
    }

    @Test("Containers that live and have an address without a lease are told from those that do not")
    func attached() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            try blue.lease("10.1.2.3", "c1", in: "\(root)/n1")
            let survey = try blue.facts().survey
            func attached(_ text: String, _ container: String, isLiving: Bool) throws -> NetworkFacts.Attached {
                NetworkFacts.Attached(
                    address: try #require(IPAddress(text)),
                    owner: LeaseOwner(containerID: container, interfaceName: "eth0"),
                    isLiving: isLiving
                )
            }
            let facts = NetworkFacts(
                blue.network,
                survey,
                attached: [
                    try attached("10.1.2.3", "c1", isLiving: true), try attached("10.1.2.3", "c2", isLiving: true),
                    try attached("10.1.2.4", "c3", isLiving: true), try attached("10.1.2.5", "c4", isLiving: false),
                    try attached("172.16.0.1", "c5", isLiving: true),
                ]
            )
            let found = PoolCheckup(facts).problems
            #expect(found.map(\.kind) == [.duplicate, .unleased, .unleased])
            #expect(found.map { $0.owner?.containerID } == [nil, "c2", "c3"])
            #expect(found[2].remedy.hasPrefix("ipam allocate --network blue --ip 10.1.2.4 --owner c3"))
        }
    }

    @Test("A report releases what it was about, and nothing that has changed since")
    func report() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            for number in 3...6 { try blue.file("10.1.2.\(number)", "c\(number)\r\neth0") }
            for number in 3...6 { try blue.age("10.1.2.\(number)") }
            try CheckReport([try blue.facts()]).write(to: "\(root)/report.json")
            let found = try CheckReport.wishes(inFile: "\(root)/report.json")
            #expect(found.map(\.directory) == [blue.network.directory] && found[0].wishes.count == 4)
            try blue.file("10.1.2.3", "other\r\neth0")
            try blue.file("10.1.2.4", "c4\r\neth0")
            #expect(unlink("\(root)/blue/10.1.2.5") == 0)
            let outcomes = try blue.network.release(found[0].wishes, isForced: true, blue.settings)
            #expect(outcomes[0] == .refused("other eth0 has it by now, not c3 eth0"))
            #expect(outcomes[1] == .refused("c4 eth0 has taken it again since"))
            #expect(outcomes[2] == .free)
            #expect(outcomes[3] == .released(LeaseOwner(containerID: "c6", interfaceName: "eth0")))
            try writeFile("\(root)/report.json", #"{"version": 2}"#)
            #expect(throws: PoolFailure.self) { _ = try CheckReport.wishes(inFile: "\(root)/report.json") }
            #expect(throws: PoolFailure.self) { _ = try CheckReport.wishes(inFile: "\(root)/none.json") }
        }
    }
}
