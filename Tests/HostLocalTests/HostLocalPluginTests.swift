// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import HostLocal
import Linux
import Plugin
import TestSupport
import Testing

@Suite("host-local, verb by verb")
struct HostLocalPluginTests {
    /// The configuration of a network of up to five addresses with its leases in a directory.
    private static func configuration(_ root: String, _ ipam: String = "", _ rest: String = "") -> String {
        """
        {"cniVersion": "1.1.0", "name": "blue", "type": "bridge",
         "ipam": {"type": "host-local", "dataDir": "\(root)", "ranges": [[{"subnet": "10.1.2.0/29"}]]\(ipam)}\(rest)}
        """
    }

    private static func request(
        _ configuration: String,
        _ container: String = "c1",
        _ changes: [String: String] = [:],
        beganWall: Int64 = .max
    ) throws -> Request {
        // The leases of each test are below a directory of its own, and so is the index.
        let root = configuration.split(separator: "\"dataDir\": \"")[1].prefix { $0 != "\"" }
        let usual = [
            "CNI_CONTAINERID": container, "CULVERT_LOCK_TIMEOUT": "0", "CULVERT_RUN_DIR": "\(root)/run",
        ]
        let variables = usual.merging(changes) { $1 }
        return try Request(configuration, variables, beganWall: beganWall)
    }

    private static func add(_ request: Request) throws -> [String] {
        guard case .result(let result) = try hostLocal.answer(.add(request)) else { return [] }
        return result.ips.map { "\($0.address) via \($0.gateway.map { "\($0)" } ?? "none")" }
    }

    private static func files(_ root: String) throws -> [String] {
        try listDirectory("\(root)/blue").filter { IPAddress($0) != nil }
    }

    @Test("ADD leases, CHECK agrees, DEL frees, and all of them can be repeated")
    func story() throws {
        try withTemporaryDirectory { root in
            let request = try Self.request(Self.configuration(root))
            for _ in 0..<2 { #expect(try Self.add(request) == ["10.1.2.2/29 via 10.1.2.1"]) }
            #expect(try readFile("\(root)/blue/10.1.2.2") == "c1\r\neth0")
            #expect(try readFile("\(root)/blue/last_reserved_ip.0") == "10.1.2.2")
            #expect(try hostLocal.answer(.check(request)) == .nothing)
            for _ in 0..<2 { #expect(try hostLocal.answer(.delete(request)) == .nothing) }
            #expect(try Self.files(root) == [])
            let error = try #require(throws: CNIError.self) { _ = try hostLocal.answer(.check(request)) }
            #expect(error.message == "host-local: Failed to find address added by container c1")
        }
    }

    @Test("Addresses go round: a freed one is not the next one")
    func rotation() throws {
        try withTemporaryDirectory { root in
            let configuration = Self.configuration(root)
            #expect(try Self.add(try Self.request(configuration, "c1")) == ["10.1.2.2/29 via 10.1.2.1"])
            _ = try hostLocal.answer(.delete(try Self.request(configuration, "c1")))
            #expect(try Self.add(try Self.request(configuration, "c2")) == ["10.1.2.3/29 via 10.1.2.1"])
        }
    }

    @Test("A refused ADD leaves no address behind, whatever it is refused for")
    func refused() throws {
        try withTemporaryDirectory { root in
            let second = #", [{"subnet": "10.1.3.0/30"}]]"#
            let configuration = Self.configuration(root).replacing("]]", with: "]\(second)")
            #expect(try Self.add(try Self.request(configuration, "c1")).count == 2)
            let full = try #require(throws: CNIError.self) { _ = try Self.add(try Self.request(configuration, "c2")) }
            #expect(full.code == CNIError.Code.addressesExhausted.rawValue)
            #expect(try Self.files(root) == ["10.1.2.2", "10.1.3.2"])
            _ = try hostLocal.answer(.delete(try Self.request(configuration, "c1")))
            let leftover = try #require(throws: CNIError.self) {
                _ = try Self.add(try Self.request(configuration, "c2", ["CNI_ARGS": "IP=10.9.9.9"]))
            }
            #expect(leftover.message == "failed to allocate all requested IPs: 10.9.9.9")
            #expect(try Self.files(root) == [])
        }
    }

    @Test("Who asks for another address than the one he holds gets that one instead")
    func superseded() throws {
        try withTemporaryDirectory { root in
            let configuration = Self.configuration(root)
            _ = try Self.add(try Self.request(configuration))
            let again = try Self.request(configuration, "c1", ["CNI_ARGS": "IP=10.1.2.5"])
            #expect(try Self.add(again) == ["10.1.2.5/29 via 10.1.2.1"])
            #expect(try Self.files(root) == ["10.1.2.5"])
        }
    }

    @Test("DEL works with ranges that make no sense any more, and without a directory")
    func deleteWithoutRanges() throws {
        try withTemporaryDirectory { root in
            _ = try Self.add(try Self.request(Self.configuration(root)))
            let broken = Self.configuration(root).replacing("10.1.2.0/29", with: "nonsense")
            _ = try hostLocal.answer(.delete(try Self.request(broken)))
            #expect(try Self.files(root) == [])
            _ = try hostLocal.answer(.delete(try Self.request(Self.configuration("\(root)/gone"))))
            #expect(try listDirectory(root) == ["blue", "run"])
        }
    }

    @Test("DEL frees files without an interface too, and nobody else's")
    func deleteLegacy() throws {
        try withTemporaryDirectory { root in
            let request = try Self.request(Self.configuration(root))
            _ = try Self.add(request)
            try writeFile("\(root)/blue/10.1.2.4", "c1")
            try writeFile("\(root)/blue/10.1.2.5", "c1\r\neth1")
            try writeFile("\(root)/blue/10.1.2.6", "c11\r\neth0")
            _ = try hostLocal.answer(.delete(request))
            #expect(try Self.files(root) == ["10.1.2.5", "10.1.2.6"])
        }
    }

    @Test("STATUS says when the last address is gone")
    func status() throws {
        try withTemporaryDirectory { root in
            let configuration = Self.configuration(root)
            for number in 1...5 {
                #expect(try hostLocal.answer(.status(try Self.request(configuration))) == .nothing)
                _ = try Self.add(try Self.request(configuration, "c\(number)"))
            }
            let error = try #require(throws: CNIError.self) {
                _ = try hostLocal.answer(.status(try Self.request(configuration)))
            }
            #expect(error.code == CNIError.Code.unavailable.rawValue)
            #expect(error.message == "no IP addresses available in range set: 10.1.2.1-10.1.2.6")
        }
    }

    @Test("CHECK tells whose a promised address is now")
    func checkStolen() throws {
        try withTemporaryDirectory { root in
            let promised = #", "prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.2/29"}]}"#
            _ = try Self.add(try Self.request(Self.configuration(root)))
            try writeFile("\(root)/blue/10.1.2.2", "c2\r\neth0")
            try writeFile("\(root)/blue/10.1.2.3", "c1\r\neth0")
            let error = try #require(throws: CNIError.self) {
                _ = try hostLocal.answer(.check(try Self.request(Self.configuration(root, "", promised))))
            }
            #expect(error.message == "host-local: address 10.1.2.2 of container c1 belongs to c2 eth0")
        }
    }

    @Test(
        "GC frees all but the survivors",
        arguments: [
            ([], []), ([("c1", "eth0")], ["10.1.2.2", "10.1.2.4"]), ([("c1", "eth1")], ["10.1.2.4", "10.1.2.5"]),
            ([("c1", "")], ["10.1.2.2", "10.1.2.4", "10.1.2.5"]), ([("c2", "eth0"), ("c9", "eth0")], ["10.1.2.3"]),
        ] as [([(String, String)], [String])]
    )
    func garbage(surviving: [(String, String)], left: [String]) throws {
        try withTemporaryDirectory { root in
            try makeDirectory("\(root)/blue")
            // The third one is of a version that did not write interfaces.
            for (name, owner) in [("2", "c1\r\neth0"), ("3", "c2\r\neth0"), ("4", "c1"), ("5", "c1\r\neth1")] {
                try writeFile("\(root)/blue/10.1.2.\(name)", owner)
            }
            let attachments = surviving.map { AttachmentID(containerID: $0.0, interfaceName: $0.1) }
            let request = try Self.request(Self.configuration(root), "c1", ["CNI_COMMAND": "GC"])
            _ = try hostLocal.answer(.collectGarbage(request, surviving: attachments))
            #expect(try Self.files(root) == left)
        }
    }

    @Test("GC spares what was leased after it began")
    func young() throws {
        try withTemporaryDirectory { root in
            let configuration = Self.configuration(root)
            let began = Machine.wallNanoseconds - oneTick
            _ = try Self.add(try Self.request(configuration))
            let early = try Self.request(configuration, "c1", ["CNI_COMMAND": "GC"], beganWall: began)
            _ = try hostLocal.answer(.collectGarbage(early, surviving: []))
            #expect(try Self.files(root) == ["10.1.2.2"])
        }
    }

    @Test("Who finds the directory locked may try again later")
    func locked() throws {
        try withTemporaryDirectory { root in
            let request = try Self.request(Self.configuration(root))
            _ = try Self.add(request)
            let holder = try Descriptor(opening: "\(root)/blue/lock", 0)
            try holder.lock("lock", waitingAtMost: .seconds(20))
            for verb in [Verb.add(request), .check(request), .delete(request)] {
                let error = try #require(throws: CNIError.self) { _ = try hostLocal.answer(verb) }
                #expect(error.code == CNIError.Code.tryAgainLater.rawValue)
            }
            #expect(try hostLocal.answer(.status(request)) == .nothing)
            #expect(holder.rawValue > 2)
        }
    }

    @Test("Many containers at once get an address each")
    func parallel() throws {
        try withTemporaryDirectory { root in
            let configuration = Self.configuration(root).replacing("/29", with: "/24")
            let results = try onThreads(8) { thread in
                try (0..<5).flatMap { number in
                    try Self.add(
                        try Self.request(configuration, "c\(thread)-\(number)", ["CULVERT_LOCK_TIMEOUT": "60"])
                    )
                }
            }
            #expect(Set(results.joined()).count == 40)
            #expect(try Self.files(root).count == 40)
        }
    }
}
