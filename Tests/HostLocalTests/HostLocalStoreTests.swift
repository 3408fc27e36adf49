// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import CNI
import Glibc
import HostLocal
import LeaseStore
import Linux
import Plugin
import TestSupport
import Testing

@Suite("host-local by its rules, and among the dead")
struct HostLocalStoreTests {
    /// A request for a network of five addresses, `10.1.2.2` to `10.1.2.6`.
    private static func request(
        _ root: String,
        _ ipam: String = "",
        _ container: String = "c1",
        _ changes: [String: String] = [:]
    ) throws -> Request {
        let text = """
            {"cniVersion": "1.1.0", "name": "blue", "type": "bridge", "ipam": {"type": "host-local",
             "dataDir": "\(root)", "ranges": [[{"subnet": "10.1.2.0/29"}]]\(ipam)}}
            """
        let usual = [
            "CNI_CONTAINERID": container, "CULVERT_LOCK_TIMEOUT": "0", "CULVERT_RUN_DIR": "\(root)/run",
            "CULVERT_STATE_DIR": "\(root)/state",
        ]
        return try Request(text, usual.merging(changes) { $1 })
    }

    private static func add(_ request: Request) throws -> String {
        guard case .result(let result) = try hostLocal.answer(.add(request)) else { return "" }
        return result.ips.map { "\($0.address.address)" }.joined(separator: " ")
    }

    private static func pod(_ name: String) -> [String: String] {
        ["CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=\(name)"]
    }

    @Test("Excluded addresses are given to nobody, also when he asks for them")
    func excluded() throws {
        try withTemporaryDirectory { root in
            let ipam = #", "exclude": ["10.1.2.2-10.1.2.3", "10.1.2.5", "10.9.0.0/16"]"#
            let given = try ["c1", "c2"].map { try Self.add(try Self.request(root, ipam, $0)) }
            #expect(given == ["10.1.2.4", "10.1.2.6"])
            let full = try #require(throws: CNIError.self) { _ = try Self.add(try Self.request(root, ipam, "c3")) }
            #expect(full.code == CNIError.Code.addressesExhausted.rawValue)
            #expect(full.details.hasPrefix("2 in total, 2 used, 0 reserved, 0 quarantined; see ipam check"))
            let asking = try Self.request(root, ipam, "c3", ["CNI_ARGS": "IP=10.1.2.5"])
            let error = try #require(throws: CNIError.self) { _ = try Self.add(asking) }
            #expect(error.code == CNIError.Code.addressUnavailable.rawValue)
        }
    }

    @Test("A reserved address waits for its pod")
    func reserved() throws {
        try withTemporaryDirectory { root in
            let ipam = #", "reserve": {"default/web-0": ["10.1.2.3"]}"#
            let strangers = try ["c1", "c2", "c3", "c4"].map { try Self.add(try Self.request(root, ipam, $0)) }
            #expect(strangers == ["10.1.2.2", "10.1.2.4", "10.1.2.5", "10.1.2.6"])
            #expect(try Self.add(try Self.request(root, ipam, "c5", Self.pod("web-0"))) == "10.1.2.3")
        }
    }

    @Test("What an operator keeps is given to nobody else, and stands again when its container is gone")
    func kept() throws {
        try withTemporaryDirectory { root in
            do {
                var ledger = try LeaseLedger(
                    creating: "\(root)/blue",
                    runDirectory: "\(root)/run",
                    waitingAtMost: .seconds(20)
                )
                for (text, key) in [("10.1.2.2", ""), ("10.1.2.4", "default/web-0")] {
                    let run = try AddressRun(parsing: text)
                    try ledger.keep([KeptAddresses.Entry(run, .reserved, key: key)])
                }
                ledger.commit()
            }
            let strangers = try ["c1", "c2"].map { try Self.add(try Self.request(root, "", $0)) }
            #expect(strangers == ["10.1.2.3", "10.1.2.5"])
            for _ in 0..<2 {
                for address in ["10.1.2.2", "10.1.2.4"] {
                    let asking = try Self.request(root, "", "c3", ["CNI_ARGS": "IP=\(address)"])
                    let error = try #require(throws: CNIError.self) { _ = try Self.add(asking) }
                    #expect(error.code == CNIError.Code.addressUnavailable.rawValue)
                }
                let web = try Self.request(root, "", "c5", Self.pod("web-0"))
                #expect(try Self.add(web) == "10.1.2.4" && Self.add(web) == "10.1.2.4")
                #expect(try readFile("\(root)/blue/10.1.2.4") == "c5\r\neth0")
                _ = try hostLocal.answer(.delete(web))
                #expect(try readFile("\(root)/blue/10.1.2.4") == "@reserved\r\ndefault/web-0")
            }
            // Who does not know what is kept removes the file: the line counts.
            #expect(unlink("\(root)/blue/10.1.2.2") == 0)
            #expect(try Self.add(try Self.request(root, "", "c6")) == "10.1.2.6")
            let full = try #require(throws: CNIError.self) { _ = try Self.add(try Self.request(root, "", "c7")) }
            #expect(full.details.hasPrefix("5 in total, 3 used, 2 reserved, 0 quarantined"))
            let sweep = try Self.request(root, #", "cni.dev/valid-attachments": []"#)
            _ = try hostLocal.answer(.collectGarbage(sweep, surviving: []))
            #expect(try listDirectory("\(root)/blue").filter { $0.hasPrefix("10.") } == ["10.1.2.4"])
        }
    }

    @Test("Who was seen before gets what he had, under another container's name", arguments: [true, false])
    func sticky(isSticky: Bool) throws {
        try withTemporaryDirectory { root in
            let ipam = #", "quarantineSeconds": 0, "sticky": \#(isSticky)"#
            #expect(try Self.add(try Self.request(root, ipam, "c1", Self.pod("web-0"))) == "10.1.2.2")
            _ = try hostLocal.answer(.delete(try Self.request(root, ipam)))
            for number in 2...5 {
                let other = try Self.request(root, ipam, "o\(number)")
                #expect(try Self.add(other) != "10.1.2.2")
                _ = try hostLocal.answer(.delete(other))
            }
            // The index is lost, as in a reboot; what is remembered is not.
            for name in try listDirectory("\(root)/run/ipam") { unlink("\(root)/run/ipam/\(name)") }
            let again = try Self.add(try Self.request(root, ipam, "c2", Self.pod("web-0")))
            #expect((again == "10.1.2.2") == isSticky || !isSticky)
            #expect(try listDirectory(root).contains("state") == isSticky)
        }
    }

    @Test(
        "A freed address rests while there are others, and is given when there are none",
        arguments: [
            (#", "quarantineSeconds": 3600"#, "10.1.2.2 10.1.2.3 10.1.2.4 10.1.2.5 10.1.2.6 10.1.2.2 10.1.2.3"),
            (#", "policy": "oldest-freed-first""#, "10.1.2.2 10.1.2.3 10.1.2.4 10.1.2.5 10.1.2.6 10.1.2.2 10.1.2.3"),
        ]
    )
    func rest(ipam: String, expected: String) throws {
        try withTemporaryDirectory { root in
            var given: [String] = []
            for number in 1...7 {
                let request = try Self.request(root, ipam, "c\(number)")
                given.append(try Self.add(request))
                _ = try hostLocal.answer(.delete(request))
            }
            #expect(given.joined(separator: " ") == expected)
        }
    }

    @Test("One interface in two living namespaces is refused with both; a late DEL frees nothing")
    func secondNamespace() throws {
        try withTemporaryDirectory { root in
            for name in ["n1", "n2"] { try writeFile("\(root)/\(name)", "") }
            let first = try Self.request(root, "", "c1", ["CNI_NETNS": "\(root)/n1"])
            let second = try Self.request(root, "", "c1", ["CNI_NETNS": "\(root)/n2"])
            for _ in 0..<2 { #expect(try Self.add(first) == "10.1.2.2") }
            let error = try #require(throws: CNIError.self) { _ = try Self.add(second) }
            #expect(error.message == "10.1.2.2 has been allocated to c1, duplicate allocation is not allowed")
            #expect(error.details.contains("\(root)/n1 (") && error.details.contains("\(root)/n2 ("))
            _ = try hostLocal.answer(.delete(second))
            #expect(try readFile("\(root)/blue/10.1.2.2") == "c1\r\neth0")
            #expect(unlink("\(root)/n1") == 0)
            #expect(try Self.add(second) == "10.1.2.2")
            _ = try hostLocal.answer(.delete(first))
            #expect(try readFile("\(root)/blue/10.1.2.2") == "c1\r\neth0")
            _ = try hostLocal.answer(.delete(second))
            #expect(try readFile("\(root)/blue/10.1.2.2") == nil)
        }
    }

    @Test("The dead give way when no address is left, and the living do not")
    func reclaimed() throws {
        try withTemporaryDirectory { root in
            for number in 1...5 {
                try writeFile("\(root)/n\(number)", "")
                _ = try Self.add(try Self.request(root, "", "c\(number)", ["CNI_NETNS": "\(root)/n\(number)"]))
            }
            #expect(throws: CNIError.self) { _ = try hostLocal.answer(.status(try Self.request(root))) }
            #expect(throws: CNIError.self) { _ = try Self.add(try Self.request(root, "", "c6")) }
            #expect(unlink("\(root)/n4") == 0)
            #expect(try hostLocal.answer(.status(try Self.request(root))) == .nothing)
            #expect(try Self.add(try Self.request(root, "", "c6")) == "10.1.2.5")
        }
    }
}
