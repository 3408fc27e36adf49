// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import TestSupport
import Testing

@testable import IPTables

private let masquerade = IPTablesMasquerade(network: network, containerID: containerID)
private let portMap = IPTablesPortMap(network: network, containerID: containerID)

/// One configuration of port mappings, as the reference and as we are told.
struct PortMapCase: Sendable, CustomStringConvertible {
    let description: String
    var members = ""
    let ports: String
    let mappings: [IPTablesPortMap.Mapping]
    var settings = IPTablesPortMap.Settings()

    var json: String { json(addresses) }

    func json(_ addresses: [String]) -> String {
        "\"capabilities\": {\"portMappings\": true}, \"runtimeConfig\": {\"portMappings\": [\(ports)]}, \(members)"
            + "\"prevResult\": \(previous(addresses))"
    }

    static let mixed = PortMapCase(
        description: "transports and host addresses",
        ports: """
            {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
            {"hostPort": 8081, "containerPort": 81, "protocol": "tcp", "hostIP": "10.0.0.1"},
            {"hostPort": 53, "containerPort": 5353, "protocol": "udp"},
            {"hostPort": 54, "containerPort": 54, "protocol": "sctp", "hostIP": "0.0.0.0"},
            {"hostPort": 8082, "containerPort": 80, "protocol": "tcp", "hostIP": "fd00:2::1"},
            {"hostPort": 8083, "containerPort": 80, "protocol": "tcp", "hostIP": "::"}
            """,
        mappings: [
            .init(hostPort: 8080, containerPort: 80, transport: "tcp"),
            .init(hostPort: 8081, containerPort: 81, transport: "tcp", hostAddress: IPAddress("10.0.0.1")),
            .init(hostPort: 53, containerPort: 5353, transport: "udp"),
            .init(hostPort: 54, containerPort: 54, transport: "sctp", hostAddress: IPAddress("0.0.0.0")),
            .init(hostPort: 8082, containerPort: 80, transport: "tcp", hostAddress: IPAddress("fd00:2::1")),
            .init(hostPort: 8083, containerPort: 80, transport: "tcp", hostAddress: IPAddress("::")),
        ]
    )

    private static func many(_ count: Int) -> PortMapCase {
        PortMapCase(
            description: "\(count) ports",
            ports: (0..<count).map {
                #"{"hostPort": \#(9000 + $0), "containerPort": \#($0 + 1), "protocol": "tcp"}"#
            }.joined(separator: ", "),
            mappings: (0..<count).map {
                .init(hostPort: UInt16(9000 + $0), containerPort: UInt16($0 + 1), transport: "tcp")
            }
        )
    }

    private static func varied(
        _ description: String,
        _ members: String,
        _ settings: IPTablesPortMap.Settings
    ) -> PortMapCase {
        PortMapCase(
            description: description,
            members: members + ", ",
            ports: mixed.ports,
            mappings: mixed.mappings,
            settings: settings
        )
    }

    static let all = [
        mixed, many(15), many(16),
        varied("no masquerading", #""snat": false"#, .init(masquerade: .nothing)),
        varied("another bit", #""markMasqBit": 3"#, .init(mark: .bit(3))),
        varied("the highest bit", #""markMasqBit": 31"#, .init(mark: .bit(31))),
        varied(
            "somebody else's mark",
            #""externalSetMarkChain": "KUBE-MARK-MASQ""#,
            .init(mark: .chain("KUBE-MARK-MASQ"))
        ),
        varied(
            "conditions",
            #""conditionsV4": ["!", "-i", "lo"], "conditionsV6": ["!", "-i", "lo"]"#,
            .init(conditions: ["!", "-i", "lo"])
        ),
    ]
}

@Suite("The reference's layouts", .enabled(if: canUnshare && hasReference, "needs root and the reference plugins"))
struct ReferenceLayoutTests {
    @Test("Masquerading stands there as the reference writes it, to the letter", arguments: Kind.all)
    func masquerading(kind: Kind) throws {
        let theirs = try layout(kind, .nat) { _ in try Self.addBridge(kind.variant) }
        let ours = try layout(kind, .nat) { tool in
            try tool.edit(.nat) { masquerade.install(addresses.compactMap { CIDR($0) }, in: &$0) }
        }
        #expect(theirs.count == 4)
        #expect(ours == theirs)
    }

    /// Has the reference join a container to a bridge, with masquerading.
    private static func addBridge(_ variant: IPTablesTool.Variant) throws {
        try withTemporaryDirectory { directory in
            let container = try anotherNamespace()
            let path = try "\(thread())/fd/\(container.rawDescriptor)"
            let ranges = #"[[{"subnet": "10.88.0.0/16"}], [{"subnet": "fd00:1::/64"}]]"#
            let ipam = #"{"type": "host-local", "dataDir": "\#(directory)", "ranges": \#(ranges)}"#
            let members = #""bridge": "cni0", "isGateway": true, "ipMasq": true, "ipam": \#(ipam)"#
            try reference("bridge", "ADD", members, variant, netns: path)
        }
    }

    @Test("What the reference masquerades we stop by the name of the chain", arguments: Kind.all)
    func masqueradingRemoved(kind: Kind) throws {
        let left = try layout(kind, .nat) { tool in
            try Self.addBridge(kind.variant)
            try tool.edit(.nat) { masquerade.remove(from: &$0) }
        }
        #expect(left == [])
    }

    @Test(
        "Port mappings stand there as the reference writes them, to the letter",
        arguments: sound,
        PortMapCase.all
    )
    func ports(kind: Kind, port: PortMapCase) throws {
        let theirs = try layout(kind, .nat) { tool in
            try Self.prepare(tool, port)
            try reference("portmap", "ADD", port.json, kind.variant)
        }
        let ours = try layout(kind, .nat) { tool in
            try Self.prepare(tool, port)
            let container = try cidr(kind.family)
            try tool.edit(.nat) { portMap.install(port.mappings, to: container, port.settings, in: &$0) }
        }
        #expect(theirs.count > 8)
        #expect(ours == theirs)
    }

    /// All but one: `ip6tables-legacy -C` of 1.8.9 overlooks ports, so that there the reference leaves rules out.
    private static let sound = Kind.all.filter { $0.variant == .nft || $0.family == .v4 }

    /// Makes the chain that a case counts on.
    private static func prepare(_ tool: IPTablesTool, _ port: PortMapCase) throws {
        guard case .chain(let chain) = port.settings.mark else { return }
        // The reference is told of both families.
        for family in [AddressFamily.v4, .v6] {
            for variant in [IPTablesTool.Variant.nft, .legacy] {
                try IPTablesTool(family, variant).apply([IPTablesBatch(.nat, [.createChain(chain)])])
            }
        }
    }

    @Test("The reference finds our port mappings, and removes them", arguments: Kind.all)
    func portsUnderstood(kind: Kind) throws {
        let left = try layout(kind, .nat) { tool in
            let container = try cidr(kind.family)
            try tool.edit(.nat) { portMap.install(PortMapCase.mixed.mappings, to: container, .init(), in: &$0) }
            // Its CHECK looks for the rules of each address among those of both families, and never passes with both.
            let json = PortMapCase.mixed.json(["\(container)"])
            try reference("portmap", "CHECK", json, kind.variant, only: kind.family)
            try reference("portmap", "DEL", json, kind.variant)
        }
        #expect(left.filter { $0.contains(portMap.chain) } == [])
        #expect(left.count == 8)
    }

    @Test("We find the reference's port mappings, and remove them by name", arguments: sound)
    func portsRemoved(kind: Kind) throws {
        let (missing, left) = try inNewNamespace {
            let tool = try kind.tool()
            try reference("portmap", "ADD", PortMapCase.mixed.json, kind.variant)
            let wanted = portMap.allRules(PortMapCase.mixed.mappings, to: try cidr(kind.family), .init())
            let missing = try tool.read(.nat).missing(of: wanted)
            try tool.edit(.nat) { portMap.remove(from: &$0) }
            return (missing, layout(try tool.read(.nat)))
        }
        #expect(missing == [])
        #expect(left.filter { $0.contains("CNI-DN") } == [])
        #expect(left.count == 8)
    }
}
