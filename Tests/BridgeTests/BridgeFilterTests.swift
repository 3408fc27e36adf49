// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Forwarding
import Interfaces
import JSON
import TestSupport
import Testing
import Wiring

@testable import Bridge

private let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")
private let mac = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 5]) ?? .zero

@Suite("What a bridge wants of packet filters")
struct BridgeFilterTests {
    private static func summary(_ filters: InterfaceFilters) -> String {
        let words = [
            (filters.masquerades, "masquerade"), (filters.checksMAC, "mac"), (filters.checksIP, "ip"),
            (filters.needsKernel, "kernel"),
        ]
        return (words.filter(\.0).map(\.1) + [filters.backend.rawValue]).joined(separator: " ")
    }

    private static func plan(_ members: String, _ addresses: [String] = ["10.1.2.3/24"]) throws -> FilterPlan {
        let addresses = try addresses.map { try #require(CIDR($0)) }
        return try configuration(members).filters.plan(for: key, port: "veth0", address: mac, addresses)
    }

    @Test(
        "Each key says what it says, and nf_tables is asked for where it has something to do",
        arguments: [
            ("", "nftables"), (#""ipMasq": true"#, "masquerade kernel nftables"),
            (#""ipMasq": true, "ipMasqBackend": "nftables""#, "masquerade kernel nftables"),
            (#""ipMasq": true, "ipMasqBackend": "iptables""#, "masquerade iptables"),
            (#""ipMasq": true, "ipMasqBackend": """#, "masquerade kernel nftables"),
            (#""ipMasq": true, "ipMasqBackend": null"#, "masquerade kernel nftables"),
            (#""ipMasqBackend": "iptables""#, "iptables"), (#""macspoofchk": true"#, "mac kernel nftables"),
            (#""ipspoofchk": true"#, "ip kernel nftables"),
            (#""macspoofchk": true, "ipMasq": true, "ipMasqBackend": "iptables""#, "masquerade mac kernel iptables"),
        ]
    )
    func keys(members: String, expected: String) throws {
        #expect(Self.summary(try configuration(members).filters) == expected)
    }

    @Test(
        "A value that makes no sense is refused with its place",
        arguments: [
            ("ipMasqBackend", "\"firewalld\"", "nftables or iptables"),
            ("ipMasqBackend", "\"NFTABLES\"", "nftables or iptables"),
            ("ipMasqBackend", "1", "a string"), ("ipspoofchk", "1", "a boolean"),
        ]
    )
    func refused(key: String, value: String, expected: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration("\"\(key)\": \(value)") }
        #expect(error.code == CNIError.Code.decoding.rawValue)
        #expect(error.details.hasPrefix("\(key): expected \(expected), found "), "\(error.details)")
    }

    @Test("Only what is asked for is planned, and without addresses there is nothing to masquerade")
    func plans() throws {
        #expect(try Self.plan("").isEmpty)
        #expect(try Self.plan(#""ipMasq": true"#, []).isEmpty)
        let masquerade = try Self.plan(#""ipMasq": true"#, ["10.1.2.3/24", "fd00::5/64"])
        #expect(masquerade.masquerade?.addresses.map { "\($0)" } == ["10.1.2.3/24", "fd00::5/64"])
        #expect(masquerade.spoofCheck == nil && masquerade.key == key)
        let frames = try Self.plan(#""macspoofchk": true"#)
        var interface = VirtualInterface("veth0")
        interface.allowedSources = [mac]
        #expect(frames.spoofCheck == SpoofCheck(key: key, interface))
        let packets = try Self.plan(#""ipspoofchk": true"#)
        #expect(packets.spoofCheck?.interface.allowedSources == nil)
        #expect(packets.spoofCheck?.interface.allowedAddresses?.map { "\($0)" } == ["10.1.2.3/32", "fe80::/10"])
    }

    private static func record(
        _ members: String,
        _ state: AttachmentRecord.State,
        _ result: String
    ) throws -> AttachmentRecord {
        AttachmentRecord(
            key: key,
            state: state,
            namespacePath: "/run/netns/c1",
            namespaceIdentity: "4:5",
            intendedNanoseconds: 1,
            hostInterface: "veth7",
            configuration: try JSONValue(parsing: Array("{\(members)}".utf8)),
            result: try JSONValue(parsing: Array(result.utf8))
        )
    }

    private static let result = """
        {"cniVersion": "1.1.0", "interfaces": [{"name": "cni0", "mac": "02:00:00:00:00:01"},
        {"name": "veth7"}, {"name": "eth0", "mac": "02:00:00:00:00:05", "sandbox": "/run/netns/c1"}],
        "ips": [{"address": "10.1.2.3/24", "interface": 2}, {"address": "fd00::5/64", "interface": 2}]}
        """

    @Test("A record tells the same plan that was carried out")
    func record() throws {
        let members = #""ipMasq": true, "macspoofchk": true, "ipspoofchk": true"#
        let plan = try #require(InterfaceFilters.plan(of: try Self.record(members, .attached, Self.result)))
        let addresses = try ["10.1.2.3/24", "fd00::5/64"].map { try #require(CIDR($0)) }
        #expect(plan == (try configuration(members).filters.plan(for: key, port: "veth7", address: mac, addresses)))
    }

    @Test("Other interfaces of the container on the network are siblings, as far as iptables masquerades them")
    func siblings() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            let iptables = #""ipMasq": true, "ipMasqBackend": "iptables""#
            let others: [(String, String, AttachmentRecord.State)] = [
                ("eth0", iptables, .attached), ("eth1", iptables, .attached), ("eth2", #""ipMasq": true"#, .attached),
                ("eth3", iptables, .removing), ("eth4", #""ipMasqBackend": "iptables""#, .attached),
            ]
            let containers = [key.containerID, "other"]
            for container in containers {
                for (name, members, state) in others {
                    let own = AttachmentKey(network: key.network, containerID: container, interfaceName: name)
                    var file = try AttachmentFile(opening: own, in: store, waitingAtMost: .seconds(20))
                    try file.write(try Self.record(members, state, Self.result))
                }
            }
            let found = try InterfaceFilters.siblings(of: key, in: store)
            #expect(found.map { "\($0)" } == ["10.1.2.3/24", "fd00::5/64"])
            let asked = try configuration(iptables).filters.siblings(of: key, in: store)
            #expect(asked == found)
            for members in ["", #""ipMasq": true"#, #""ipMasqBackend": "iptables""#] {
                #expect(try configuration(members).filters.siblings(of: key, in: store) == [])
            }
            let plan = try InterfaceFilters.plan(of: try Self.record(iptables, .attached, Self.result), in: store)
            #expect(plan?.siblings == found)
        }
    }

    @Test("Without an attachment, a result or a wish there is nothing to be there")
    func nothing() throws {
        let members = #""ipMasq": true"#
        for state in [AttachmentRecord.State.intended, .removing] {
            #expect(InterfaceFilters.plan(of: try Self.record(members, state, Self.result)) == nil)
        }
        #expect(InterfaceFilters.plan(of: try Self.record("", .attached, Self.result)) == nil)
        #expect(InterfaceFilters.plan(of: try Self.record(members, .attached, "[]")) == nil)
        #expect(InterfaceFilters.plan(of: try Self.record(#""ipMasq": 1"#, .attached, Self.result)) == nil)
    }
}
