// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Linux
import Plugin
import Static
import TestSupport
import Testing

@Suite("static, verb by verb")
struct StaticPluginTests {
    /// A network whose claims are in a directory, and its leases of host-local in another.
    private static func configuration(_ root: String, _ addresses: [String], _ rest: String = "") -> String {
        let list = addresses.map { "{\"address\": \"\($0)\"}" }.joined(separator: ", ")
        return """
            {"cniVersion": "1.1.0", "name": "blue", "type": "macvlan",
             "ipam": {"type": "static", "dataDir": "\(root)/leases", "addresses": [\(list)]}\(rest)}
            """
    }

    /// A request of a container whose namespace is a file in the directory, which stands for one.
    private static func request(
        _ root: String,
        _ container: String = "c1",
        _ addresses: [String] = ["192.0.2.5/24"],
        _ rest: String = "",
        _ changes: [String: String] = [:],
        beganWall: Int64 = .max
    ) throws -> Request {
        let namespace = "\(root)/\(container).ns"
        if try readFile(namespace) == nil { try writeFile(namespace, "") }
        let variables = [
            "CNI_CONTAINERID": container, "CULVERT_LOCK_TIMEOUT": "0", "CULVERT_RUN_DIR": root, "CNI_NETNS": namespace,
        ]
        return try Request(
            configuration(root, addresses, rest),
            variables.merging(changes) { $1 },
            beganWall: beganWall
        )
    }

    private static func add(_ request: Request) throws -> [String] {
        guard case .result(let result) = try staticAddresses.answer(.add(request)) else { return [] }
        return result.ips.map { "\($0.address)" }
    }

    private static func refusal(_ request: Request) throws -> CNIError {
        try #require(throws: CNIError.self) { _ = try add(request) }
    }

    /// Address and owner, in order.
    private static func claims(_ root: String) throws -> [String] {
        try listDirectory("\(root)/static/blue").filter { IPAddress($0) != nil }.map { name in
            "\(name) \(try readFile("\(root)/static/blue/\(name)") ?? "")".replacing("\r\n", with: " ")
        }
    }

    private static func files(_ root: String) throws -> [String] {
        try listDirectory("\(root)/static/blue")
    }

    @Test("ADD claims, CHECK agrees, DEL frees, and all of them can be repeated")
    func story() throws {
        try withTemporaryDirectory { root in
            let promised = #", "prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "192.0.2.5/24"}]}"#
            let request = try Self.request(root, "c1", ["192.0.2.5/24", "2001:db8::5/64"], promised)
            for _ in 0..<2 {
                #expect(try Self.add(request) == ["192.0.2.5/24", "2001:db8::5/64"])
                #expect(try Self.claims(root) == ["192.0.2.5 c1 eth0", "2001:db8::5 c1 eth0"])
            }
            #expect(try staticAddresses.answer(.check(request)) == .nothing)
            for _ in 0..<2 { #expect(try staticAddresses.answer(.delete(request)) == .nothing) }
            #expect(try Self.files(root) == ["lock"])
        }
    }

    @Test("Nobody but its container gets an address, on another interface neither")
    func taken() throws {
        try withTemporaryDirectory { root in
            _ = try Self.add(try Self.request(root))
            let stranger = try Self.refusal(try Self.request(root, "c2", ["198.51.100.7/24", "192.0.2.5/32"]))
            #expect(stranger.code == 104)
            #expect(stranger.message == "requested IP address 192.0.2.5 is not available: container c1 eth0 has it")
            #expect(stranger.details.contains("\(root)/static/blue/192.0.2.5"))
            let other = try Self.refusal(
                try Self.request(root, "c1", ["198.51.100.7/24", "192.0.2.5/24"], "", ["CNI_IFNAME": "eth1"])
            )
            #expect(other.code == 104)
            #expect(try Self.claims(root) == ["192.0.2.5 c1 eth0"])
            #expect(try Self.files(root) == ["192.0.2.5", "c1:eth0", "lock"])
        }
    }

    @Test("Networks do not know each other")
    func networks() throws {
        try withTemporaryDirectory { root in
            _ = try Self.add(try Self.request(root))
            let text = Self.configuration(root, ["192.0.2.5/24"]).replacing("blue", with: "red")
            #expect(try Self.add(try Request(text, ["CULVERT_RUN_DIR": root])) == ["192.0.2.5/24"])
        }
    }

    @Test("Who is provably dead has no claim: its namespace is gone, or another one is in its place")
    func dead() throws {
        try withTemporaryDirectory { root in
            for successor in ["c2", "c3"] {
                let predecessor = try Self.request(root, "c1")
                _ = try Self.add(predecessor)
                #expect(try Self.refusal(try Self.request(root, successor)).code == 104)
                if successor == "c2" {
                    try Directory(path: root).remove("c1.ns")
                } else {
                    try writeFile("\(root)/other.ns", "")
                    try Directory(path: root).rename("other.ns", to: "c1.ns")
                }
                #expect(try Self.add(try Self.request(root, successor)) == ["192.0.2.5/24"])
                #expect(try Self.claims(root) == ["192.0.2.5 \(successor) eth0"])
                #expect(try Self.files(root) == ["192.0.2.5", "\(successor):eth0", "lock"])
                // Its DEL comes late, and is nobody else's.
                _ = try staticAddresses.answer(.delete(predecessor))
                #expect(try Self.files(root) == ["192.0.2.5", "\(successor):eth0", "lock"])
                _ = try staticAddresses.answer(.delete(try Self.request(root, successor)))
            }
        }
    }

    @Test("Whose death nobody can prove keeps its address", arguments: ["", "1:2", "1:2\n", "\n/nowhere"])
    func undead(proof: String) throws {
        try withTemporaryDirectory { root in
            _ = try Self.add(try Self.request(root))
            try writeFile("\(root)/static/blue/c1:eth0", proof)
            #expect(try Self.refusal(try Self.request(root, "c2")).code == 104)
            try Directory(path: "\(root)/static/blue").remove("c1:eth0")
            #expect(try Self.refusal(try Self.request(root, "c2")).code == 104)
        }
    }

    @Test("A container that comes back under its id, in a new namespace, is alive again")
    func comesBack() throws {
        try withTemporaryDirectory { root in
            _ = try Self.add(try Self.request(root))
            try Directory(path: root).remove("c1.ns")
            _ = try Self.add(try Self.request(root))
            #expect(try Self.refusal(try Self.request(root, "c2")).code == 104)
        }
    }

    @Test("What host-local leased to another is refused, and to the same container is not")
    func leased() throws {
        try withTemporaryDirectory { root in
            try makeDirectory("\(root)/leases")
            try makeDirectory("\(root)/leases/blue")
            let lease = "\(root)/leases/blue/192.0.2.5"
            for (content, isFree) in [("c9\r\neth0", false), ("c1", true), ("c1\r\neth0", true), ("", true)] {
                try writeFile(lease, content)
                guard isFree else {
                    let error = try Self.refusal(try Self.request(root))
                    #expect(error.code == 104)
                    #expect(error.message.hasSuffix("not available: host-local leased it to container c9 eth0"))
                    #expect(error.details.contains(lease))
                    #expect(try readFile("\(root)/static/blue/192.0.2.5") == nil)
                    continue
                }
                #expect(try Self.add(try Self.request(root)) == ["192.0.2.5/24"])
            }
        }
    }

    @Test("Without an address there is nothing to add, and only ADD minds")
    func nothing() throws {
        try withTemporaryDirectory { root in
            let promised = #", "prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "192.0.2.5/24"}]}"#
            let request = try Self.request(root, "c1", [], promised)
            let error = try Self.refusal(request)
            #expect(error.code == 7 && error.message == "no IP addresses specified")
            for verb in [Verb.check(request), .status(request), .delete(request)] {
                #expect(try staticAddresses.answer(verb) == .nothing)
            }
            #expect(try readFile("\(root)/static") == nil)
        }
    }

    @Test("DEL reads nothing but whose the addresses are")
    func delete() throws {
        try withTemporaryDirectory { root in
            _ = try Self.add(try Self.request(root))
            _ = try Self.add(try Self.request(root, "c1", ["192.0.2.6/24"], "", ["CNI_IFNAME": "eth1"]))
            let changed = try Self.request(
                root,
                "c1",
                ["nonsense"],
                "",
                ["CNI_COMMAND": "DEL", "CNI_ARGS": "nonsense"]
            )
            _ = try staticAddresses.answer(.delete(changed))
            #expect(try Self.claims(root) == ["192.0.2.6 c1 eth1"])
        }
    }

    @Test(
        "CHECK fails for another gateway, and when the address is nobody's or somebody else's",
        arguments: [
            ("192.0.2.5/24", nil, ""), ("192.0.2.5/16", nil, ""), ("198.51.100.1/24", "c2\r\neth0", ""),
            ("192.0.2.5/24", "", "static: address 192.0.2.5 of container c1 is not its own: nobody claims it"),
            (
                "192.0.2.5/24", "c2\r\neth0",
                "address 192.0.2.5 of container c1 is not its own: container c2 eth0 has it"
            ),
        ] as [(String, String?, String)]
    )
    func check(promised: String, claim: String?, complaint: String) throws {
        try withTemporaryDirectory { root in
            let previous = #", "prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "\#(promised)"}]}"#
            let request = try Self.request(root, "c1", ["192.0.2.5/24"], previous)
            _ = try Self.add(request)
            if let claim { try writeFile("\(root)/static/blue/192.0.2.5", claim) }
            guard !complaint.isEmpty else {
                #expect(try staticAddresses.answer(.check(request)) == .nothing)
                return
            }
            let error = try #require(throws: CNIError.self) { _ = try staticAddresses.answer(.check(request)) }
            #expect(error.code == 105 && "\(error)".contains(complaint), "\(error)")
        }
    }

    @Test("CHECK compares gateways, and needs the result of ADD")
    func checkGateway() throws {
        try withTemporaryDirectory { root in
            func check(_ gateway: String) throws {
                let ip = #"{"address": "192.0.2.5/24", "gateway": "\#(gateway)"}"#
                let previous = #", "prevResult": {"cniVersion": "1.1.0", "ips": [\#(ip)]}"#
                let arguments = ["CNI_ARGS": "GATEWAY=192.0.2.1"]
                let request = try Self.request(root, "c1", ["192.0.2.5/24"], previous, arguments)
                _ = try Self.add(request)
                _ = try staticAddresses.answer(.check(request))
            }
            try check("192.0.2.1")
            let other = try #require(throws: CNIError.self) { try check("192.0.2.2") }
            #expect(other.code == 105)
            #expect(other.message == "static: Failed to match addr 192.0.2.5 on interface eth0")
            let error = try #require(throws: CNIError.self) {
                _ = try staticAddresses.answer(.check(try Self.request(root)))
            }
            #expect(error.code == 7)
        }
    }

    @Test("STATUS fails when no claim could be made, and not because the configured address is taken")
    func status() throws {
        try withTemporaryDirectory { root in
            let request = try Self.request(root)
            _ = try Self.add(try Self.request(root, "c2"))
            #expect(try staticAddresses.answer(.status(request)) == .nothing)
            try writeFile("\(root)/plain", "")
            let error = try #require(throws: CNIError.self) {
                let elsewhere = ["CULVERT_RUN_DIR": "\(root)/plain"]
                _ = try staticAddresses.answer(.status(try Self.request(root, "c1", [], "", elsewhere)))
            }
            #expect(error.code == 50)
            #expect(throws: CNIError.self) {
                _ = try staticAddresses.answer(.status(try Self.request(root, "c1", ["nonsense"])))
            }
        }
    }

    @Test(
        "GC frees all but the survivors",
        arguments: [
            ([], []), ([("c1", "eth0")], ["c1:eth0"]), ([("c1", "")], ["c1:eth0", "c1:eth1"]),
            ([("c2", "eth0"), ("c9", "eth0")], ["c2:eth0"]),
        ] as [([(String, String)], [String])]
    )
    func garbage(surviving: [(String, String)], left: [String]) throws {
        try withTemporaryDirectory { root in
            _ = try Self.add(try Self.request(root, "c1"))
            _ = try Self.add(try Self.request(root, "c1", ["2001:db8::1/64"], "", ["CNI_IFNAME": "eth1"]))
            _ = try Self.add(try Self.request(root, "c2", ["2001:db8::2/64", "192.0.2.7/24"]))
            try writeFile("\(root)/static/blue/c3:eth0", "1:2\n/nowhere")
            let attachments = surviving.map { AttachmentID(containerID: $0.0, interfaceName: $0.1) }
            let request = try Self.request(root, "c1", ["nonsense"], "", ["CNI_COMMAND": "GC"])
            _ = try staticAddresses.answer(.collectGarbage(request, surviving: attachments))
            #expect(try Self.files(root).filter { $0.contains(":eth") } == left)
            let owners = Set(try Self.claims(root).map { $0.split(separator: " ").dropFirst().joined(separator: ":") })
            #expect(owners == Set(left))
        }
    }

    @Test("GC spares what was claimed, or claimed again, after it began")
    func young() throws {
        try withTemporaryDirectory { root in
            _ = try Self.add(try Self.request(root))
            try setModificationTime("\(root)/static/blue/192.0.2.5", seconds: 1000)
            let began = Machine.wallNanoseconds - oneTick
            _ = try Self.add(try Self.request(root))
            let early = try Self.request(root, "c1", [], "", ["CNI_COMMAND": "GC"], beganWall: began)
            _ = try staticAddresses.answer(.collectGarbage(early, surviving: []))
            #expect(try Self.claims(root) == ["192.0.2.5 c1 eth0"])
        }
    }

    @Test("Who finds the claims locked may try again later")
    func locked() throws {
        try withTemporaryDirectory { root in
            let request = try Self.request(root)
            _ = try Self.add(request)
            let holder = try Descriptor(opening: "\(root)/static/blue/lock", 0)
            try holder.lock("lock", waitingAtMost: .seconds(20))
            for verb in [Verb.add(request), .delete(request), .collectGarbage(request, surviving: [])] {
                let error = try #require(throws: CNIError.self) { _ = try staticAddresses.answer(verb) }
                #expect(error.code == CNIError.Code.tryAgainLater.rawValue)
            }
            #expect(try staticAddresses.answer(.status(request)) == .nothing)
            #expect(holder.rawValue > 2)
        }
    }

    @Test("Of many containers that want the same address at once, one gets it, with all of its others")
    func parallel() throws {
        try withTemporaryDirectory { root in
            let winners = try onThreads(8) { thread in
                let own = (0..<3).map { "198.51.100.\(10 * thread + $0)/24" }
                let lock = ["CULVERT_LOCK_TIMEOUT": "60"]
                let request = try Self.request(root, "c\(thread)", own + ["192.0.2.5/24"], "", lock)
                do throws(CNIError) {
                    _ = try staticAddresses.answer(.add(request))
                    return true
                } catch {
                    guard error.code == 104 else { throw error }
                    return false
                }
            }
            #expect(winners.filter { $0 }.count == 1)
            let winner = try #require(winners.firstIndex(of: true))
            #expect(try Self.claims(root).filter { $0.hasSuffix(" c\(winner) eth0") }.count == 4)
            #expect(try Self.claims(root).count == 4)
        }
    }
}
