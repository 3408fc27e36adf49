// SPDX-License-Identifier: Apache-2.0
import Bridge
import CNI
import FastPath
import JSON
import Linux
import Netlink
import Plugin
import TestSupport
import Testing
import Wiring

@Suite("The bridge's shortcut, verb by verb", .enabled(if: canUnshare, "needs root"))
struct BridgeShortcutVerbTests {
    /// What one verb answered, and what the kernel knew afterwards.
    private struct Outcome: Sendable {
        var error: CNIError?
        /// The numbers of links: ports and stations alike.
        var links: [UInt32]
        var isLoaded: Bool
    }

    private static func look() throws -> (links: [UInt32], isLoaded: Bool) {
        guard let path = try FastPath.existing() else { return ([], false) }
        return (try path.allPorts().map(\.link) + path.allStations().map(\.link), true)
    }

    /// Runs verbs one after the other; CHECK gets ADD's result.
    private static func run(
        _ verbs: [@Sendable (Request) throws -> Verb],
        members: String = #", "fastPath": "ebpf""#,
        hiding isHidden: Bool = false,
        losing isLosing: Bool = false
    ) throws -> [Outcome] {
        try withTemporaryDirectory { root in
            try inNewNamespace {
                if isHidden { try hideDirectory("/sys") } else { try ownPrograms() }
                let container = try anotherNamespace()
                var previous = ""
                return try verbs.map { verb in
                    let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"bridge\"\(members)"
                    let variables = ["CNI_NETNS": container.path, "CULVERT_RUN_DIR": root]
                    let request = try Request(text + previous + "}", variables)
                    let call = try verb(request)
                    var failure: CNIError?
                    do throws(CNIError) {
                        if case .result(let result) = try bridge.answer(call) {
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
                    let (links, isLoaded) = try look()
                    return Outcome(error: failure, links: links, isLoaded: isLoaded)
                }
            }
        }
    }

    /// The host's end of the container's pair.
    private static func hostEnd() throws -> Link? {
        for attempt in 0..<2 {
            let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")
            if let link = try NetlinkSocket().link(named: key.hostEnd(attempt: attempt).name) { return link }
        }
        return nil
    }

    /// Loses the pair, as a container that dies does.
    private static func loseLink() throws {
        guard let end = try hostEnd() else { return }
        try NetlinkSocket().execute(.deleteLink(named: end.name))
    }

    @Test("ADD makes it, CHECK agrees, DEL forgets it and can be repeated", arguments: [false, true])
    func story(isLosing: Bool) throws {
        let outcomes = try Self.run(
            [{ .add($0) }, { .status($0) }, { .check($0) }, { .delete($0) }, { .delete($0) }],
            losing: isLosing
        )
        #expect(outcomes.map(\.error) == [nil, nil, nil, nil, nil])
        #expect(outcomes[0].links.count == 2 && outcomes[0].links[0] == outcomes[0].links[1])
        #expect(outcomes[2].links == outcomes[0].links)
        #expect(outcomes[3].links == [] && outcomes[4].links == [])
    }

    @Test(
        "A network that does not ask for it has none, and no program is loaded",
        arguments: ["", #", "fastPath": "off""#]
    )
    func ordinary(members: String) throws {
        let outcomes = try Self.run(
            [{ .add($0) }, { .status($0) }, { .check($0) }, { .delete($0) }],
            members: members
        )
        #expect(outcomes.map(\.error) == [nil, nil, nil, nil])
        #expect(outcomes.allSatisfy { !$0.isLoaded })
    }

    @Test("Where there can be none, every verb does its work")
    func impossible() throws {
        let outcomes = try Self.run(
            [{ .status($0) }, { .add($0) }, { .check($0) }, { .collectGarbage($0, surviving: []) }, { .delete($0) }],
            hiding: true
        )
        #expect(outcomes.map(\.error) == [nil, nil, nil, nil, nil])
    }

    @Test("DEL and GC forget one whose link is gone already, with a record and without one", arguments: [false, true])
    func lost(isLosing: Bool) throws {
        let verbs: [@Sendable (Request) throws -> Verb] = [{ .delete($0) }, { .collectGarbage($0, surviving: []) }]
        for (number, verb) in verbs.enumerated() where !(isLosing && number == 1) {
            let outcomes = try Self.run(
                [
                    { .add($0) },
                    { request in
                        try Self.loseLink()
                        return try verb(request)
                    },
                ],
                losing: isLosing
            )
            #expect(outcomes.map(\.error) == [nil, nil])
            #expect(outcomes[0].links.count == 2 && outcomes[1].links == [])
        }
    }

    @Test("GC spares those who are listed, and forgets the others")
    func garbage() throws {
        let survivor = AttachmentID(containerID: "c1", interfaceName: "eth0")
        let outcomes = try Self.run([
            { .add($0) }, { .collectGarbage($0, surviving: [survivor]) }, { .collectGarbage($0, surviving: []) },
        ])
        #expect(outcomes.map(\.error) == [nil, nil, nil])
        #expect(outcomes.map(\.links.count) == [2, 2, 0])
    }

    @Test("CHECK names what is missing and what is wrong")
    func wrong() throws {
        let damages: [(words: String, body: @Sendable (borrowing FastPath, FastPathPort) throws -> Void)] = [
            ("has no shortcut", { path, port in try path.removePort(port.link) }),
            ("does not lead to veth", { path, port in try path.removeStation(FastPathStation(port)) }),
            ("program is not at veth", { path, port in try path.detach(from: port.link) }),
            (
                "is isolated",
                { path, port in
                    let other = FastPathPort(
                        link: port.link,
                        bridge: port.bridge,
                        address: port.address,
                        isIsolated: true
                    )
                    try path.setPort(other)
                }
            ),
        ]
        for (words, body) in damages {
            let outcomes = try Self.run([
                { .add($0) },
                { request in
                    if let path = try FastPath.existing(), let port = try path.allPorts().first {
                        // Damaged is what is whole.
                        #expect(try path.isAttachedSoon(to: port.link))
                        try body(path, port)
                    }
                    return .check(request)
                },
                { .delete($0) },
            ])
            #expect(outcomes[1].error?.code == CNIError.Code.verificationFailed.rawValue)
            #expect(outcomes[1].error?.details.contains(words) == true, "\(outcomes[1].error?.details ?? "nothing")")
            #expect(outcomes[2].error == nil && outcomes[2].links == [])
        }
    }

    @Test("An ADD after one that was cut off forgets what that one had made")
    func cutOff() throws {
        let outcomes = try Self.run([
            { .add($0) },
            { request in
                var file = try AttachmentFile(
                    existing: request.key,
                    in: request.attachments,
                    waitingAtMost: .seconds(20)
                )
                guard var record = file.record else { throw KernelError("find the record", .noSuchFileOrDirectory) }
                record.state = .intended
                try file.write(record)
                return .status(request)
            },
            { .add($0) },
        ])
        #expect(outcomes.map(\.error) == [nil, nil, nil])
        #expect(outcomes.map(\.links.count) == [2, 2, 2])
        #expect(outcomes[0].links != outcomes[2].links)
    }
}
