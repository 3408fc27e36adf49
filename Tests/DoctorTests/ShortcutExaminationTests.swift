// SPDX-License-Identifier: Apache-2.0
import Doctor
import Testing

@Suite("Examination of shortcuts past bridges")
struct ShortcutExaminationTests {
    private func host(_ shortcut: HostFacts.Shortcut?) throws -> HostFacts {
        var facts = try healthyHost()
        facts.networks = []
        try facts.join("lan", #""type": "bridge", "isGateway": true, "ipMasq": true, "fastPath": "ebpf""#)
        facts.records[0].asksForShortcut = true
        facts.shortcuts = shortcut.map { ["veth01234567": $0] }
        return facts
    }

    @Test("One that is there, or at which nobody could look, is not told of")
    func whole() throws {
        let whole = HostFacts.Shortcut(hasPort: true, hasStation: true, hasProgram: true)
        #expect(try host(whole).kinds == [])
        #expect(try host(nil).kinds == [])
    }

    @Test(
        "Each part that is missing is named",
        arguments: [
            (HostFacts.Shortcut(hasPort: true, hasStation: true, hasProgram: false), "lacks the program"),
            (HostFacts.Shortcut(hasPort: false, hasStation: true, hasProgram: true), "not known"),
            (HostFacts.Shortcut(hasPort: true, hasStation: false, hasProgram: true), "does not lead"),
        ]
    )
    func parts(shortcut: HostFacts.Shortcut, words: String) throws {
        let findings = try host(shortcut).findings
        #expect(findings.map { $0.kind } == [.shortcutMissing])
        #expect(findings[0].detail.contains(words) && findings[0].detail.contains("lan/c1:eth0"))
        #expect(findings[0].place == "link veth01234567" && findings[0].fix == "culvert reconcile")
    }

    @Test("Who did not ask for one, is dead or has lost its port, lacks none")
    func others() throws {
        let nothing = HostFacts.Shortcut(hasPort: false, hasStation: false, hasProgram: false)
        var facts = try host(nothing)
        facts.records[0].isDead = true
        #expect(!facts.kinds.contains(.shortcutMissing))
        facts.records[0].isDead = false
        facts.links.removeAll { $0.name == "veth01234567" }
        #expect(facts.kinds == [.portMissing])
        facts = try host(nothing)
        facts.records[0].asksForShortcut = false
        #expect(facts.kinds == [])
    }

    @Test("Where there can be none, the networks that ask for one are told why, and nobody else")
    func impossible() throws {
        var facts = try host(HostFacts.Shortcut(hasPort: false, hasStation: false, hasProgram: false))
        facts.shortcutFailure = "too old"
        #expect(facts.kinds == [.kernelNoShortcut])
        #expect(facts.findings[0].place.hasSuffix("lan.conflist: plugins[0].fastPath"))
        #expect(facts.findings[0].detail.hasSuffix("too old"))
        facts.networks = []
        try facts.join("lan", #""type": "bridge", "isGateway": true, "ipMasq": true"#)
        #expect(facts.kinds == [])
    }
}
