// SPDX-License-Identifier: Apache-2.0
import Addressing
import Doctor
import Testing

@Suite("Examination of the kernel and its settings")
struct KernelExaminationTests {
    @Test("Without nf_tables, only who needs it suffers")
    func packetFilter() throws {
        var facts = try healthyHost()
        facts.hasPacketFilter = false
        #expect(facts.kinds == [.kernelNoPacketFilter])
        facts.networks = []
        try facts.join("x", #""type": "bridge", "ipMasq": true, "ipMasqBackend": "iptables""#)
        #expect(!facts.kinds.contains(.kernelNoPacketFilter))
        facts.hasPacketFilter = nil
        #expect(!facts.kinds.contains(.kernelNoPacketFilter))
    }

    @Test("VLANs need a bridge that can tell them apart", arguments: [#""vlan": 7"#, #""vlanTrunk": [{"id": 3}]"#])
    func vlans(keys: String) throws {
        var facts = try healthyHost()
        facts.programs.append(HostFacts.Program(directory: "/opt/cni/bin", name: "bridge"))
        try facts.join("x", #""type": "bridge", "bridge": "x0", \#(keys)"#)
        #expect(facts.kinds == [])
        facts.links[0].knowsVLANs = false
        #expect(facts.kinds == [.kernelNoVLANs])
    }

    @Test("Links that the kernel does not make are named", arguments: [("macvlan", "macvlan"), ("vlan", "8021q")])
    func kinds(kind: String, module: String) throws {
        var facts = try healthyHost()
        facts.programs.append(HostFacts.Program(directory: "/opt/cni/bin", name: kind))
        try facts.join("x", #""type": "\#(kind)", "master": "eth0", "vlanId": 7"#)
        #expect(facts.kinds == [])
        facts.missingKinds = [kind]
        #expect(facts.kinds == [.kernelNoLinks])
        #expect(facts.findings[0].fix.contains("modprobe \(module), "))
    }

    @Test("Forwarding matters where somebody is, in the families that he has")
    func forwarding() throws {
        var facts = try healthyHost()
        facts.settings["ipv6/conf/all/forwarding"] = "0"
        #expect(facts.kinds == [])
        facts.settings["ipv4/ip_forward"] = "0"
        #expect(facts.kinds == [.forwardingOff])
        #expect(facts.findings[0].remedy == .setting("ipv4/ip_forward", value: "1"))
        facts.settings["ipv4/ip_forward"] = "1"
        facts.settings["ipv4/conf/cni0/forwarding"] = "0"
        #expect(facts.findings.map { $0.remedy } == [.setting("ipv4/conf/cni0/forwarding", value: "1")])
        facts.records = []
        #expect(facts.kinds == [])
    }

    @Test("IPv6 that is off is in the way of a network that has it")
    func ipv6() throws {
        var facts = try healthyHost()
        facts.settings["ipv6/conf/cni0/disable_ipv6"] = "1"
        #expect(facts.kinds == [])
        facts.pools.append(try pool("lan", "fd77::/64", gateway: "fd77::1"))
        #expect(facts.kinds == [.ipv6Disabled])
    }

    @Test("A strict reverse path hurts with two uplinks only, and where the higher of two values is strict")
    func reversePath() throws {
        var facts = try healthyHost()
        facts.settings["ipv4/conf/all/rp_filter"] = "1"
        #expect(facts.kinds == [])
        facts.links.append(HostFacts.Link(index: 5, name: "eth1"))
        facts.routes.append(HostFacts.Route(try cidr("0.0.0.0/0"), link: 5))
        #expect(facts.kinds == [.strictReversePath, .strictReversePath])
        facts.settings["ipv4/conf/eth1/rp_filter"] = "2"
        #expect(facts.findings.map { $0.place } == ["net/ipv4/conf/eth0/rp_filter"])
    }

    @Test("Pods need what bridges send shown to iptables; others are hurt by it where somebody drops")
    func bridgeFilter() throws {
        var facts = try healthyHost()
        facts.settings["bridge/bridge-nf-call-iptables"] = "0"
        #expect(facts.kinds == [])
        facts.signs = [SystemSigns.kubelet]
        #expect(facts.kinds == [.bridgeFilterOff])
        facts.settings["bridge/bridge-nf-call-iptables"] = nil
        #expect(facts.kinds == [.bridgeFilterOff])
        facts = try healthyHost()
        try facts.join("flat", #""type": "bridge", "bridge": "flat0""#)
        facts.records.append(HostFacts.Record(network: "flat", containerID: "c2"))
        facts.chains = [HostFacts.Chain(table: "ip x", name: "y", dropsForwarded: true)]
        #expect(facts.kinds == [.bridgeFilterDrops, .forwardDropped])
    }

    @Test("Tracked connections count as full at nine tenths", arguments: [(899, false), (900, true), (1000, true)])
    func tracking(count: Int, isFull: Bool) throws {
        var facts = try healthyHost()
        facts.settings["netfilter/nf_conntrack_count"] = "\(count)"
        facts.settings["netfilter/nf_conntrack_max"] = "1000"
        #expect(facts.kinds == (isFull ? [.trackingFull] : []))
    }
}
