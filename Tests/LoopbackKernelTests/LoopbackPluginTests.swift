// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Linux
import Loopback
import Netlink
import Plugin
import TestSupport
import Testing

@Suite("The loopback plugin", .enabled(if: canUnshare, "needs root"))
struct LoopbackPluginTests {
    /// What one verb answered, and whether `lo` was up afterwards.
    private struct Outcome: Sendable {
        var result: AddResult?
        var error: CNIError?
        var isUp = false
    }

    /// Runs verbs one after the other for a new container whose `lo` is down, and has an address if one is given.
    private static func run(
        address: CIDR? = nil,
        _ members: String = "",
        _ verbs: [@Sendable (Request) -> Verb]
    ) throws -> [Outcome] {
        try inNewNamespace {
            let home = try NetworkNamespace.current()
            let container = try anotherNamespace()
            let inside = try container.socket(from: home)
            try inside.execute(.setUp(false, link: 1, name: "lo"))
            if let address { try inside.execute(.addAddress(address, to: 1, name: "lo")) }
            let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"loopback\"\(members)}"
            let request = try Request(text, ["CNI_NETNS": container.path])
            return try verbs.map { verb in
                var outcome = Outcome()
                do throws(CNIError) {
                    if case .result(let result) = try loopback.answer(verb(request)) { outcome.result = result }
                } catch {
                    outcome.error = error
                }
                outcome.isUp = try inside.link(named: "lo")?.isUp == true
                return outcome
            }
        }
    }

    @Test("ADD brings the interface up, CHECK looks at it, DEL brings it down, and all can be repeated")
    func story() throws {
        let outcomes = try Self.run(
            "",
            [{ .check($0) }, { .add($0) }, { .add($0) }, { .check($0) }, { .delete($0) }, { .delete($0) }]
        )
        #expect(outcomes.map(\.isUp) == [false, true, true, true, false, false])
        #expect(outcomes[0].error?.message == "loopback interface is down")
        #expect(outcomes.dropFirst().allSatisfy { $0.error == nil })
        let result = try #require(outcomes[1].result)
        #expect(result.interfaces.map(\.name) == ["lo"])
        #expect(result.interfaces.map(\.mac) == ["00:00:00:00:00:00"])
        #expect(result.ips.map { "\($0.address)" } == ["127.0.0.1/8", "::1/128"])
        #expect(result.ips.map(\.interface) == [0, 0])
        #expect(outcomes[2].result == result)
    }

    @Test("What plugins before it made is passed on")
    func previousResult() throws {
        let previous = #", "prevResult": {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0"}]}"#
        let outcome = try Self.run(previous, [{ .add($0) }])[0]
        #expect(outcome.isUp)
        #expect(outcome.result?.interfaces.map(\.name) == ["eth0"])
    }

    @Test("An address that does not belong there is refused by name")
    func stranger() throws {
        let address = try #require(CIDR("10.1.2.3/24"))
        let error = try Self.run(address: address, "", [{ .add($0) }])[0].error
        #expect(error?.code == CNIError.Code.verificationFailed.rawValue)
        #expect(error?.message == "loopback interface has address 10.1.2.3/24, which is not a loopback address")
    }

    @Test(
        "DEL needs no namespace, STATUS and GC need nothing at all",
        arguments: ["", "/nowhere/at/all", "/etc/passwd"]
    )
    func gone(path: String) throws {
        let request = try Request(#"{"name": "blue"}"#, ["CNI_COMMAND": "DEL", "CNI_NETNS": path])
        for verb in [Verb.delete(request), .status(request), .collectGarbage(request, surviving: [])] {
            #expect(try loopback.answer(verb) == .nothing)
        }
    }
}
