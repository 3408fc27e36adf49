// SPDX-License-Identifier: Apache-2.0
import Addressing
import Bridge
import CNI
import Linux
import Netlink
import Plugin
import TestSupport
import Testing
import Wiring

@Suite("The bridge, verb by verb", .enabled(if: canUnshare, "needs root"))
struct BridgePluginTests {
    /// What one verb answered, and what was there afterwards.
    private struct Outcome: Sendable {
        var interfaces: [AddResult.Interface] = []
        var error: CNIError?
        var links: [String] = []
        var inside: [String] = []
        var records: [String] = []
    }

    private static func names(_ socket: borrowing NetlinkSocket, _ names: [String]) throws -> [String] {
        try names.filter { try socket.link(named: $0) != nil }
    }

    /// Runs verbs one after the other in the same two namespaces.
    private static func run(
        _ members: String,
        _ verbs: [@Sendable (Request) -> Verb],
        prepare: @escaping @Sendable (borrowing NetlinkSocket, borrowing NetlinkSocket) throws -> Void = { _, _ in }
    ) throws -> [Outcome] {
        try withTemporaryDirectory { root in
            let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"bridge\"\(members)}"
            return try inNewNamespace {
                let home = try NetworkNamespace.current()
                let container = try anotherNamespace()
                let host = try NetlinkSocket()
                let inside = try container.socket(from: home)
                try prepare(host, inside)
                let request = try Request(text, ["CNI_NETNS": container.path, "CULVERT_RUN_DIR": root])
                let end = request.key.hostEnd(attempt: 0).name
                return try verbs.map { verb in
                    var outcome = Outcome()
                    do throws(CNIError) {
                        if case .result(let result) = try bridge.answer(verb(request)) {
                            outcome.interfaces = result.interfaces
                        }
                    } catch {
                        outcome.error = error
                    }
                    outcome.links = try names(host, ["cni0", end]).map { $0 == end ? "host end" : $0 }
                    outcome.inside = try names(inside, ["eth0"])
                    if try FileStatus.of("\(root)/attachments/blue") != nil {
                        outcome.records = try listDirectory("\(root)/attachments/blue")
                    }
                    return outcome
                }
            }
        }
    }

    @Test("ADD connects, a second ADD is refused, DEL disconnects and can be repeated")
    func story() throws {
        let outcomes = try Self.run("", [{ .add($0) }, { .add($0) }, { .delete($0) }, { .delete($0) }])
        #expect(outcomes[0].error == nil)
        #expect(outcomes[0].interfaces.map(\.sandbox.isEmpty) == [true, true, false])
        #expect(outcomes[0].links == ["cni0", "host end"] && outcomes[0].inside == ["eth0"])
        #expect(outcomes[0].records == ["c1:eth0.json"])
        #expect(outcomes[1].error?.code == CNIError.Code.interfaceExists.rawValue)
        #expect(outcomes[1].links == outcomes[0].links && outcomes[1].records == outcomes[0].records)
        for outcome in outcomes[2...] {
            #expect(outcome.error == nil)
            #expect(outcome.links == ["cni0"] && outcome.inside == [] && outcome.records == [])
        }
    }

    @Test("An ADD that finds the interface's name taken says so and leaves nothing behind")
    func taken() throws {
        let address = try #require(MACAddress("02:00:00:00:00:09"))
        let outcomes = try Self.run("", [{ .add($0) }]) { _, inside in
            try inside.execute(.addBridge("eth0", address: address, mtu: 0, filtersVLANs: false))
        }
        #expect(outcomes[0].error?.code == CNIError.Code.interfaceExists.rawValue)
        #expect(outcomes[0].links == [] && outcomes[0].inside == ["eth0"] && outcomes[0].records == [])
    }

    @Test("A bridge that was deleted under a container gets its address again, another one nobody knows does not")
    func remade() throws {
        let addresses = try withTemporaryDirectory { root in
            try inNewNamespace {
                let host = try NetlinkSocket()
                return try ["blue", "blue", "green"].enumerated().map { index, network in
                    let container = try anotherNamespace()
                    let name = "br-\(network)"
                    let text =
                        "{\"cniVersion\": \"1.1.0\", \"name\": \"\(network)\", \"type\": \"bridge\", "
                        + "\"bridge\": \"\(name)\"}"
                    let variables = [
                        "CNI_CONTAINERID": "c\(index)", "CNI_NETNS": container.path, "CULVERT_RUN_DIR": root,
                    ]
                    _ = try bridge.answer(.add(try Request(text, variables)))
                    let address = try host.link(named: name)?.address
                    try host.execute(.deleteLink(named: name))
                    return address
                }
            }
        }
        #expect(addresses[0] != nil && addresses[0] == addresses[1] && addresses[2] != addresses[0])
    }

    @Test("STATUS refuses a link that is no bridge, and does without one")
    func status() throws {
        #expect(try Self.run("", [{ .status($0) }]).map(\.error) == [nil])
        let error = try Self.run(#", "bridge": "lo""#, [{ .status($0) }])[0].error
        #expect(error?.code == CNIError.Code.unavailable.rawValue)
        #expect(error?.message == "lo exists and is not a bridge")
    }

    @Test("GC removes what is not listed and spares what is")
    func garbage() throws {
        let survivor = AttachmentID(containerID: "c1", interfaceName: "eth0")
        let outcomes = try Self.run(
            "",
            [
                { .add($0) }, { .collectGarbage($0, surviving: [survivor]) }, { .collectGarbage($0, surviving: []) },
                { .collectGarbage($0, surviving: []) },
            ]
        )
        #expect(outcomes.map(\.error) == [nil, nil, nil, nil])
        #expect(outcomes[1].links == ["cni0", "host end"] && outcomes[1].records == ["c1:eth0.json"])
        #expect(outcomes[2].links == ["cni0"] && outcomes[2].inside == [] && outcomes[2].records == [])
    }
}
