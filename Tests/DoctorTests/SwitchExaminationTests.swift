// SPDX-License-Identifier: Apache-2.0
import Doctor
import Testing

@Suite("Examination of switches in user space")
struct SwitchExaminationTests {
    private let socket = "/run/culvert/switchd.sock"

    /// Two containers on a switch, whose daemon said this.
    private func host(_ daemon: HostFacts.SwitchDaemon?) throws -> HostFacts {
        var facts = try healthyHost()
        facts.programs.append(HostFacts.Program(directory: "/opt/cni/bin", name: "vswitch"))
        try facts.join("lab", #""type": "vswitch""#)
        for name in ["c7", "c8"] {
            var record = HostFacts.Record(network: "lab", containerID: name)
            (record.type, record.switchSocket) = ("vswitch", socket)
            facts.records.append(record)
        }
        facts.switchDaemons[socket] = daemon
        return facts
    }

    @Test("A daemon that answers, or that nobody may ask, is not told of")
    func well() throws {
        #expect(try host(.answers(lost: [:])).kinds == [])
        #expect(try host(nil).kinds == [])
    }

    @Test(
        "A daemon that gives no answer is an error once for each network whose containers need it",
        arguments: [
            (HostFacts.SwitchDaemon.absent("connect: refused"), "does not run", "systemctl start culvert-switchd"),
            (.silent("wait: timed out"), "does not answer", "systemctl restart culvert-switchd"),
            (.stranger("a server of HTTP"), "is no culvert-switchd", "correct daemonSocketPath"),
        ]
    )
    func away(daemon: HostFacts.SwitchDaemon, words: String, fix: String) throws {
        var facts = try host(daemon)
        #expect(facts.kinds == [.switchDaemonAway])
        let finding = facts.findings[0]
        #expect(finding.severity == .error && finding.network == "lab" && finding.place == "socket \(socket)")
        #expect(finding.detail.contains(words) && finding.detail.contains("2 living attachments"))
        #expect(finding.fix.contains(fix) && finding.remedy == nil)
        // The configuration may be gone.
        facts.networks.removeLast()
        #expect(facts.kinds == [.switchDaemonAway])
    }

    @Test("Where nobody lives on the switch, who gives no answer is a warning about the configuration")
    func unready() throws {
        var facts = try host(.absent("connect: no such file"))
        facts.records[1].isDead = true
        facts.records[2].isAttached = false
        #expect(facts.kinds.contains(.switchDaemonUnready) && !facts.kinds.contains(.switchDaemonAway))
        facts.records.removeLast(2)
        #expect(facts.kinds == [.switchDaemonUnready])
        let finding = facts.findings[0]
        #expect(finding.severity == .warning && finding.network == "lab")
        #expect(finding.fix == "systemctl start culvert-switchd")
        #expect(finding.place.hasSuffix("lab.conflist: plugins[0]") && finding.detail.contains(socket))
    }

    @Test("Each daemon is judged by itself, and the unit is recommended for the usual one only")
    func others() throws {
        var facts = try host(.answers(lost: [:]))
        try facts.join("far", #""type": "vswitch", "daemonSocketPath": "/run/other.sock""#)
        #expect(facts.kinds == [])
        facts.switchDaemons["/run/other.sock"] = .absent("connect: no such file")
        #expect(facts.kinds == [.switchDaemonUnready])
        #expect(facts.findings[0].network == "far")
        #expect(facts.findings[0].fix.hasPrefix("start culvert-switchd -socketpath /run/other.sock"))
    }

    @Test("A living attachment without port is told with the daemon's reason")
    func lost() throws {
        var facts = try host(.answers(lost: ["lab/c8:eth0": "its link is gone", "lab/gone:eth0": "no"]))
        #expect(facts.kinds == [.switchPortLost])
        let finding = facts.findings[0]
        #expect(finding.severity == .error && finding.network == "lab" && finding.place == "lab/c8:eth0")
        #expect(finding.detail.hasSuffix("its link is gone"))
        facts.records.removeLast()
        #expect(facts.kinds == [])
        // One that has just begun still waits for what the one before had open.
        #expect(try host(.answers(lost: ["lab/c8:eth0": ""])).kinds == [])
    }
}
