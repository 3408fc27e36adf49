// SPDX-License-Identifier: Apache-2.0
import Addressing
import Attachments
import JSON
import Netlink
import Testing
import Wiring

@testable import Topology

/// Hosts made up for tests.
enum SomeHost {
    static func link(_ index: Int32, _ name: String, _ kind: String, master: Int32? = nil) -> TopologyFacts.Link {
        var link = TopologyFacts.Link(index, name, kind: kind)
        link.master = master
        if kind == "veth" { link.isPeerAbroad = true }
        return link
    }

    static func attachment(
        _ container: String,
        on network: String = "lan",
        plugin: String = "bridge",
        end: String,
        address: String,
        is life: AttachmentLife.Verdict = .alive,
        state: AttachmentRecord.State = .attached,
        inside: TopologyFacts.Inside? = nil
    ) throws -> TopologyFacts.Attachment {
        let key = AttachmentKey(network: network, containerID: container, interfaceName: "eth0")
        let result = """
            {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": "/run/netns/x"}],
             "ips": [{"address": "\(address)", "interface": 0}]}
            """
        let configuration: JSONValue = ["type": .string(plugin), "bridge": "br0", "master": "up0"]
        let record = AttachmentRecord(
            key: key,
            state: state,
            namespacePath: "/run/netns/x",
            namespaceIdentity: "",
            intendedNanoseconds: 0,
            hostInterface: end,
            configuration: configuration,
            result: try JSONValue(parsing: Array(result.utf8))
        )
        let note = AttachmentFacts.Note(plugin: plugin, file: "", record: record)
        let facts = AttachmentFacts(key: key, notes: [note], life: AttachmentLife(life, "so"), isBusy: false)
        return TopologyFacts.Attachment(facts, inside: inside)
    }

    static func cidr(_ text: String) throws -> CIDR { try #require(CIDR(text)) }

    /// A bridge with two containers, a stranger and a VLAN upon an uplink; a wire; a container upon the uplink.
    static func ordinary() throws -> TopologyFacts {
        var loopback = link(1, "lo", "")
        loopback.isLoopback = true
        var uplink = link(2, "up0", "")
        uplink.addresses = [try cidr("192.0.2.1/24")]
        var bridge = link(3, "br0", "bridge")
        bridge.addresses = [try cidr("10.0.0.1/24")]
        (bridge.filtersVLANs, bridge.hasCarrier) = (true, false)
        var tagged = link(4, "up0.5", "vlan", master: 3)
        (tagged.detail, tagged.below) = ("5", 2)
        var web = link(5, "veth1", "veth", master: 3)
        var port = TopologyFacts.Port()
        port.isIsolated = true
        web.port = port
        web.vlans = PortVLANs([PortVLANs.Run(10...10, isNative: true, isUntagged: true)])
        var down = link(6, "veth2", "veth", master: 3)
        (down.isUp, down.hasCarrier) = (false, false)
        let stray = link(7, "stray", "veth", master: 3)
        let wire = link(8, "veth3", "veth")
        var fallback = link(9, "sit0", "sit")
        fallback.isUp = false
        return TopologyFacts(
            links: [loopback, uplink, bridge, tagged, web, down, stray, wire, fallback],
            attachments: [
                try attachment("web", end: "veth1", address: "10.0.0.2/24"),
                try attachment("db", end: "veth2", address: "10.0.0.3/24"),
                try attachment("direct", on: "wire", plugin: "ptp", end: "veth3", address: "10.1.0.2/24"),
                try attachment("lost", on: "wire", plugin: "ptp", end: "veth9", address: "10.1.0.3/24", is: .dead),
                try attachment(
                    "phone",
                    on: "street",
                    plugin: "macvlan",
                    end: "",
                    address: "192.0.2.9/24",
                    inside: TopologyFacts.Inside(kind: "macvlan", below: 2)
                ),
            ]
        )
    }

    /// So many containers on one bridge.
    static func crowd(_ count: Int) throws -> TopologyFacts {
        var links = [link(1, "br0", "bridge")]
        var attachments: [TopologyFacts.Attachment] = []
        for number in 0..<count {
            links.append(link(Int32(number) + 2, "veth\(number)", "veth", master: 1))
            let address = "10.0.\(number / 200).\(number % 200 + 2)/16"
            attachments.append(try attachment("c\(number)", end: "veth\(number)", address: address))
        }
        return TopologyFacts(links: links, attachments: attachments)
    }
}
