// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Linux
import Netlink
import Plugin
import PortMap
import TestSupport

/// What is to be seen after a verb.
struct Sight: Sendable {
    var isAnswered = false
    var error: CNIError?
    /// What nft prints of the whole rule set.
    var rules = ""
    /// The names of the records.
    var records: [String] = []
    /// Whether packets from 127.0.0.1 go out by the bridge; nil without one.
    var letsLocalhostThrough: Bool?

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

/// What nft(8) refused.
struct NFTFailure: Error {
    let output: String
}

/// Runs nft in the namespace of the calling thread.
@discardableResult
func nft(_ text: String) throws -> String {
    let child = try ChildProcess.run("/usr/sbin/nft", ["nft", "-f", "-"], environment: [], input: Array(text.utf8))
    let output = String(decoding: child.output, as: UTF8.self)
    guard child.ending == .exited(0) else { throw NFTFailure(output: output) }
    return output
}

/// One thing that happens to the host: a verb, or something that somebody else does.
struct Act: Sendable {
    let run: @Sendable (_ root: String) throws -> Answer

    /// A verb for a container, whose namespace is this one unless its path is said.
    private static func verb(
        _ containerID: String,
        _ members: String,
        _ changes: [String: String] = [:],
        beganBoot: Int64 = .max,
        _ verb: @escaping @Sendable (Request) -> Verb
    ) -> Act {
        Act { root in
            let rest = members.isEmpty ? "" : ", \(members)"
            let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"portmap\"\(rest)}"
            let usual = [
                "CNI_CONTAINERID": containerID, "CNI_NETNS": "\(root)/\(containerID)", "CULVERT_RUN_DIR": "\(root)/run",
                "CULVERT_LOCK_TIMEOUT": "1",
            ]
            return try portmap.answer(verb(Request(text, usual.merging(changes) { $1 }, beganBoot: beganBoot)))
        }
    }

    static func add(_ containerID: String, _ members: String, _ changes: [String: String] = [:]) -> Act {
        verb(containerID, members, changes) { .add($0) }
    }

    static func check(_ containerID: String, _ members: String) -> Act { verb(containerID, members) { .check($0) } }

    static func delete(_ containerID: String, _ changes: [String: String] = [:]) -> Act {
        verb(containerID, "", changes) { .delete($0) }
    }

    static func status() -> Act { verb("c1", "") { .status($0) } }

    static func sweep(_ surviving: AttachmentID...) -> Act {
        verb("c1", "") { .collectGarbage($0, surviving: surviving) }
    }

    /// GC by somebody who was called before all the others.
    static func earlySweep() -> Act {
        verb("c1", "", beganBoot: 0) { .collectGarbage($0, surviving: []) }
    }

    /// A bridge that leads to containers.
    static func bridge(_ address: CIDR) -> Act {
        Act { _ in
            let socket = try NetlinkSocket()
            let mac = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 9]) ?? .zero
            try socket.execute(.addBridge("br0", address: mac, mtu: 0, filtersVLANs: false))
            guard let link = try socket.link(named: "br0") else { throw KernelError("find br0", .noSuchDevice) }
            try socket.execute([
                .addAddress(address, to: link.index, name: "br0"), .setUp(true, link: link.index, name: "br0"),
            ])
            return .nothing
        }
    }

    /// The writer of a record died over it.
    static func spoil(_ containerID: String) -> Act {
        Act { root in
            try writeFile("\(root)/run/attachments/blue/\(containerID):eth0:portmap.json", "{\"state\": \"att")
            return .nothing
        }
    }

    /// Rules that somebody else makes.
    static func rules(_ text: String) -> Act {
        Act { _ in
            try nft(text)
            return .nothing
        }
    }

    /// The container's namespace, of which only the file matters here, comes into being or vanishes.
    static func birth(_ containerID: String) -> Act {
        Act { root in
            try writeFile("\(root)/\(containerID)", "")
            return .nothing
        }
    }

    static func death(_ containerID: String) -> Act {
        Act { root in
            try Directory(path: root).remove(containerID)
            return .nothing
        }
    }

    /// The record of a container is lost.
    static func loseRecord(_ containerID: String) -> Act {
        Act { root in
            try Directory(path: "\(root)/run/attachments/blue").remove("\(containerID):eth0:portmap.json")
            return .nothing
        }
    }

    /// The registry of ports is lost.
    static func lose(_ name: String) -> Act {
        Act { root in
            try Directory(path: "\(root)/run").remove(name)
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
                sight.rules = try nft("list ruleset\n")
                let store = "\(root)/run/attachments/blue"
                if try FileStatus.of(store) != nil { sight.records = try listDirectory(store) }
                let sysctl = try readFile("/proc/thread-self/root/proc/sys/net/ipv4/conf/br0/route_localnet")
                sight.letsLocalhostThrough = sysctl.map { $0 == "1\n" }
                return sight
            }
        }
    }
}

/// Members of a configuration: the result of a chain whose container has this address, and wanted ports.
func members(_ address: String, _ mappings: String..., and others: String = "") -> String {
    let ips = address.split(separator: ",").map { "{\"address\": \"\($0)\"}" }.joined(separator: ", ")
    let rest = others.isEmpty ? "" : ", \(others)"
    return "\"runtimeConfig\": {\"portMappings\": [\(mappings.joined(separator: ", "))]}, "
        + "\"prevResult\": {\"ips\": [\(ips)]}\(rest)"
}

/// One mapping.
func port(_ host: Int, _ container: Int, _ others: String = "") -> String {
    "{\"hostPort\": \(host), \"containerPort\": \(container)\(others)}"
}
