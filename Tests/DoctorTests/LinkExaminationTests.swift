// SPDX-License-Identifier: Apache-2.0
import Addressing
import Doctor
import Testing

@Suite("Examination of links")
struct LinkExaminationTests {
    /// One change to a healthy host, and what is found then.
    struct Fault: Sendable, CustomTestStringConvertible {
        let kind: FindingKind
        let remedy: SafeRemedy?
        let change: @Sendable (inout HostFacts) throws -> Void

        init(
            _ kind: FindingKind,
            _ remedy: SafeRemedy? = nil,
            _ change: @escaping @Sendable (inout HostFacts) throws -> Void
        ) {
            (self.kind, self.remedy, self.change) = (kind, remedy, change)
        }

        var testDescription: String { kind.rawValue }
    }

    static let faults: [Fault] = [
        Fault(.portMissing) { $0.links.remove(at: 1) },
        Fault(.portDetached) { $0.links[1].master = nil },
        Fault(.portDown, .linkUp(index: 3, name: "veth01234567")) { $0.links[1].isUp = false },
        Fault(.bridgeDown, .linkUp(index: 2, name: "cni0")) { $0.links[0].isUp = false },
        Fault(.foreignAddress) { $0.addresses.append(HostFacts.Address(try cidr("203.0.113.1/24"), link: 2)) },
        Fault(.pathHole) { $0.links[1].mtu = 1400 },
        Fault(.uplinkNarrow) { $0.links[2].mtu = 1400 },
        Fault(.overlayNarrow) { facts in
            var overlay = HostFacts.Link(index: 9, name: "vx0", kind: "vxlan")
            (overlay.mtu, overlay.peer) = (1451, 4)
            facts.links.append(overlay)
        },
        Fault(.linkStale) { facts in
            var (one, other) = (
                HostFacts.Link(index: 8, name: "veth00000001", kind: "veth"),
                HostFacts.Link(index: 9, name: "veth00000002", kind: "veth")
            )
            (one.peer, other.peer) = (9, 8)
            facts.links += [one, other]
        },
        Fault(.shaperStale) { facts in
            var block = HostFacts.Link(index: 9, name: "bwp0123456789ab", kind: "ifb")
            block.alias = "culvert bandwidth lan/ghost:eth0"
            facts.links.append(block)
        },
        Fault(.shaperStale) { $0.links.append(HostFacts.Link(index: 9, name: "bwp0123456789ab", kind: "ifb")) },
    ]

    @Test("Each fault is found, and nothing else", arguments: faults)
    func fault(_ fault: Fault) throws {
        var facts = try healthyHost()
        try fault.change(&facts)
        #expect(facts.kinds == [fault.kind])
        #expect(facts.findings.first?.remedy == fault.remedy)
    }

    @Test("A gateway that containers have and nobody is, is given back to the bridge")
    func gateway() throws {
        var facts = try healthyHost()
        facts.addresses.removeFirst()
        #expect(facts.kinds == [.gatewayMissing])
        #expect(facts.findings[0].remedy == .address(try cidr("10.77.0.1/24"), index: 2, link: "cni0"))
        facts.records[0].isDead = true
        #expect(facts.kinds == [.recordStale])
    }

    @Test("A name that is taken by another kind of link cannot be a bridge")
    func kind() throws {
        var facts = try healthyHost()
        try facts.join("x", #""type": "bridge", "bridge": "eth0""#)
        #expect(facts.kinds == [.bridgeWrongKind])
    }

    @Test("A master has to be there, unless it is the container's own")
    func master() throws {
        var facts = try healthyHost()
        facts.programs.append(HostFacts.Program(directory: "/opt/cni/bin", name: "macvlan"))
        try facts.join("x", #""type": "macvlan", "master": "eht0""#)
        #expect(facts.kinds == [.masterMissing])
        #expect(facts.findings[0].fix == #"write "master": "eth0""#)
        facts.networks.removeLast()
        try facts.join("x", #""type": "macvlan", "master": "eht0", "linkInContainer": true"#)
        #expect(facts.kinds == [])
    }

    @Test("An overlay that is narrow enough, a shaper of the living and a pair with one end abroad are fine")
    func harmless() throws {
        var facts = try healthyHost()
        var overlay = HostFacts.Link(index: 9, name: "vx0", kind: "vxlan")
        (overlay.mtu, overlay.peer) = (1450, 4)
        var block = HostFacts.Link(index: 10, name: "bwp0123456789ab", kind: "ifb")
        block.alias = "culvert bandwidth lan/c1:eth0"
        var port = HostFacts.Link(index: 11, name: "veth0000000a", kind: "veth")
        (port.peer, port.isPeerAbroad) = (2, true)
        facts.links += [overlay, block, port]
        #expect(facts.kinds == [])
    }

    @Test("Nothing is stale for want of an owner where somebody's leases or records could not be read")
    func unread() throws {
        for fault in LinkExaminationTests.faults where [.shaperStale, .linkStale].contains(fault.kind) {
            var facts = try healthyHost()
            try fault.change(&facts)
            facts.isEverybodyKnown = false
            #expect(facts.kinds == [])
        }
    }
}
