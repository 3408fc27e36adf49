// SPDX-License-Identifier: Apache-2.0
import Attachments
import JSON
import Pools
import Testing
import Wiring

/// What the records of an attachment in these states say of it.
func facts(
    _ container: String,
    _ interface: String = "eth0",
    network: String = "net",
    states: [(String, AttachmentRecord.State?)] = [("", .attached)],
    isBusy: Bool = false,
    result: JSONValue = .null
) -> AttachmentFacts {
    let key = AttachmentKey(network: network, containerID: container, interfaceName: interface)
    let notes = states.map { file, state in
        AttachmentFacts.Note(
            plugin: file.isEmpty ? "bridge" : file,
            file: file,
            record: state.map { state in
                AttachmentRecord(
                    key: key,
                    state: state,
                    namespacePath: "/run/netns/\(container)",
                    namespaceIdentity: "4:77",
                    intendedNanoseconds: 5_000_000_000,
                    hostInterface: "veth1",
                    configuration: ["type": "bridge"],
                    result: result
                )
            }
        )
    }
    return AttachmentFacts(key: key, notes: notes, life: AttachmentLife(.alive, "it is there"), isBusy: isBusy)
}

@Suite("Names of attachments")
struct AttachmentNameTests {
    private let all = [facts("web-0"), facts("web-0", "net1", network: "dmz"), facts("web-10"), facts("db")]

    private func resolve(_ text: String) throws -> [String] {
        try #require(AttachmentName(text)).resolve(among: all).map { $0.key.description }
    }

    @Test(
        "A whole id, the only one with a beginning, and one interface are found",
        arguments: [
            ("web-0", ["net/web-0:eth0", "dmz/web-0:net1"]), ("web-1", ["net/web-10:eth0"]), ("d", ["net/db:eth0"]),
            ("web-0:net1", ["dmz/web-0:net1"]), ("web-1:eth0", ["net/web-10:eth0"]),
        ]
    )
    func found(text: String, keys: [String]) throws {
        #expect(try resolve(text) == keys)
    }

    @Test(
        "What is not found is said, with what may be meant",
        arguments: [
            ("we", "write more of it: web-0, web-10"), ("wbe-0", "did you mean web-0?"), ("dc", "did you mean db?"),
            ("db:eth1", "it has: eth0"), ("postgres", "culvert list shows all of them"),
        ]
    )
    func missed(text: String, advice: String) throws {
        let failure = #expect(throws: PoolFailure.self) { try resolve(text) }
        #expect(failure?.advice == advice)
    }

    @Test("A name needs a container")
    func empty() {
        #expect(AttachmentName("") == nil)
        #expect(AttachmentName(":eth0") == nil)
    }

    @Test("The beginning of a long id that was mistyped leads to the id")
    func long() throws {
        let id = String(repeating: "0123456789abcdef", count: 4)
        let name = try #require(AttachmentName("01243567"))
        let failure = #expect(throws: PoolFailure.self) { try name.resolve(among: [facts(id)]) }
        #expect(failure?.advice == "did you mean 0123456789ab?")
    }

    @Test(
        "Distances count letters that are changed, left out, put in or swapped",
        arguments: [
            ("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "acb", 1),
            ("", "xy", 2),
        ]
    )
    func distances(one: String, other: String, distance: Int) {
        #expect(AttachmentName.distance(one, other) == distance)
        #expect(AttachmentName.distance(other, one) == distance)
    }
}
