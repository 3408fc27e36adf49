// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import JSON
import Linux
import Plugin
import TestSupport
import Testing

/// What an IPAM plugin saw and what became of it.
private struct Outcome: Sendable {
    var result: AddResult?
    var error: CNIError?
    /// The commands it was run with, in order.
    var commands: [String] = []
    /// Its standard input, the last time.
    var input = ""
    /// Its environment, the last time.
    var environment: [String] = []
}

/// Runs a line of shell as the IPAM plugin `fake`, on a thread of its own: no other test's child may hold it open.
private func delegate(
    _ script: String,
    _ members: String = "",
    _ verb: @escaping @Sendable (AddressDelegate) throws(CNIError) -> AddResult?
) throws -> Outcome {
    try OwnThread {
        try withTemporaryDirectory { directory in
            let text = """
                #!/bin/sh
                echo "$CNI_COMMAND" >>\(directory)/commands
                /bin/cat >\(directory)/input
                /usr/bin/env >\(directory)/environment
                \(script)
                """
            try makeDirectory("\(directory)/first")
            try makeDirectory("\(directory)/first/fake")
            try writeFile("\(directory)/fake", text, mode: 0o700)
            let configuration = #"{"cniVersion": "1.0.0", "name": "blue", "ipam": {"type": "fake"}\#(members)}"#
            let path = "/nowhere:\(directory)/first:\(directory)"
            let request = try Request(configuration, ["CNI_PATH": path, "EXTRA": "a=b c"])
            var outcome = Outcome()
            do throws(CNIError) {
                if let delegate = try AddressDelegate(for: request) { outcome.result = try verb(delegate) }
            } catch {
                outcome.error = error
            }
            let lines = { (name: String) in
                try readFile("\(directory)/\(name)")?.split(separator: "\n").map(String.init) ?? []
            }
            outcome.commands = try lines("commands")
            outcome.environment = try lines("environment")
            outcome.input = try readFile("\(directory)/input") ?? ""
            return outcome
        }
    }.join()
}

private let good = #"echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}]}'"#

@Suite("Delegation to an IPAM plugin")
struct AddressDelegateTests {
    @Test("Without a type there is nobody to ask", arguments: ["", #", "ipam": {}"#, #", "ipam": {"type": ""}"#])
    func none(members: String) throws {
        let delegate = try AddressDelegate(for: try Request("{\"name\": \"blue\"\(members)}"))
        #expect(delegate?.type == nil)
    }

    @Test("A type that could lead out of CNI_PATH is refused", arguments: ["../sh", "/bin/sh", "a/b", ".", "..", "/"])
    func badName(type: String) throws {
        let request = try Request("{\"name\": \"blue\", \"ipam\": {\"type\": \"\(type)\"}}", ["CNI_PATH": "/bin"])
        let error = try #require(throws: CNIError.self) { _ = try AddressDelegate(for: request) }
        #expect(error.code == CNIError.Code.invalidConfiguration.rawValue)
        #expect(error.message == "ipam.type: \"\(type)\" is not the name of a plugin")
    }

    @Test("A plugin that is nowhere is refused with where it was looked for")
    func missing() throws {
        let configuration = #"{"name": "blue", "ipam": {"type": "no-such-plugin"}}"#
        let request = try Request(configuration, ["CNI_PATH": "/nowhere:/bin"])
        let error = try #require(throws: CNIError.self) { _ = try AddressDelegate(for: request) }
        #expect(error.code == CNIError.Code.delegateFailed.rawValue)
        #expect(error.message == "failed to find IPAM plugin \"no-such-plugin\"")
        #expect(error.details.contains("/nowhere:/bin"))
    }

    @Test("ADD gets the plugin's addresses, and the plugin gets the configuration and the environment as they came")
    func add() throws {
        let outcome = try delegate(good, #", "unknown": [1, null]"#) { delegate throws(CNIError) in try delegate.add() }
        #expect(outcome.error == nil)
        #expect(outcome.result?.ips.map { "\($0.address)" } == ["10.1.2.3/24"])
        #expect(outcome.commands == ["ADD"])
        let expected: JSONValue = [
            "cniVersion": "1.0.0", "name": "blue", "ipam": ["type": "fake"], "unknown": [1, nil],
        ]
        #expect(try JSONValue(parsing: Array(outcome.input.utf8)) == expected)
        #expect(outcome.environment.contains("EXTRA=a=b c"))
        #expect(outcome.environment.contains("CNI_CONTAINERID=c1"))
        #expect(!outcome.environment.contains { $0.hasPrefix("HOME=") })
    }

    @Test("Each verb is passed on under its own name", arguments: ["CHECK", "DEL", "STATUS"])
    func verbs(command: String) throws {
        let outcome = try delegate("") { delegate throws(CNIError) in
            switch command {
            case "CHECK": try delegate.check()
            case "DEL": try delegate.delete()
            default: try delegate.status()
            }
            return nil
        }
        #expect(outcome.error == nil)
        #expect(outcome.commands == [command])
    }

    @Test("GC is passed on with our own list of survivors in place of the one that came")
    func garbage() throws {
        let members = #", "cni.dev/valid-attachments": [{"containerID": "old"}], "CNI.dev/attachments": []"#
        let surviving = [AttachmentID(containerID: "c1", interfaceName: "eth0")]
        let outcome = try delegate("", members) { delegate throws(CNIError) in
            try delegate.collectGarbage(surviving: surviving)
            return nil
        }
        #expect(outcome.commands == ["GC"])
        let configuration = try NetworkConfiguration(parsing: Array(outcome.input.utf8))
        #expect(configuration.validAttachments == surviving)
        #expect(!outcome.input.contains("old"))
    }

    @Test("A plugin's own error is passed on as it is")
    func refusal() throws {
        let script = #"echo '{"code": 103, "msg": "none left", "details": "all taken"}'; exit 1"#
        let outcome = try delegate(script) { delegate throws(CNIError) in try delegate.add() }
        #expect(outcome.error == CNIError(.addressesExhausted, "none left", details: "all taken"))
        #expect(outcome.commands == ["ADD"])
    }

    @Test(
        "A plugin that fails without a proper error is told by how it ended and what it said",
        arguments: [
            ("exit 3", "exit status 3", "it printed nothing; see standard error"),
            ("echo oops; exit 1", "exit status 1", "it printed: oops\n"),
            ("kill -9 $$", "killed by signal 9", "it printed nothing; see standard error"),
            (#"echo '{"code": "x"}'; exit 1"#, "exit status 1", "it printed: {\"code\": \"x\"}\n"),
        ]
    )
    func silent(script: String, ending: String, details: String) throws {
        let outcome = try delegate(script) { delegate throws(CNIError) in
            try delegate.delete()
            return nil
        }
        let expected = CNIError(.delegateFailed, "IPAM plugin fake failed DEL with \(ending)", details: details)
        #expect(outcome.error == expected)
    }

    @Test(
        "An ADD whose answer is of no use is taken back",
        arguments: [
            "echo '{}'", "echo nonsense", "", #"echo '{"cniVersion": "1.0.0", "ips": [{"address": "x"}]}'"#,
            #"echo '{"cniVersion": "1.0.0", "ips": []}'"#,
        ]
    )
    func useless(script: String) throws {
        let outcome = try delegate(script) { delegate throws(CNIError) in try delegate.add() }
        #expect(outcome.error != nil)
        #expect(outcome.commands == ["ADD", "DEL"])
    }

    @Test("What cannot be taken back is told besides the reason")
    func leftovers() throws {
        let script = #"test "$CNI_COMMAND" = ADD || exit 4"#
        let outcome = try delegate(script) { delegate throws(CNIError) in try delegate.add() }
        let error = try #require(outcome.error)
        #expect(error.message.hasPrefix("cannot decode the result of IPAM plugin "))
        #expect(error.details.contains("left behind: addresses (IPAM plugin fake failed DEL with exit status 4"))
    }

    @Test("A file that cannot be run is refused by name")
    func notExecutable() throws {
        let error = try OwnThread {
            try withTemporaryDirectory { directory in
                try writeFile("\(directory)/fake", "nothing to run", mode: 0o600)
                let configuration = #"{"name": "blue", "ipam": {"type": "fake"}}"#
                let delegate = try AddressDelegate(for: try Request(configuration, ["CNI_PATH": directory]))
                do throws(CNIError) {
                    _ = try delegate?.status()
                    return CNIError?.none
                } catch {
                    return error
                }
            }
        }.join()
        let refusal = try #require(error)
        #expect(refusal.code == CNIError.Code.delegateFailed.rawValue)
        #expect(refusal.message == "cannot run IPAM plugin fake")
        #expect(refusal.details.hasSuffix("/fake: Permission denied"))
    }
}
