// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Doctor
import JSON
import Testing

/// A prefix from its text.
func cidr(_ text: String) throws -> CIDR { try #require(CIDR(text)) }

/// Facts about a host on which nothing is wrong, for tests to change.
///
/// Network `lan` is bridge `cni0` with index 2; container `c1` has port 3; `eth0` with index 4 leads to everywhere.
func healthyHost() throws -> HostFacts {
    var facts = HostFacts()
    try facts.configure(
        "10-lan.conflist",
        #"{"cniVersion": "1.0.0", "name": "lan", "plugins": [{"type": "bridge", "isGateway": true, "ipMasq": true}]}"#
    )
    facts.searchPath = ["/opt/cni/bin"]
    facts.programs = [HostFacts.Program(directory: "/opt/cni/bin", name: "bridge", implementation: .ours)]
    var port = HostFacts.Link(index: 3, name: "veth01234567", kind: "veth")
    (port.master, port.peer, port.isPeerAbroad) = (2, 2, true)
    facts.links = [
        HostFacts.Link(index: 2, name: "cni0", kind: "bridge"), port, HostFacts.Link(index: 4, name: "eth0"),
    ]
    facts.addresses = [
        HostFacts.Address(try cidr("10.77.0.1/24"), link: 2), HostFacts.Address(try cidr("192.0.2.7/24"), link: 4),
    ]
    facts.routes = [
        HostFacts.Route(try cidr("0.0.0.0/0"), link: 4), HostFacts.Route(try cidr("10.77.0.0/24"), link: 2),
    ]
    var record = HostFacts.Record(network: "lan", containerID: "c1")
    (record.bridge, record.hostInterface) = ("cni0", "veth01234567")
    (record.addresses, record.gateways) = ([try cidr("10.77.0.2/24")], [try cidr("10.77.0.1/24")])
    facts.records = [record]
    facts.pools = [try pool("lan", "10.77.0.0/24", gateway: "10.77.0.1")]
    facts.hasPacketFilter = true
    facts.stores = [HostFacts.Store(directory: "/var/lib/cni/networks", kind: "ext4")]
    facts.settings = ["ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "bridge/bridge-nf-call-iptables": "1"]
    return facts
}

func pool(
    _ network: String,
    _ subnet: String,
    gateway: String? = nil,
    bridge: String = "cni0",
    type: String = "bridge"
) throws -> HostFacts.Pool {
    HostFacts.Pool(
        network: network,
        place: "/etc/cni/net.d/\(network).conflist: plugins[0].ipam",
        type: type,
        bridge: bridge,
        directory: "/var/lib/cni/networks/\(network)",
        subnet: try cidr(subnet),
        gateway: gateway.flatMap { IPAddress($0) }
    )
}

extension HostFacts {
    /// Adds a file with a network.
    mutating func configure(_ name: String, _ text: String) throws {
        let document = try JSONValue(parsing: Array(text.utf8))
        let reader = JSONReader(document)
        let path = "/etc/cni/net.d/\(name)"
        files.append(File(path: path, document: document))
        networks.append(
            NetworkFile(
                name: try reader.string("name") ?? "",
                path: path,
                version: CNIVersion(try reader.string("cniVersion") ?? "") ?? .v0_1_0,
                plugins: try reader.array("plugins") ?? []
            )
        )
    }

    /// Adds a network of one plugin, in JSON without braces.
    mutating func join(_ name: String, _ plugin: String) throws {
        try configure("\(name).conflist", #"{"cniVersion": "1.0.0", "name": "\#(name)", "plugins": [{\#(plugin)}]}"#)
    }

    /// What the doctor says of it.
    var findings: [Finding] { DoctorReport(self).findings }
    var kinds: [FindingKind] { findings.map { $0.kind } }
}
