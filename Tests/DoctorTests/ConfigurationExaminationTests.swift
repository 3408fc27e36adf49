// SPDX-License-Identifier: Apache-2.0
import Doctor
import JSON
import Testing

@Suite("Examination of configurations and plugins")
struct ConfigurationExaminationTests {
    @Test("A healthy host has no findings")
    func healthy() throws {
        #expect(try healthyHost().findings == [])
    }

    @Test(
        "A misspelt key is found at its place, with what was meant",
        arguments: [
            (#""type": "bridge", "isGatway": true"#, "plugins[0].isGatway", "isGateway"),
            (#""type": "bridge", "ipam": {"type": "host-local", "ragnes": []}"#, "plugins[0].ipam.ragnes", "ranges"),
            (
                #""type": "bridge", "ipam": {"type": "host-local", "ranges": [[{"subent": "10.0.0.0/8"}]]}"#,
                "plugins[0].ipam.ranges[0][0].subent", "subnet"
            ),
            (#""type": "portmap", "masqall": true, "snaat": true"#, "plugins[0].snaat", "snat"),
        ]
    )
    func misspelt(plugin: String, place: String, meant: String) throws {
        var facts = HostFacts()
        try facts.join("x", plugin)
        let finding = try #require(ConfigurationExamination(facts).findings.first)
        #expect(finding.kind == .configMisspeltKey)
        #expect(finding.place == "/etc/cni/net.d/x.conflist: \(place)")
        #expect(finding.fix == "rename the key to \"\(meant)\"")
        #expect(ConfigurationExamination(facts).findings.count == 1)
    }

    @Test(
        "Keys in other cases, keys that resemble none, and keys of unknown plugins are nobody's business",
        arguments: [
            #""type": "bridge", "ISGATEWAY": true"#, #""type": "bridge", "x-comment": 1"#,
            #""type": "calico", "isGatway": 1"#, #""type": "bridge", "ipam": {}"#, #""type": "bridge", "mtu": null"#,
        ]
    )
    func harmless(plugin: String) throws {
        var facts = HostFacts()
        try facts.join("x", plugin)
        #expect(ConfigurationExamination(facts).findings == [])
    }

    @Test("A value of a wrong type is found, and quotes that are too many are named")
    func types() throws {
        var facts = HostFacts()
        try facts.join("x", #""type": "bridge", "vlan": "7", "hairpinMode": "true", "bridge": 5"#)
        let findings = ConfigurationExamination(facts).findings
        #expect(findings.map { $0.kind } == [.configWrongType, .configWrongType, .configWrongType])
        #expect(
            findings.map { $0.fix } == [
                "write an integer, without quotes: 7", "write a boolean, without quotes: true", "write a string",
            ]
        )
    }

    @Test("A list in a .conf file and a plugin in a .conflist are to be renamed, and not told twice")
    func endings() throws {
        var facts = HostFacts()
        facts.files = [
            HostFacts.File(path: "/n/1.conf", document: ["name": "a", "plugins": []]),
            HostFacts.File(path: "/n/2.conflist", document: ["name": "b", "type": "bridge"]),
            HostFacts.File(path: "/n/3.conf", document: ["name": "c", "type": "bridge"]),
            HostFacts.File(path: "/n/4.conflist", document: nil),
        ]
        facts.refusals = ["/n/1.conf was passed over: no type", "/n/4.conflist was passed over: no JSON (line 1)"]
        let findings = ConfigurationExamination(facts).findings
        #expect(findings.map { $0.kind } == [.configBroken, .configWrongEnding, .configWrongEnding])
        #expect(findings[0].place == "/n/4.conflist" && findings[0].detail == "no JSON (line 1)")
        #expect(findings[1].fix == "mv /n/1.conf /n/1.conflist")
        #expect(findings[2].fix == "mv /n/2.conflist /n/2.conf")
    }

    @Test("Of two files with one name the second is useless; for pods all but the first are")
    func several() throws {
        var facts = HostFacts()
        try facts.join("20-b", #""type": "bridge""#)
        try facts.configure("30.conflist", #"{"name": "20-b", "plugins": []}"#)
        #expect(ConfigurationExamination(facts).findings.map { $0.kind } == [.configDuplicateName])
        facts.signs = [SystemSigns.kubelet]
        let shadowed = ConfigurationExamination(facts).findings.filter { $0.kind == .configShadowed }
        #expect(shadowed.map { $0.place } == ["/etc/cni/net.d/30.conflist"])
    }

    // MARK: - Plugins

    @Test("A plugin that is nowhere is missing, and a name near to it is offered")
    func missing() throws {
        var facts = try healthyHost()
        facts.programs = []
        #expect(facts.kinds == [.pluginMissing])
        try facts.join("x", #""type": "brdige""#)
        #expect(facts.findings.contains { $0.fix == #"write "type": "bridge""# })
    }

    @Test("A plugin that nobody may run is found even if another directory has one that works")
    func executable() throws {
        var facts = try healthyHost()
        facts.searchPath = ["/a", "/opt/cni/bin"]
        facts.programs.append(HostFacts.Program(directory: "/a", name: "bridge", isExecutable: false))
        #expect(facts.kinds == [.pluginNotExecutable])
        #expect(facts.findings[0].remedy == .executable("/a/bridge"))
    }

    @Test("Another implementation before ours is in the way, behind ours it is not")
    func shadowing() throws {
        var facts = try healthyHost()
        facts.programs.append(HostFacts.Program(directory: "/a", name: "bridge", implementation: .foreign))
        facts.searchPath = ["/opt/cni/bin", "/a"]
        #expect(facts.kinds == [])
        facts.searchPath = ["/a", "/opt/cni/bin"]
        #expect(facts.kinds == [.pluginShadowed])
    }

    @Test("A list that two implementations share is worth a word; one of strangers only is not")
    func foreign() throws {
        var facts = try healthyHost()
        try facts.configure("x.conflist", #"{"name": "x", "plugins": [{"type": "bridge"}, {"type": "portmap"}]}"#)
        facts.programs.append(
            HostFacts.Program(directory: "/opt/cni/bin", name: "portmap", implementation: .foreign)
        )
        #expect(facts.kinds == [.pluginForeign])
        facts.programs.removeFirst()
        facts.programs.append(HostFacts.Program(directory: "/opt/cni/bin", name: "bridge", implementation: .foreign))
        #expect(facts.kinds == [])
    }

    @Test("A version that a plugin does not speak is found, with one that it does")
    func versions() throws {
        var facts = try healthyHost()
        facts.programs = [
            HostFacts.Program(directory: "/opt/cni/bin", name: "bridge", implementation: .ours, versions: ["0.4.0"])
        ]
        #expect(facts.kinds == [.configVersion])
        #expect(facts.findings[0].fix.contains(#""cniVersion": "0.4.0""#))
    }
}
