// SPDX-License-Identifier: Apache-2.0
import Bridge
import CNI
import JSON
import Linux
import Netlink
import PacketFilter
import Plugin
import TestSupport
import Testing
import Wiring

@Suite("The bridge's packet filters, verb by verb", .enabled(if: canUnshare, "needs root"))
struct BridgeFilterVerbTests {
    private static let entry = Chain(Table(.bridge, "nat"), "PREROUTING")
    private static let own = Chain(Table(.bridge, "nat"), "cni-br-iface-c1-eth0")

    /// What one verb answered, and how many rules stood afterwards: in the entry, and in the container's chain.
    private struct Outcome: Sendable {
        var error: CNIError?
        var rules: [Int]
        var tables: Int
    }

    private static func look() throws -> (rules: [Int], tables: Int) {
        let socket = try PacketFilterSocket()
        return (try [entry, own].map { try socket.rules(of: $0).count }, try socket.tables().count)
    }

    /// Runs verbs one after the other; CHECK gets ADD's result.
    private static func run(
        _ members: String,
        _ verbs: [@Sendable (Request) -> Verb],
        losing isLosing: Bool = false
    ) throws -> [Outcome] {
        try withTemporaryDirectory { root in
            try inNewNamespace {
                let container = try anotherNamespace()
                var previous = ""
                return try verbs.map { verb in
                    let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"bridge\"\(members)"
                    let variables = ["CNI_NETNS": container.path, "CULVERT_RUN_DIR": root]
                    let request = try Request(text + previous + "}", variables)
                    var failure: CNIError?
                    do throws(CNIError) {
                        if case .result(let result) = try bridge.answer(verb(request)) {
                            let json = try result.json(version: .newest).serialized()
                            previous = ", \"prevResult\": \(String(decoding: json, as: UTF8.self))"
                        }
                    } catch {
                        failure = error
                    }
                    if isLosing {
                        for name in try AttachmentStore(root: root).keys(of: "blue") {
                            try AttachmentFile(existing: name, in: request.attachments, waitingAtMost: .seconds(20))
                                .remove()
                        }
                    }
                    let (rules, tables) = try look()
                    return Outcome(error: failure, rules: rules, tables: tables)
                }
            }
        }
    }

    @Test(
        "ADD watches the port, CHECK agrees, DEL leaves nothing and can be repeated",
        arguments: [(#", "macspoofchk": true"#, 1), (#", "ipspoofchk": true, "macspoofchk": true"#, 2)]
    )
    func story(members: String, count: Int) throws {
        let outcomes = try Self.run(members, [{ .add($0) }, { .check($0) }, { .delete($0) }, { .delete($0) }])
        #expect(outcomes.map(\.error) == [nil, nil, nil, nil])
        #expect(outcomes.map(\.rules) == [[1, count], [1, count], [0, 0], [0, 0]])
        #expect(outcomes.map(\.tables) == [1, 1, 0, 0])
    }

    @Test("CHECK names what somebody flushed")
    func flushed() throws {
        let outcomes = try Self.run(
            #", "macspoofchk": true"#,
            [
                { .add($0) },
                { request in
                    var batch = Batch()
                    batch.flush(Self.entry)
                    // What cannot be flushed is not flushed, and the test fails.
                    do throws(KernelError) { try PacketFilterSocket().apply(batch) } catch {}
                    return .check(request)
                },
            ]
        )
        #expect(outcomes[1].rules == [0, 1])
        #expect(outcomes[1].error?.code == CNIError.Code.verificationFailed.rawValue)
        let details = try #require(outcomes[1].error?.details)
        #expect(details.contains("missing: rule of bridge nat PREROUTING: macspoofchk-c1-eth0"), "\(details)")
    }

    @Test("DEL removes the rules without a record, too")
    func unrecorded() throws {
        let outcomes = try Self.run(#", "macspoofchk": true"#, [{ .add($0) }, { .delete($0) }], losing: true)
        #expect(outcomes.map(\.error) == [nil, nil])
        #expect(outcomes.map(\.rules) == [[1, 1], [0, 0]] && outcomes[1].tables == 0)
    }

    @Test("GC removes the rules of those who are not listed, and spares those of the others")
    func garbage() throws {
        let survivor = AttachmentID(containerID: "c1", interfaceName: "eth0")
        let outcomes = try Self.run(
            #", "macspoofchk": true"#,
            [
                { .add($0) }, { .collectGarbage($0, surviving: [survivor]) }, { .collectGarbage($0, surviving: []) },
            ]
        )
        #expect(outcomes.map(\.error) == [nil, nil, nil])
        #expect(outcomes.map(\.rules) == [[1, 1], [1, 1], [0, 0]] && outcomes[2].tables == 0)
    }

    @Test("A kernel that takes rules is available")
    func status() throws {
        #expect(try Self.run(#", "macspoofchk": true"#, [{ .status($0) }]).map(\.error) == [nil])
    }
}
