// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Testing

@testable import PortMap

@Suite("Who rewrites the packets")
struct BackendTests {
    @Test(
        "Without a backend it is the one in whose words the configuration speaks",
        arguments: [
            ("", PortMapConfiguration.Backend.nftables), (#""backend": """#, .nftables),
            (#""backend": "nftables""#, .nftables), (#""backend": "iptables""#, .iptables),
            (#""conditionsV4": ["ip", "saddr", "10.0.0.0/8"]"#, .nftables),
            (#""conditionsV4": ["-s", "10.0.0.0/8"]"#, .iptables),
            (#""conditionsV4": ["!", "-s", "1.2.3.4"]"#, .iptables),
            (#""conditionsV6": ["!", "-i", "eth0"]"#, .iptables), (#""externalSetMarkChain": "MARK""#, .iptables),
            (#""externalSetMarkChain": "MARK", "conditionsV4": ["-s", "1.2.3.4"]"#, .iptables),
            (#""externalSetMarkChain": """#, .nftables), (#""conditionsV4": [], "conditionsV6": []"#, .nftables),
            (#""backend": "iptables", "externalSetMarkChain": "MARK""#, .iptables),
            (#""backend": "nftables", "markMasqBit": 5, "conditionsV6": ["iifname", "eth0"]"#, .nftables),
        ]
    )
    func choice(members: String, backend: PortMapConfiguration.Backend) throws {
        #expect(try configuration(members.isEmpty ? "\"type\": \"portmap\"" : members).backend == backend)
    }

    @Test(
        "What one backend is told in the other's words is refused, and says what to write",
        arguments: [
            (
                #""backend": "nftables", "conditionsV4": ["-s", "10.0.0.0/8"]"#,
                "conditionsV4/V6 are written for iptables"
            ),
            (#""backend": "nftables", "externalSetMarkChain": "MARK""#, "externalSetMarkChain is written for iptables"),
            (#""backend": "iptables", "conditionsV6": ["ip6", "saddr", "::1"]"#, "are written for nftables"),
            (#""conditionsV4": ["-s", "1.2.3.4"], "conditionsV6": ["ip6", "saddr", "::1"]"#, "conditionsV4/V6"),
            (#""conditionsV4": ["ip", "saddr", "1.2.3.4"], "externalSetMarkChain": "M""#, "externalSetMarkChain"),
            (#""backend": "ipvs""#, "backend: \"ipvs\" is not known"), (#""backend": "NFTables""#, "is not known"),
        ]
    )
    func contradictions(members: String, message: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration(members) }
        #expect(error.code == 7)
        #expect(error.message.contains(message))
        #expect(!error.details.isEmpty)
    }
}

@Suite("Forwards")
struct ForwardTests {
    private func forward(_ host: String, _ port: Int, _ transport: String, _ family: Int) throws -> Forward {
        let mapping = PortMapTests.port(port, 1, ", \"hostIP\": \"\(host)\", \"protocol\": \"\(transport)\"")
        let all = try configuration(wants(mapping), bothFamilies).forwards
        return try #require(all.first { $0.family == (family == 4 ? .v4 : .v6) })
    }

    @Test(
        "Two conflict when a packet can be for both",
        arguments: [
            ("", 80, "tcp", 4, "", 80, "tcp", 4, true), ("", 80, "tcp", 4, "192.0.2.1", 80, "tcp", 4, true),
            ("0.0.0.0", 80, "tcp", 4, "192.0.2.1", 80, "tcp", 4, true),
            ("192.0.2.1", 80, "tcp", 4, "192.0.2.1", 80, "tcp", 4, true),
            ("192.0.2.1", 80, "tcp", 4, "192.0.2.2", 80, "tcp", 4, false),
            ("", 80, "tcp", 4, "", 81, "tcp", 4, false), ("", 80, "tcp", 4, "", 80, "udp", 4, false),
            ("", 80, "tcp", 4, "", 80, "tcp", 6, false), ("0.0.0.0", 80, "tcp", 4, "::", 80, "tcp", 6, false),
            ("::", 80, "sctp", 6, "2001:db8::1", 80, "sctp", 6, true),
            ("2001:db8::2", 80, "sctp", 6, "2001:db8::1", 80, "sctp", 6, false),
        ] as [(String, Int, String, Int, String, Int, String, Int, Bool)]
    )
    func conflicts(pair: (String, Int, String, Int, String, Int, String, Int, Bool)) throws {
        let one = try forward(pair.0, pair.1, pair.2, pair.3)
        let other = try forward(pair.4, pair.5, pair.6, pair.7)
        #expect(one.conflicts(with: other) == pair.8)
        #expect(other.conflicts(with: one) == pair.8)
        #expect(one.conflicts(with: one))
    }
}
