// SPDX-License-Identifier: Apache-2.0
import Addressing
import Attachments
import JSON
import Pools
import SwitchControl
import Testing
import Wiring

@testable import Topology

@Suite("Switches in user space")
struct UserSwitchTests {
    private func port(
        _ name: String,
        _ kind: SwitchPortView.Kind = .container,
        isUp: Bool = true,
        native: Int? = 1,
        tagged: [ClosedRange<Int>] = [],
        flags: [String] = []
    ) -> SwitchPortView {
        SwitchPortView(
            name: kind == .container ? "\(name):eth0" : name,
            number: 1,
            kind: kind,
            network: kind == .container ? "user" : "",
            container: kind == .container ? name : "",
            interface: kind == .container ? "eth0" : name,
            isUp: isUp,
            native: native,
            tagged: tagged,
            flags: flags,
            mirror: "",
            counters: SwitchPortCounters()
        )
    }

    private func attachment(
        _ name: String,
        is life: AttachmentLife.Verdict = .alive
    ) throws -> TopologyFacts.Attachment {
        let address = "10.78.0.2/24"
        let inside = TopologyFacts.Inside(kind: "tun")
        let isAlive = life == .alive
        return try SomeHost.attachment(
            name,
            on: "user",
            plugin: "vswitch",
            end: "",
            address: address,
            is: life,
            inside: isAlive ? inside : nil
        )
    }

    /// A gateway and an uplink upon a card, and three containers: one has a port, one has a port that is down, one none.
    private func host(_ answer: [SwitchView]?) throws -> TopologyFacts {
        var gateway = SomeHost.link(2, "vs0", "tun")
        gateway.addresses = [try SomeHost.cidr("10.78.0.1/24")]
        gateway.hasCarrier = answer != nil
        let card = SomeHost.link(3, "up0", "")
        var uplink = SomeHost.link(4, "up0.5", "vlan")
        (uplink.detail, uplink.below) = ("5", 3)
        let attachments = try [attachment("web"), attachment("db"), attachment("new"), attachment("lost", is: .dead)]
        return TopologyFacts(
            links: [gateway, card, uplink],
            attachments: attachments,
            switches: TopologyFacts.switches(attachments.map { $0.facts }) { daemon in
                daemon == SwitchLink.usualPath ? answer : nil
            }
        )
    }

    private func answering() throws -> TopologyFacts {
        let ports = [
            port("vs0", .gateway), port("up0.5", .uplink, tagged: [2...4094]),
            port("web", native: 20, tagged: [30...40], flags: ["isolated", "rules"]), port("db", isUp: false),
        ]
        return try host([SwitchView(name: "vs0", ports: ports, stations: 0, maximumStations: 8192)])
    }

    @Test("Everything that is a port hangs on its switch, and what has none there has no carrier")
    func tree() throws {
        let lines = Topology(try answering()).lines(Look(hasBlocks: true), hasHeader: false)
        let words = lines.map { $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ") }
        #expect(
            words == [
                "host", "├─ up0", "│ └─ up0.5 vlan 5 port of vs0", "└─ vs0 switch", "├─ up0.5 vlan 5 2-4094 native 1",
                "├─ vs0 10.78.0.1/24 tun 1", "├─ db:eth0 user 10.78.0.2/24 vswitch, tun 1 no carrier",
                "├─ lost:eth0 user 10.78.0.2/24 vswitch container dead",
                "├─ new:eth0 user 10.78.0.2/24 vswitch, tun no carrier",
                "└─ web:eth0 user 10.78.0.2/24 vswitch, tun 30-40 native 20 isolated, rules",
            ]
        )
    }

    @Test("Programs are told the switch, and which daemon's it is")
    func json() throws {
        let nodes = try #require(try JSONReader(Topology(try answering()).json).array("nodes"))
        let found = try #require(try nodes.first { try $0.string("role") == "switch" })
        #expect(try found.string("id") == "switch/vs0" && found.string("kind") == "switch")
        #expect(try found.string("switch") == "vs0" && found.string("daemon") == SwitchLink.usualPath)
        #expect(try found.member("link") == nil && found.member("marks") == nil)
        let children = try nodes.filter { try $0.string("parent") == "switch/vs0" }.map { try $0.string("id") }
        #expect(children.contains("attachment/user/web/eth0") && children.contains("link/vs0"))
    }

    @Test("Without its daemon the switch is marked, and so is whoever is behind it")
    func away() throws {
        let topology = Topology(try host(nil))
        let marks = topology.host.all.map { $0.node }.reduce(into: [:]) { $0[$1.id] = $1.marks.map { $0.kind } }
        #expect(marks["switch/vs0"] == [.noDaemon])
        #expect(marks["link/vs0"] == [.noCarrier])
        #expect(marks["attachment/user/web/eth0"] == [.noCarrier])
        #expect(marks["attachment/user/lost/eth0"] == [.dead])
        for form in [topology.lines(Look()).joined(), topology.svg, topology.dot] {
            #expect(form.contains("no daemon") && form.contains("no carrier"))
        }
        #expect(topology.summary.hasPrefix("0 bridges, 1 switch, 4 interfaces of containers; look at: "))
    }

    @Test("A daemon is asked once, and only where a record names it")
    func questions() throws {
        var asked: [String] = []
        let attachments = try [attachment("web"), attachment("db")].map { $0.facts }
        _ = TopologyFacts.switches(attachments) { daemon in
            asked.append(daemon)
            return nil
        }
        #expect(asked == [SwitchLink.usualPath])
        #expect(TopologyFacts.switches(try SomeHost.ordinary().attachments.map { $0.facts }) { _ in [] } == [])
    }
}
