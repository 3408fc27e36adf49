// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@testable import Firewall

/// A member of a configuration: the result of a bridge's chain.
///
/// - Parameters:
///   - bridge: the first interface's name.
///   - addresses: those of the container, with their prefixes.
/// - Returns: the text.
func result(_ bridge: String, _ addresses: String...) -> String {
    let ips = addresses.map { "{\"address\": \"\($0)\", \"interface\": 2}" }.joined(separator: ", ")
    let links = "{\"name\": \"\(bridge)\"}, {\"name\": \"veth0\"}, {\"name\": \"eth0\", \"sandbox\": \"/x\"}"
    return "\"prevResult\": {\"interfaces\": [\(links)], \"ips\": [\(ips)]}"
}

/// Reads the configuration of a network of type `firewall`.
///
/// - Parameter members: what it says besides its name.
/// - Returns: the configuration.
/// - Throws: what the plugin would answer.
func configuration(_ members: String...) throws -> FirewallConfiguration {
    let text = (["\"cniVersion\": \"1.0.0\", \"name\": \"blue\""] + members).joined(separator: ", ")
    return try FirewallConfiguration(Request("{\(text)}").configuration)
}

@Suite("The firewall's configuration")
struct FirewallConfigurationTests {
    @Test("Nothing but a name is open, and leaves the choice of the backend to the host")
    func defaults() throws {
        let configuration = try configuration()
        #expect(configuration.backend == nil && configuration.policy == .open)
        #expect(configuration.adminChain == "CNI-ADMIN" && configuration.zone == "trusted")
        #expect(configuration.addresses == [] && configuration.bridge == "" && configuration.hostInterfaces == [])
        #expect(throws: Never.self) { try configuration.requireBridge() }
    }

    @Test(
        "Null and an empty text leave the default",
        arguments: ["null", "\"\""]
    )
    func nothing(value: String) throws {
        let keys = ["backend", "ingressPolicy", "iptablesAdminChainName", "firewalldZone"]
        let configuration = try configuration(keys.map { "\"\($0)\": \(value)" }.joined(separator: ", "))
        #expect(configuration.backend == nil && configuration.policy == .open)
        #expect(configuration.adminChain == "CNI-ADMIN" && configuration.zone == "trusted")
    }

    @Test(
        "Each key says what it says, in any case",
        arguments: ["nftables", "iptables", "firewalld"]
    )
    func keys(backend: String) throws {
        let configuration = try configuration(
            "\"BACKEND\": \"\(backend)\", \"IngressPolicy\": \"same-bridge\"",
            #""iptablesadminchainname": "MY-ADMIN", "FirewalldZone": "work""#,
            result("br0", "10.1.2.3/24", "fd00::3/64")
        )
        #expect(configuration.backend?.rawValue == backend && configuration.policy == .sameBridge)
        #expect(configuration.adminChain == "MY-ADMIN" && configuration.zone == "work")
        #expect(configuration.addresses.map { $0.description } == ["10.1.2.3", "fd00::3"])
        #expect(configuration.bridge == "br0" && configuration.hostInterfaces == ["br0", "veth0"])
    }

    @Test(
        "A value that nobody knows is refused with its place",
        arguments: [
            (#""backend": "ipvs""#, "backend: expected nftables, iptables or firewalld"),
            (#""backend": "Iptables""#, "backend: expected nftables, iptables or firewalld"),
            (#""backend": 1"#, "backend: expected a string"),
            (#""ingressPolicy": "closed""#, "ingressPolicy: expected open, same-bridge or isolated"),
            (#""ingressPolicy": true"#, "ingressPolicy: expected a string"),
            (#""iptablesAdminChainName": "a b""#, "iptablesAdminChainName: expected a name"),
            (#""iptablesAdminChainName": "-j""#, "iptablesAdminChainName: expected a name"),
            (#""iptablesAdminChainName": "a\"b""#, "iptablesAdminChainName: expected a name"),
            (#""iptablesAdminChainName": "a\nb""#, "iptablesAdminChainName: expected a name"),
            (#""iptablesAdminChainName": "12345678901234567890123456789""#, "iptablesAdminChainName: expected a name"),
            (#""iptablesAdminChainName": []"#, "iptablesAdminChainName: expected a string"),
            (#""firewalldZone": "mañana""#, "firewalldZone: expected a name"),
            (#""firewalldZone": 5"#, "firewalldZone: expected a string"),
        ]
    )
    func wrong(members: String, place: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration(members) }
        #expect(error.code == 6)
        #expect(error.details.hasPrefix(place))
    }

    @Test("28 octets are a name still")
    func longName() throws {
        let name = String(repeating: "x", count: 28)
        #expect(try configuration("\"iptablesAdminChainName\": \"\(name)\"").adminChain == name)
    }

    @Test("An address that the result has twice is one, whatever its prefix")
    func twice() throws {
        let configuration = try configuration(result("br0", "10.1.2.3/24", "fd00::3/64", "10.1.2.3/16"))
        #expect(configuration.addresses.map { $0.description } == ["10.1.2.3", "fd00::3"])
    }

    @Test(
        "A policy needs a bridge that a rule can name; an open network needs none",
        arguments: ["", "0123456789abcdef", "br*", "*", "brücke-im-norden"]
    )
    func bridges(name: String) throws {
        for policy in ["same-bridge", "isolated"] {
            let configuration = try configuration("\"ingressPolicy\": \"\(policy)\"", result(name, "10.1.2.3/24"))
            let error = try #require(throws: CNIError.self) { try configuration.requireBridge() }
            #expect(error.code == 7)
            #expect(error.message.hasPrefix("ingressPolicy: \(policy)"))
        }
        let open = try configuration(result(name, "10.1.2.3/24"))
        #expect(throws: Never.self) { try open.requireBridge() }
    }

    @Test("Without any interface there is no bridge", arguments: [#""prevResult": {"ips": []}"#, #""type": "x""#])
    func noInterface(members: String) throws {
        let configuration = try configuration(#""ingressPolicy": "isolated""#, members)
        #expect(throws: CNIError.self) { try configuration.requireBridge() }
    }

    @Test("A name of 15 octets is a bridge, and so is an odd one", arguments: ["0123456789abcde", "a*b", "br$x", "ü"])
    func oddBridges(name: String) throws {
        let configuration = try configuration(#""ingressPolicy": "isolated""#, result(name))
        #expect(throws: Never.self) { try configuration.requireBridge() }
    }
}
