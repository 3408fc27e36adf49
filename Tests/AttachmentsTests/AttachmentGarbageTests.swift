// SPDX-License-Identifier: Apache-2.0
import Attachments
import CNI
import JSON
import Runtime
import Testing
import Wiring

@Suite("Garbage of attachments")
struct AttachmentGarbageTests {
    /// An attachment with notes of these plugins, all in one state.
    private func attachment(
        _ verdict: AttachmentLife.Verdict,
        _ state: AttachmentRecord.State = .attached,
        isBusy: Bool = false,
        _ plugins: [String] = ["", "portmap"]
    ) -> AttachmentFacts {
        let key = AttachmentKey(network: "net", containerID: "c1", interfaceName: "eth0")
        let notes = plugins.map { file in
            let type = file.isEmpty ? "bridge" : file
            return AttachmentFacts.Note(
                plugin: type,
                file: file,
                record: AttachmentRecord(
                    key: key,
                    state: state,
                    namespacePath: "/run/netns/c1",
                    namespaceIdentity: "4:77",
                    intendedNanoseconds: 1,
                    configuration: ["cniVersion": "1.1.0", "name": "net", "type": .string(type), "old": true],
                    result: file.isEmpty ? ["ips": []] : .null
                )
            )
        }
        return AttachmentFacts(key: key, notes: notes, life: AttachmentLife(verdict, "of old age"), isBusy: isBusy)
    }

    @Test(
        "Only the dead, and what was to be taken away, are garbage",
        arguments: [
            (AttachmentLife.Verdict.alive, AttachmentRecord.State.attached, false), (.unknown, .attached, false),
            (.dead, .attached, true), (.dead, .intended, true), (.dead, .removing, true), (.alive, .intended, false),
            (.unknown, .intended, false), (.alive, .removing, true), (.unknown, .removing, true),
        ]
    )
    func garbage(verdict: AttachmentLife.Verdict, state: AttachmentRecord.State, isGarbage: Bool) {
        #expect((AttachmentGarbage(attachment(verdict, state)) != nil) == isGarbage)
        #expect(AttachmentGarbage(attachment(verdict, state, isBusy: true)) == nil)
    }

    @Test("Half a record is forgotten, and nobody is called for it")
    func halves() {
        #expect(AttachmentGarbage(facts("c1", states: [("", nil)]))?.kind == .forget)
    }

    @Test("The last plugin is called first, with what it read in ADD and without the dead namespace")
    func calls() {
        let calls = DisconnectPlan(attachment(.dead), nil).calls
        #expect(calls.map { $0.type } == ["portmap", "bridge"])
        #expect(calls.allSatisfy { $0.command == .delete && $0.attachment?.namespacePath.isEmpty == true })
        let result: JSONValue = ["ips": []]
        guard case .object(let input) = calls[1].input else { return #expect(Bool(false), "no object") }
        #expect(input["prevResult"] == result)
        #expect(input["old"] == true)
        #expect(DisconnectPlan(attachment(.alive), nil).calls[0].attachment?.namespacePath == "/run/netns/c1")
    }

    @Test("Plugins with a record are told which one is meant; others have none")
    func meant() throws {
        let calls = DisconnectPlan(attachment(.dead), try list(["bridge", "bandwidth", "portmap"])).calls
        let begun = ["CULVERT_ONLY_BEGUN": "1"]
        #expect(calls.map { $0.type } == ["portmap", "bandwidth", "bridge"])
        #expect(calls.map { $0.besides } == [begun, [:], begun])
    }

    private func list(_ types: [String]) throws -> NetworkList {
        let plugins = types.map { #"{"type": "\#($0)"}"# }.joined(separator: ",")
        return try NetworkList(
            parsing: Array(#"{"cniVersion": "1.1.0", "name": "net", "plugins": [\#(plugins)]}"#.utf8)
        )
    }

    @Test("Plugins without records are called in their places, those with records by what these hold")
    func unrecorded() throws {
        let calls = DisconnectPlan(attachment(.dead), try list(["bridge", "bandwidth", "portmap", "tuning"])).calls
        #expect(calls.map { $0.type } == ["tuning", "portmap", "bandwidth", "bridge"])
        guard case .object(let own) = calls[1].input, case .object(let other) = calls[2].input else {
            return #expect(Bool(false), "no objects")
        }
        #expect(own["old"] == true)
        #expect(other["old"] == nil && other["name"] == "net" && other["prevResult"] == ["ips": []])
    }

    @Test("A list that lacks what was recorded is another network's, and not used")
    func otherList() throws {
        let calls = DisconnectPlan(attachment(.dead), try list(["macvlan", "tuning"])).calls
        #expect(calls.map { $0.type } == ["portmap", "bridge"])
    }
}
