// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Linux
import Netlink
import Plugin
import TestSupport
import Testing
import Tuning

@Suite("The tuning plugin", .enabled(if: canUnshare, "needs root"))
struct TuningPluginTests {
    /// What one verb answered, and what was there afterwards.
    private struct Outcome: Sendable {
        var result: AddResult?
        var error: CNIError?
        var settings: LinkSettings?
        var sysctl = ""
        var files: [String] = []
    }

    /// Runs verbs one after the other for a container whose `eth0` is a bridge.
    private static func run(_ members: String, _ verbs: [@Sendable (Request) -> Verb]) throws -> [Outcome] {
        try withTemporaryDirectory { root in
            try inNewNamespace {
                let home = try NetworkNamespace.current()
                let container = try anotherNamespace()
                let inside = try container.socket(from: home)
                let address = MACAddress("0a:00:00:00:00:01") ?? .zero
                try inside.execute(.addBridge("eth0", address: address, mtu: 1500, filtersVLANs: false))
                let path = container.path
                let text = """
                    {"cniVersion": "1.1.0", "name": "blue", "dataDir": "\(root)/data"\(members), "prevResult":
                    {"interfaces": [{"name": "eth0", "sandbox": "\(path)", "mac": "0a:00:00:00:00:01"}]}}
                    """
                let request = try Request(text, ["CNI_NETNS": path])
                return try verbs.map { verb in
                    var outcome = Outcome()
                    do throws(CNIError) {
                        if case .result(let result) = try tuning.answer(verb(request)) { outcome.result = result }
                    } catch {
                        outcome.error = error
                    }
                    outcome.settings = try inside.settings(ofLink: "eth0")
                    outcome.sysctl = try container.run(from: home) { () throws(KernelError) in
                        try Sysctl("core/somaxconn").read()
                    }
                    if try FileStatus.of("\(root)/data") != nil { outcome.files = try listDirectory("\(root)/data") }
                    return outcome
                }
            }
        }
    }

    private static let members = """
        , "mac": "0a:00:00:00:00:07", "mtu": 1400, "promisc": true, "allmulti": true, "txQLen": 9,
        "sysctl": {"net.core.somaxconn": "321"}
        """

    @Test("ADD adjusts all of it, CHECK agrees, DEL gives all but the sysctls back, and all can be repeated")
    func story() throws {
        let outcomes = try Self.run(
            Self.members,
            [{ .add($0) }, { .check($0) }, { .add($0) }, { .delete($0) }, { .delete($0) }, { .check($0) }]
        )
        #expect(outcomes.dropLast().allSatisfy { $0.error == nil })
        let tuned = try #require(outcomes[0].settings)
        #expect("\(tuned.address ?? .zero)" == "0a:00:00:00:00:07")
        #expect(
            (tuned.mtu, tuned.transmitQueueLength, tuned.isPromiscuous, tuned.isAllMulticast) == (1400, 9, true, true)
        )
        #expect(outcomes[0].result?.interfaces.map(\.mac) == ["0a:00:00:00:00:07"])
        #expect(outcomes[0].result?.interfaces.map(\.mtu) == [1400])
        #expect(outcomes.map(\.sysctl) == Array(repeating: "321", count: 6))
        #expect(outcomes.map(\.files) == [["c1_eth0.json"], ["c1_eth0.json"], ["c1_eth0.json"], [], [], []])
        let restored = try #require(outcomes[3].settings)
        #expect("\(restored.address ?? .zero)" == "0a:00:00:00:00:01")
        #expect((restored.mtu, restored.isPromiscuous, restored.isAllMulticast) == (1500, false, false))
        #expect(outcomes[5].error?.code == CNIError.Code.verificationFailed.rawValue)
        #expect(outcomes[5].error?.details.contains("eth0 has MTU 1500 instead of 1400") == true)
    }

    @Test("A refusal takes back what was done before it")
    func refusal() throws {
        let members =
            #", "mac": "0a:00:00:00:00:07", "promisc": true, "mtu": 65536, "sysctl": {"net.core.somaxconn": "321"}"#
        let outcomes = try Self.run(members, [{ .check($0) }, { .add($0) }])
        #expect(outcomes[1].error?.code == CNIError.Code.kernelRefused.rawValue)
        #expect(outcomes[1].error?.details.contains("set MTU of link eth0 to 65536") == true)
        #expect(outcomes[1].settings == outcomes[0].settings)
        #expect(outcomes[1].sysctl == outcomes[0].sysctl && outcomes[1].files == [])
    }

    @Test("GC removes what is not listed, gives it back, and spares what is")
    func garbage() throws {
        let survivor = AttachmentID(containerID: "c1", interfaceName: "eth0")
        let outcomes = try Self.run(
            #", "mtu": 1400"#,
            [
                { .add($0) }, { .collectGarbage($0, surviving: [survivor]) }, { .collectGarbage($0, surviving: []) },
                { .collectGarbage($0, surviving: []) },
            ]
        )
        #expect(outcomes.map(\.error) == [nil, nil, nil, nil])
        #expect(outcomes.map(\.files) == [["c1_eth0.json"], ["c1_eth0.json"], [], []])
        #expect(outcomes.map { $0.settings?.mtu } == [1400, 1400, 1500, 1500])
    }

    @Test("DEL needs no namespace", arguments: ["", "/nowhere/at/all", "/etc/passwd"])
    func gone(path: String) throws {
        let request = try Request(#"{"name": "blue", "mtu": "green"}"#, ["CNI_COMMAND": "DEL", "CNI_NETNS": path])
        #expect(try tuning.answer(.delete(request)) == .nothing)
    }
}
