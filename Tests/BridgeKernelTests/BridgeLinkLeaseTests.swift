// SPDX-License-Identifier: Apache-2.0
import Addressing
import Bridge
import CNI
import Glibc
import Linux
import Netlink
import Plugin
import TestSupport
import Testing
import Wiring

/// Stands for the plugin dhcp: writes down how it found the container's interface, and leases the same address always.
private func witness(_ file: String) -> Program {
    Program(name: "dhcp", about: "a witness") { verb throws(CNIError) in
        let path = verb.request.invocation.namespacePath
        let seen = try translating("witness") { () throws(KernelError) in
            let inside = try NetworkNamespace(path: path).run(from: .current()) { () throws(KernelError) in
                try NetlinkSocket()
            }
            guard let link = try inside.link(named: "eth0") else { return "absent" }
            return link.isOperational ? "up" : "down"
        }
        let (word, answer): (String, Answer) =
            switch verb {
            case .add:
                ("add", .result(AddResult(ips: CIDR("10.1.0.5/24").map { [.init(address: $0)] } ?? [])))
            case .delete: ("delete", .nothing)
            case .collectGarbage: ("collect", .nothing)
            case .check, .status: ("look", .nothing)
            }
        try translating("witness") { () throws(KernelError) in
            let log = try Descriptor(opening: file, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            try log.writeAll(Array("\(word) \(seen)\n".utf8), file)
        }
        return answer
    }
}

@Suite("A bridge whose addresses are leased through the link", .enabled(if: canUnshare, "needs root"))
struct BridgeLinkLeaseTests {
    private struct Outcome: Sendable {
        var errors: [Int?] = []
        var log: [String] = []
        var hasLink = false
        var records: [String] = []
    }

    private static func run(
        _ members: String,
        _ verbs: [@Sendable (Request) -> Verb],
        bridgeAddress: String? = nil
    ) throws -> Outcome {
        let address = try #require(MACAddress("02:00:00:00:00:09"))
        let taken = try bridgeAddress.map { try #require(CIDR($0)) }
        return try withTemporaryDirectory { root in
            let file = "\(root)/log"
            // The name is found in CNI_PATH, and it is this very program.
            #expect(symlink("/proc/self/exe", "\(root)/dhcp") == 0)
            let text = """
                {"cniVersion": "1.1.0", "name": "blue", "type": "bridge", "ipam": {"type": "dhcp"}\(members)}
                """
            return try inNewNamespace {
                let container = try anotherNamespace()
                let host = try NetlinkSocket()
                if let taken {
                    try host.execute(.addBridge("cni0", address: address, mtu: 0, filtersVLANs: false))
                    let index = try host.link(named: "cni0")?.index ?? 0
                    try host.execute(.addAddress(taken, to: index, name: "cni0"))
                }
                let request = try Request(
                    text,
                    ["CNI_NETNS": container.path, "CULVERT_RUN_DIR": root, "CNI_PATH": root],
                    siblings: [witness(file)]
                )
                var outcome = Outcome()
                for verb in verbs {
                    do throws(CNIError) {
                        _ = try bridge.answer(verb(request))
                        outcome.errors.append(nil)
                    } catch {
                        outcome.errors.append(error.code)
                    }
                }
                outcome.log = (try readFile(file) ?? "").split(separator: "\n").map(String.init)
                outcome.hasLink = try host.link(named: request.key.hostEnd(attempt: 0).name) != nil
                if try FileStatus.of("\(root)/attachments/blue") != nil {
                    outcome.records = try listDirectory("\(root)/attachments/blue")
                }
                return outcome
            }
        }
    }

    @Test("ADD asks when the link passes frames, DEL gives back before the link goes, and again when it is gone")
    func story() throws {
        let outcome = try Self.run("", [{ .add($0) }, { .delete($0) }, { .delete($0) }])
        #expect(outcome.errors == [nil, nil, nil])
        #expect(outcome.log == ["add up", "delete up", "delete absent"])
        #expect(!outcome.hasLink && outcome.records == [])
    }

    @Test("An ADD that is refused after the lease gives it back through the link, and leaves no link")
    func refusal() throws {
        let outcome = try Self.run(#", "isGateway": true"#, [{ .add($0) }], bridgeAddress: "10.7.0.1/24")
        #expect(outcome.errors == [CNIError.Code.addressConflict.rawValue])
        #expect(outcome.log == ["add up", "delete up"])
        #expect(!outcome.hasLink && outcome.records == [])
    }

    @Test("GC gives back before links go")
    func garbage() throws {
        let outcome = try Self.run("", [{ .add($0) }, { .collectGarbage($0, surviving: []) }])
        #expect(outcome.errors == [nil, nil])
        #expect(outcome.log == ["add up", "collect up"])
        #expect(!outcome.hasLink && outcome.records == [])
    }
}
