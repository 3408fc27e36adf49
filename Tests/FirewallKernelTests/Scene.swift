// SPDX-License-Identifier: Apache-2.0
import CNI
import Firewall
import Linux
import Netlink
import Plugin
import TestSupport

/// What is to be seen after a verb.
struct Sight: Sendable {
    var isAnswered = false
    var error: CNIError?
    /// What nft prints of the whole rule set.
    var rules = ""
    /// The names of the records.
    var records: [String] = []

    /// The lines of one set or chain, without those around it.
    func lines(_ name: String) -> String {
        var lines: [Substring] = []
        for line in rules.split(separator: "\n") {
            let text = line.drop { $0 == "\t" }
            if !lines.isEmpty || text.hasSuffix(" \(name) {") { lines.append(text) }
            if !lines.isEmpty, text == "}" { break }
        }
        return lines.dropFirst().dropLast().joined(separator: "\n")
    }
}

/// What a program refused.
struct ProgramFailure: Error {
    let output: String
}

/// Runs a program in the namespace of the calling thread.
@discardableResult
func run(_ program: String, _ arguments: [String], input: String = "") throws -> String {
    let child = try ChildProcess.run(program, [program] + arguments, environment: [], input: Array(input.utf8))
    let output = String(decoding: child.output, as: UTF8.self)
    guard child.ending == .exited(0) else { throw ProgramFailure(output: output) }
    return output
}

/// One thing that happens to the host: a verb, or something that somebody else does.
struct Act: Sendable {
    let run: @Sendable (_ root: String) throws -> Answer

    private static func verb(
        _ containerID: String,
        _ members: String,
        _ verb: @escaping @Sendable (Request) -> Verb
    ) -> Act {
        Act { root in
            let rest = members.isEmpty ? "" : ", \(members)"
            let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"firewall\"\(rest)}"
            let changes = [
                "CNI_CONTAINERID": containerID, "CNI_NETNS": "\(root)/\(containerID)", "CULVERT_RUN_DIR": "\(root)/run",
                "CULVERT_LOCK_TIMEOUT": "1",
            ]
            return try firewall.answer(verb(Request(text, changes)))
        }
    }

    static func add(_ containerID: String, _ members: String) -> Act { verb(containerID, members) { .add($0) } }

    static func check(_ containerID: String, _ members: String) -> Act { verb(containerID, members) { .check($0) } }

    static func delete(_ containerID: String, _ members: String = "") -> Act {
        verb(containerID, members) { .delete($0) }
    }

    static func status(_ members: String = "") -> Act { verb("c1", members) { .status($0) } }

    static func sweep(_ surviving: AttachmentID...) -> Act {
        verb("c1", "") { .collectGarbage($0, surviving: surviving) }
    }

    /// Rules that somebody else makes.
    static func rules(_ text: String) -> Act {
        Act { _ in
            try FirewallKernelTests.run("/usr/sbin/nft", ["-f", "-"], input: text)
            return .nothing
        }
    }

    /// One run of iptables.
    static func iptables(_ arguments: String, _ program: String = "iptables-nft") -> Act {
        Act { _ in
            try FirewallKernelTests.run("/usr/sbin/\(program)", arguments.split(separator: " ").map { String($0) })
            return .nothing
        }
    }

    /// A record is lost.
    static func lose(_ containerID: String) -> Act {
        Act { root in
            try Directory(path: "\(root)/run/attachments/blue").remove("\(containerID):eth0:firewall.json")
            return .nothing
        }
    }

    /// The writer of a record died over it.
    static func spoil(_ containerID: String) -> Act {
        Act { root in
            try writeFile("\(root)/run/attachments/blue/\(containerID):eth0:firewall.json", "{\"state\": \"att")
            return .nothing
        }
    }
}

/// Does one thing after the other in a new namespace, and looks around after each.
func play(_ acts: [Act]) throws -> [Sight] {
    try inNewNamespace {
        try withTemporaryDirectory { root in
            try acts.map { act in
                var sight = Sight()
                do {
                    if case .result = try act.run(root) { sight.isAnswered = true }
                } catch let error as CNIError {
                    sight.error = error
                }
                sight.rules = try FirewallKernelTests.run("/usr/sbin/nft", ["list", "ruleset"])
                let store = "\(root)/run/attachments/blue"
                if try FileStatus.of(store) != nil { sight.records = try listDirectory(store) }
                return sight
            }
        }
    }
}

/// Members of a configuration: the result of a bridge's chain.
///
/// - Parameters:
///   - addresses: those of the container with their prefixes, by commas.
///   - others: further members.
///   - bridge: the first interface's name.
/// - Returns: the text.
func members(_ addresses: String, _ others: String = "", bridge: String = "br0") -> String {
    let ips = addresses.split(separator: ",").map { "{\"address\": \"\($0)\"}" }.joined(separator: ", ")
    let rest = others.isEmpty ? "" : ", \(others)"
    return "\"prevResult\": {\"interfaces\": [{\"name\": \"\(bridge)\"}], \"ips\": [\(ips)]}\(rest)"
}
