// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Linux
import Netlink
import Plugin
import TestSupport
import Testing

@testable import Bandwidth

@Suite("The bandwidth plugin", .enabled(if: canUnshare, "needs root"))
struct BandwidthPluginTests {
    private static let note = "culvert bandwidth blue/c1:eth0"

    @Test("ADD limits both ways, CHECK agrees, a second ADD replaces, DEL removes the block and can be repeated")
    func story() throws {
        let limits = bothWays + previous
        let sights = try play([
            .add(limits), .check(limits), .add(limits), .check(limits), .delete(), .check(limits), .delete(),
            .add(limits), .check(limits),
        ])
        let block = AttachmentName.egress
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, nil, nil, 105, nil, nil, nil])
        for sight in [sights[0], sights[2], sights[7]] {
            #expect(sight.result?.interfaces.map(\.name) == ["veth0", "eth0", block])
            #expect(sight.result.map { MACAddress($0.interfaces[2].mac) != nil } == true)
            #expect(sight.blocks == ["\(block) \(Self.note)"])
            #expect(sight.rate == 1_000_000)
            #expect(sight.hook == "ingress")
            #expect(sight.targets == [block])
        }
        #expect(sights[4].blocks == [])
        #expect(sights[4].targets == ["gone"])
    }

    @Test("One way needs only its own half", arguments: [true, false])
    func oneWay(isEgress: Bool) throws {
        let members =
            isEgress
            ? #", "egressRate": 8000000, "egressBurst": 800000"# : #", "ingressRate": 8000000, "ingressBurst": 800000"#
        let sights = try play([.add(members + previous), .check(members + previous)])
        #expect(sights.map(\.error) == [nil, nil])
        #expect(sights[0].blocks.count == (isEgress ? 1 : 0))
        #expect(sights[0].rate == (isEgress ? nil : 1_000_000))
        #expect(sights[0].hook == (isEgress ? "ingress" : nil))
    }

    @Test("Without limits the previous result is passed on, and nothing is looked at")
    func passThrough() throws {
        let sights = try play([
            .add(previous, ["CNI_NETNS": "/nowhere"]), .check(previous, ["CNI_NETNS": "/nowhere"]), .check(""),
            .add(#", "ingressRate": 0"#), .add(""),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, 7, 7])
        #expect(sights[0].result?.interfaces.map(\.name) == ["veth0", "eth0"])
        #expect(sights.allSatisfy { $0.blocks == [] && $0.rate == nil && $0.hook == nil })
    }

    @Test("Subnets take a block each way, and a change of mind leaves nothing of the old limits")
    func changes() throws {
        let subnets = bothWays + #", "unshapedSubnets": ["10.0.0.0/8", "fd00::/8"]"# + previous
        let egress = #", "egressRate": 8000000, "egressBurst": 800000"# + previous
        let sights = try play([
            .add(bothWays + previous), .add(subnets), .check(subnets), .add(egress), .check(egress), .check(subnets),
            .add(subnets), .delete(),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, nil, nil, 105, nil, nil])
        #expect(sights[1].blocks.count == 2)
        #expect(sights[1].result?.interfaces.count == 4)
        #expect(sights[1].rate == nil)
        #expect(sights[1].hook == "clsact")
        #expect(sights[1].targets == ["pass", "pass", AttachmentName.egress])
        #expect(sights[3].blocks.count == 1)
        #expect(sights[3].hook == "ingress")
        #expect(sights[7].blocks == [])
    }

    @Test("Hundreds of subnets go in several messages")
    func manySubnets() throws {
        let list = (0..<500).map { "\"10.\($0 / 256).\($0 % 256).0/24\"" }.joined(separator: ",")
        let members = bothWays + ", \"shapedSubnets\": [\(list)]" + previous
        let sights = try play([.add(members), .check(members)])
        #expect(sights.map(\.error) == [nil, nil])
        #expect(sights[0].targets.count == 500)
    }

    @Test(
        "An ADD that the kernel refuses takes back all of it",
        arguments: ["", #", "shapedSubnets": ["10.0.0.0/8"]"#]
    )
    func rollback(subnets: String) throws {
        // Of 15 octets in a second, one takes a little less than 66667 microseconds: such a bucket never fills.
        let members = #", "ingressRate": 120, "ingressBurst": 8, "egressRate": 16000000, "egressBurst": 1600000"#
        let sight = try #require(try play([.add(members + subnets + previous)]).first)
        #expect(sight.error?.code == 100)
        #expect(sight.error?.details.contains("add qdisc tbf to") == true)
        #expect(sight.error?.details.contains("left behind") == false)
        #expect(sight.blocks == [])
        #expect(sight.rate == nil)
        #expect(sight.hook == nil)
    }

    @Test("What no earlier plugin connected by a veth pair is refused, and says why")
    func refusals() throws {
        let stranger = #", "prevResult": {"interfaces": [{"name": "veth1"}, {"name": "eth0", "sandbox": "/x"}]}"#
        let inside = #", "prevResult": {"interfaces": [{"name": "veth0", "sandbox": "/x"}]}"#
        let sights = try play([
            .add(bothWays), .add(bothWays + stranger), .add(bothWays + inside),
            .add(bothWays + previous, ["CNI_IFNAME": "lo"]), .add(bothWays + previous, ["CNI_IFNAME": "eth1"]),
            .add(bothWays + previous, ["CNI_NETNS": "/nowhere"]), .check(bothWays),
        ])
        #expect(sights.map { $0.error?.code } == [7, 7, 7, 7, 7, 4, 7])
        let says = ["prevResult", "veth0", "veth0", "no veth link", "no interface eth1", "/nowhere", "prevResult"]
        for (sight, words) in zip(sights, says) {
            #expect(sight.error?.description.contains(words) == true)
            #expect(sight.blocks == [] && sight.rate == nil && sight.hook == nil)
        }
    }

    @Test("Somebody else's filters and links stay")
    func strangers() throws {
        let egress = #", "egressRate": 8000000, "egressBurst": 800000"# + previous
        let sights = try play([.add(egress), .delete()]) { host, veth in
            try host.execute([.addIntermediateBlock("ifb7", mtu: 1400), .setAlias("not ours", ofLinkNamed: "ifb7")])
            guard let other = try host.link(named: "ifb7") else { return }
            let filter = TrafficFilter.everything(.received, priority: 1, .redirect(to: other.index))
            try host.execute([
                .addFilterHook(bothWays: false, link: veth, name: "veth0"),
                .addFilter(filter, bothWays: false, link: veth, name: "veth0"),
            ])
        }
        #expect(sights[0].error?.code == 100)
        #expect(sights[0].error?.details.contains("tc qdisc delete dev veth0 ingress") == true)
        #expect(sights.allSatisfy { $0.blocks == ["ifb7 not ours"] && $0.targets == ["ifb7"] })
    }

    @Test("A block of the same name that is another attachment's keeps both name and life")
    func nameTaken() throws {
        let egress = #", "egressRate": 8000000, "egressBurst": 800000"# + previous
        let sights = try play([.add(egress), .check(egress), .delete(), .delete(["CNI_IFNAME": "eth1"])]) { host, _ in
            let name = AttachmentName.egress
            try host.execute([
                .addIntermediateBlock(name, mtu: 1400), .setAlias("culvert bandwidth blue/c1:eth1", ofLinkNamed: name),
            ])
        }
        #expect(sights.map(\.error) == [nil, nil, nil, nil])
        #expect(sights[0].blocks.count == 2)
        #expect(sights[0].result?.interfaces.last?.name != AttachmentName.egress)
        #expect(sights[2].blocks == ["\(AttachmentName.egress) culvert bandwidth blue/c1:eth1"])
        #expect(sights[3].blocks == [])
    }

    @Test("A block without a note is the reference's, and replaced by ADD and removed by DEL")
    func withoutNote() throws {
        let egress = #", "egressRate": 8000000, "egressBurst": 800000"# + previous
        for acts in [[Act.add(egress), .delete()], [.delete()]] {
            let sights = try play(acts) { host, _ in
                try host.execute(.addIntermediateBlock(AttachmentName.egress, mtu: 1400))
            }
            #expect(sights.allSatisfy { $0.error == nil })
            #expect(sights.last?.blocks == [])
        }
    }

    @Test("GC removes the blocks of the network that nobody claims, and no others")
    func sweep() throws {
        let egress = #", "egressRate": 8000000, "egressBurst": 800000"# + previous
        let others = ["blue/c2:eth0", "blue/c3:eth0", "bluer/c4:eth0"]
        let keep = AttachmentID(containerID: "c2", interfaceName: "eth0")
        let sights = try play([.add(egress), .sweep(keep, .init(containerID: "c1", interfaceName: "")), .sweep(keep)]) {
            host,
            _ in
            for (number, other) in others.enumerated() {
                let name = "ifb\(number)"
                try host.execute(.addIntermediateBlock(name, mtu: 1400))
                try host.execute(.setAlias("culvert bandwidth \(other)", ofLinkNamed: name))
            }
            try host.execute(.addIntermediateBlock("ifb9", mtu: 1400))
        }
        let ours = "\(AttachmentName.egress) \(Self.note)"
        let kept = ["ifb0 culvert bandwidth blue/c2:eth0", "ifb2 culvert bandwidth bluer/c4:eth0", "ifb9 "]
        #expect(sights.map(\.error) == [nil, nil, nil])
        #expect(sights[1].blocks == [ours] + kept)
        #expect(sights[2].blocks == kept)
    }

    @Test("STATUS finds the kernel able, and complains of limits that make no sense")
    func status() throws {
        let sights = try play([
            Act(configuration: bothWays) { .status($0) }, Act(configuration: "") { .status($0) },
            Act(configuration: #", "egressRate": 8"#) { .status($0) },
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, 7])
    }
}

/// The names of blocks of container `c1` in network `blue`.
private enum AttachmentName {
    /// sha512 of "bluec1", by sha512sum(1).
    static let egress = "bwp1e7c4cbd4f83"
}
