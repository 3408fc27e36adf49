// SPDX-License-Identifier: Apache-2.0
import CLinux
import Doctor
import JSON
import Linux
import Pools
import Testing

@Suite("Reports of the doctor")
struct DoctorReportTests {
    @Test("The worst comes first, and each thing once")
    func order() throws {
        var facts = try healthyHost()
        facts.addresses.append(HostFacts.Address(try cidr("203.0.113.1/24"), link: 2))
        facts.links[0].isUp = false
        facts.settings["ipv4/ip_forward"] = "0"
        facts.staleCaches = ["/b", "/a", "/a"]
        let report = DoctorReport(facts)
        #expect(
            report.findings.map { $0.kind } == [
                .forwardingOff, .bridgeDown, .foreignAddress, .cacheStale, .cacheStale,
            ]
        )
        #expect(report.findings.suffix(2).map { $0.place } == ["/a", "/b"])
        #expect(report.lines(isVerbose: false, Look()).last == "found 2 errors and 3 warnings in 1 network")
    }

    @Test("People read of each finding where, what, why and what to type")
    func text() throws {
        var facts = try healthyHost()
        facts.links[0].isUp = false
        #expect(
            DoctorReport(facts, unseen: ["links: no"]).lines(isVerbose: false, Look()) == [
                "error  bridge-down  network lan", "  where  link cni0", "  what   it is down, and has ports",
                "  why    nothing passes the bridge", "  fix    ip link set cni0 up  (culvert doctor --fix)", "",
                "not looked at: links: no", "found 1 error in 1 network",
            ]
        )
    }

    @Test("A host is called healthy only when all of it was looked at")
    func healthy() throws {
        let facts = try healthyHost()
        #expect(DoctorReport(facts).lines(isVerbose: false, Look()) == ["healthy: 1 network"])
        #expect(
            DoctorReport(facts, unseen: ["x: y"]).lines(isVerbose: false, Look()).last
                == "nothing found in what could be looked at: 1 network"
        )
        #expect(DoctorReport(facts).lines(isVerbose: true, Look()).count == FindingKind.allCases.count + 1)
    }

    @Test("Who asks for one network is told of one")
    func one() throws {
        var facts = try healthyHost()
        try facts.join("other", #""type": "bridge", "bridge": "cni1""#)
        #expect(DoctorReport(facts, network: "lan").lines(isVerbose: false, Look()) == ["healthy: 1 network"])
    }

    @Test("Programs find the same keys in every finding")
    func json() throws {
        var facts = try healthyHost()
        facts.links[0].isUp = false
        let reader = JSONReader(DoctorReport(facts).json(done: ["x"]))
        let finding = try #require(try reader.array("findings")?.first)
        #expect(
            try finding.object().members.map { $0.key } == [
                "id", "severity", "network", "where", "what", "why", "fix", "fixable",
            ]
        )
        #expect(try finding.bool("fixable") == true && reader.bool("healthy") == false)
        #expect(
            try reader.object().members.map { $0.key } == [
                "version", "healthy", "networks", "findings", "fixed", "notLookedAt",
            ]
        )
    }

    @Test("What concerns another network alone is left away")
    func network() throws {
        var facts = try healthyHost()
        facts.links[0].isUp = false
        facts.staleCaches = ["/a"]
        #expect(DoctorReport(facts, network: "other").findings.map { $0.kind } == [.cacheStale])
        #expect(DoctorReport(facts, network: "lan").findings.count == 2)
    }

    @Test("The table of the manual is what the code says")
    func manual() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(root)/docs/doctor.md"
        let text = String(decoding: try Descriptor(opening: path, O_RDONLY).readAll(path), as: UTF8.self)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") && $0.contains("-") }.map { String($0) }
        let expected = FindingKind.allCases.map { kind in
            "| `\(kind.rawValue)` | \(kind.severity.rawValue)\(kind.isFixable ? ", fixable" : "") | \(kind.meaning) "
                + "| \(kind.remedy) |"
        }
        #expect(rows.filter { $0.contains("| error") || $0.contains("| warning") } == expected)
    }
}
