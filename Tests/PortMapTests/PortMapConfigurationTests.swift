// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import JSON
import Plugin
import TestSupport
import Testing

@testable import PortMap

/// Members of a configuration: the result of a chain whose container has one address of each family.
let bothFamilies = #"""
    "prevResult": {"interfaces": [{"name": "cni0"}, {"name": "eth0", "sandbox": "/x"}],
    "ips": [{"address": "10.1.2.3/24", "interface": 1}, {"address": "fd00::3/64", "interface": 1}]}
    """#
let onlyIPv4 = #""prevResult": {"ips": [{"address": "10.1.2.3/24"}]}"#

/// Mappings as a runtime passes them on.
func wants(_ mappings: String...) -> String {
    "\"runtimeConfig\": {\"portMappings\": [\(mappings.joined(separator: ", "))]}"
}

/// One mapping.
func port(_ host: Int, _ container: Int, _ others: String = "") -> String {
    "{\"hostPort\": \(host), \"containerPort\": \(container)\(others)}"
}

/// Reads the configuration of a network of type `portmap`.
///
/// - Parameter members: what it says besides its name.
/// - Returns: the configuration.
/// - Throws: what the plugin would answer.
func configuration(_ members: String...) throws -> PortMapConfiguration {
    let text = (["\"cniVersion\": \"1.0.0\", \"name\": \"blue\""] + members).joined(separator: ", ")
    return try PortMapConfiguration(Request("{\(text)}").configuration, interfaceName: "eth0")
}

@Suite("The port mapper's configuration")
struct PortMapConfigurationTests {
    @Test("Nothing but a name masquerades what could not find back, by nftables")
    func defaults() throws {
        let configuration = try configuration()
        #expect(configuration.backend == .nftables)
        #expect(configuration.masquerades && !configuration.masqueradesAll && !configuration.allowsListening)
        #expect(configuration.markBit == 13 && configuration.externalSetMarkChain == nil)
        #expect(configuration.conditions == [.v4: [], .v6: []])
        #expect(configuration.mappings == [] && configuration.forwards == [] && configuration.targets == [])
    }

    @Test("Each key says what it says, in any case")
    func keys() throws {
        let configuration = try configuration(
            #""Backend": "iptables", "SNAT": false, "MasqAll": true, "MARKMASQBIT": 31, "allowlistening": true"#,
            #""ConditionsV4": ["-s", "10.0.0.0/8"], "conditionsV6": ["!", "-s", "fd00::/8"]"#
        )
        #expect(configuration.backend == .iptables)
        #expect(!configuration.masquerades && configuration.masqueradesAll && configuration.allowsListening)
        #expect(configuration.markBit == 31)
        #expect(configuration.conditions == [.v4: ["-s", "10.0.0.0/8"], .v6: ["!", "-s", "fd00::/8"]])
    }

    @Test("Null says nothing, wherever it stands")
    func nulls() throws {
        let configuration = try configuration(
            #""backend": null, "snat": null, "masqAll": null, "markMasqBit": null, "externalSetMarkChain": null"#,
            #""conditionsV4": null, "conditionsV6": null, "allowListening": null, "runtimeConfig": null"#
        )
        #expect(configuration.backend == .nftables && configuration.masquerades && configuration.markBit == 13)
        #expect(try PortMapTests.configuration(#""runtimeConfig": {"portMappings": null}"#).mappings == [])
    }

    @Test(
        "A value of the wrong type or out of bounds is refused with its place",
        arguments: [
            (#""backend": 1"#, "backend: expected a string"), (#""snat": "yes""#, "snat: expected a boolean"),
            (#""masqAll": 1"#, "masqAll: expected a boolean"),
            (#""markMasqBit": 32"#, "markMasqBit: expected an integer from 0 to 31"),
            (#""markMasqBit": -1"#, "markMasqBit: expected an integer from 0 to 31"),
            (#""externalSetMarkChain": 1"#, "externalSetMarkChain: expected a string"),
            (
                #""externalSetMarkChain": "M", "markMasqBit": 13"#,
                "markMasqBit: expected no markMasqBit beside externalSetMarkChain"
            ),
            (#""conditionsV4": "ip""#, "conditionsV4: expected an array"),
            (#""conditionsV6": [1]"#, "conditionsV6[0]: expected a string"),
            (#""allowListening": 0"#, "allowListening: expected a boolean"),
            (#""runtimeConfig": {"portMappings": {}}"#, "runtimeConfig.portMappings: expected an array"),
        ]
    )
    func types(members: String, place: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration(members) }
        #expect(error.code == 6)
        #expect(error.details.hasPrefix(place))
    }

    @Test(
        "A mapping that makes no sense is refused with its place",
        arguments: [
            ("1", " expected an object"), (#"{"hostPort": 80}"#, " expected an object with hostPort and containerPort"),
            (#"{"containerPort": 80}"#, " expected an object with hostPort and containerPort"),
            (port(0, 80), ".hostPort: expected an integer from 1 to 65535"),
            (port(65_536, 80), ".hostPort: expected an integer from 1 to 65535"),
            (port(-1, 80), ".hostPort: expected an integer from 1 to 65535"),
            (port(80, 0), ".containerPort: expected an integer from 1 to 65535"),
            (port(80, 65_536), ".containerPort: expected an integer from 1 to 65535"),
            (#"{"hostPort": "80", "containerPort": 80}"#, ".hostPort: expected an integer"),
            (port(80, 80, #", "protocol": "icmp""#), ".protocol: expected tcp, udp or sctp"),
            (port(80, 80, #", "protocol": 6"#), ".protocol: expected a string"),
            (port(80, 80, #", "hostIP": "localhost""#), ".hostIP: expected an IP address"),
            (port(80, 80, #", "hostIP": "10.0.0.0/8""#), ".hostIP: expected an IP address"),
            (port(80, 80, #", "hostIP": 1"#), ".hostIP: expected a string"),
        ]
    )
    func badMappings(mapping: String, place: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration(wants(port(1, 1), mapping)) }
        #expect(error.code == 6)
        let start = "runtimeConfig.portMappings[1]"
        #expect(error.details.hasPrefix(start + (place.hasPrefix(".") ? place : ":" + place)))
    }

    @Test("Capitalised keys, as containerd writes them, are the same mapping")
    func goKeys() throws {
        let text = #"{"HostPort": 18080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}"#
        #expect(try configuration(wants(text)).mappings == configuration(wants(port(18_080, 80))).mappings)
    }

    @Test(
        "Protocols are known in any case, and none is TCP",
        arguments: [("TCP", Transport.tcp), ("udp", .udp), ("Sctp", .sctp), ("", .tcp)]
    )
    func transports(name: String, transport: Transport) throws {
        let mapping = port(80, 80, ", \"protocol\": \"\(name)\"")
        #expect(try configuration(wants(mapping)).mappings.map { $0.transport } == [transport])
        #expect(try configuration(wants(port(80, 80, #", "protocol": null"#))).mappings.map { $0.transport } == [.tcp])
    }

    @Test(
        "A mapping is for the families of its host address",
        arguments: [
            ("", ["0.0.0.0:80/tcp", "[::]:80/tcp"]), ("0.0.0.0", ["0.0.0.0:80/tcp"]), ("::", ["[::]:80/tcp"]),
            ("192.0.2.1", ["192.0.2.1:80/tcp"]), ("2001:db8::1", ["[2001:db8::1]:80/tcp"]),
            ("::ffff:192.0.2.1", ["192.0.2.1:80/tcp"]), ("127.0.0.1", ["127.0.0.1:80/tcp"]),
        ]
    )
    func hostAddresses(text: String, expected: [String]) throws {
        let mapping = port(80, 80, ", \"hostIP\": \"\(text)\"")
        #expect(try configuration(wants(mapping), bothFamilies).forwards.map { $0.description } == expected)
    }

    @Test("Forwards are sorted by family, protocol and port, each once")
    func sorted() throws {
        let udp = #", "protocol": "udp""#
        let mappings = [
            port(90, 9), port(80, 8, udp), port(70, 7), port(90, 9), port(70, 7, #", "hostIP": "0.0.0.0""#),
        ]
        let configuration = try configuration(wants(mappings.joined(separator: ",")), bothFamilies)
        let four = ["0.0.0.0:70/tcp", "0.0.0.0:90/tcp", "0.0.0.0:80/udp"]
        let six = ["[::]:70/tcp", "[::]:90/tcp", "[::]:80/udp"]
        #expect(configuration.forwards.map { $0.description } == four + six)
        #expect(configuration.forwards.map { $0.containerPort } == [7, 9, 8, 7, 9, 8])
        #expect(configuration.mappings.count == 5)
    }

    @Test(
        "One port of the host that leads to two is refused, and both are named",
        arguments: [
            [port(80, 8), port(80, 9)], [port(80, 8), port(80, 9, #", "hostIP": "192.0.2.1""#)],
            [port(80, 9, #", "hostIP": "192.0.2.1""#), port(80, 8, #", "hostIP": "0.0.0.0""#)],
            [port(80, 8, #", "hostIP": "192.0.2.1""#), port(70, 9), port(80, 9, #", "hostIP": "192.0.2.1""#)],
        ]
    )
    func twice(mappings: [String]) throws {
        let members = wants(mappings.joined(separator: ", "))
        let error = try #require(throws: CNIError.self) { _ = try configuration(members, onlyIPv4) }
        #expect(error.code == 7)
        #expect(error.message.contains(":80/tcp is wanted twice"))
        #expect(error.details.contains("for container port 8") || error.details.contains("for container port 9"))
    }

    @Test("One port of two addresses, two protocols or two families can lead to different ports")
    func apart() throws {
        let mappings = [
            port(80, 1, #", "hostIP": "192.0.2.1""#), port(80, 2, #", "hostIP": "192.0.2.2""#),
            port(80, 3, #", "protocol": "udp""#), port(80, 4, #", "hostIP": "::""#),
        ]
        let configuration = try configuration(wants(mappings.joined(separator: ",")), bothFamilies)
        #expect(configuration.forwards.map { $0.containerPort }.sorted() == [1, 2, 3, 3, 4])
    }

    @Test(
        "The target is the first address of each family that the interface has",
        arguments: [
            (#""ips": [{"address": "10.1.2.3/24"}, {"address": "10.1.2.4/24"}]"#, ["10.1.2.3/24"]),
            (
                #""interfaces": [{"name": "cni0"}, {"name": "eth0", "sandbox": "/x"}], "ips": ["#
                    + #"{"address": "10.1.2.1/24", "interface": 0}, {"address": "10.1.2.3/24", "interface": 1}]"#,
                ["10.1.2.3/24"]
            ),
            // One of the host that happens to have the name, one of the container with another, and none at all.
            (#""interfaces": [{"name": "eth0"}], "ips": [{"address": "10.1.2.3/24", "interface": 0}]"#, []),
            (
                #""interfaces": [{"name": "eth1", "sandbox": "/x"}], "ips": [{"address": "10.1.2.3/24", "interface": 0}]"#,
                []
            ),
            (#""ips": [{"address": "10.1.2.3/24", "interface": 7}]"#, []),
            (
                #""ips": [{"address": "fd00::3/64"}, {"address": "10.1.2.3/24", "interface": 7}, {"address": "10.1.2.4/8"}]"#,
                ["fd00::3/64", "10.1.2.4/8"]
            ),
            (#""ips": []"#, []),
        ]
    )
    func targets(result: String, expected: [String]) throws {
        let configuration = try configuration("\"prevResult\": {\(result)}", wants(port(80, 80)))
        #expect(configuration.targets.map { $0.description } == expected)
        #expect(configuration.forwards.count == expected.count)
    }
}
