// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@testable import Static

@Suite("static's configuration")
struct StaticConfigurationTests {
    private static func configuration(
        _ ipam: String,
        _ rest: String = "",
        version: String = "1.0.0",
        arguments: String = ""
    ) throws -> StaticConfiguration {
        let text = #"{"cniVersion": "\#(version)", "name": "blue", "type": "macvlan", "ipam": \#(ipam)\#(rest)}"#
        return try StaticConfiguration(try Request(text, ["CNI_ARGS": arguments]))
    }

    /// What the container gets, in one line.
    private static func addresses(_ configuration: StaticConfiguration) -> String {
        configuration.addresses.map { "\($0.address)\($0.gateway.map { " via \($0)" } ?? "")" }.joined(separator: ", ")
    }

    private static let one = #"{"addresses": [{"address": "192.0.2.5/24", "gateway": "192.0.2.1"}]}"#
    private static let bare = #"{"addresses": [{"address": "192.0.2.5/24"}]}"#
    private static let both = #", "args": {"cni": {"ips": ["192.0.2.7/24"]}}, "runtimeConfig": {"ips": ["fd00::8/64"]}"#

    @Test(
        "CNI_ARGS adds to what is configured, and the lists of args.cni and of the capability stand for all others",
        arguments: [
            (one, "", "", "192.0.2.5/24 via 192.0.2.1"),
            (#"{"Addresses": [{"ADDRESS": "192.0.2.5/24", "Gateway": ""}]}"#, "", "", "192.0.2.5/24"),
            (one, "", "IP=192.0.2.6/24, fd00::6/64", "192.0.2.5/24 via 192.0.2.1, 192.0.2.6/24, fd00::6/64"),
            ("{}", "", "IP=192.0.2.6/24", "192.0.2.6/24"),
            (one, #", "args": {"cni": {"ips": ["192.0.2.7/24"]}}"#, "IP=192.0.2.6/24", "192.0.2.7/24"),
            (one, both, "IP=192.0.2.6/24", "fd00::8/64"),
            (one, #", "args": {"cni": {"ips": []}}, "runtimeConfig": {"ips": []}"#, "", "192.0.2.5/24 via 192.0.2.1"),
            (#"{"addresses": [{"address": "nonsense"}]}"#, both, "", "fd00::8/64"),
            ("{}", "", "", ""), (one, "", "IP=", "192.0.2.5/24 via 192.0.2.1"),
            (#"{"addresses": [{"address": "::ffff:192.0.2.5/120"}]}"#, "", "", "192.0.2.5/24"),
            (one, "", "IP=192.0.2.5/24,192.0.2.6/32", "192.0.2.5/24 via 192.0.2.1, 192.0.2.6/32"),
        ]
    )
    func sources(ipam: String, rest: String, arguments: String, expected: String) throws {
        #expect(Self.addresses(try Self.configuration(ipam, rest, arguments: arguments)) == expected)
    }

    @Test(
        "GATEWAY goes to the addresses whose networks contain it, unless they are configured with another",
        arguments: [
            (one, "", "GATEWAY=192.0.2.254", "192.0.2.5/24 via 192.0.2.1"),
            (bare, "", "GATEWAY=192.0.2.254", "192.0.2.5/24 via 192.0.2.254"),
            (bare, "", "GATEWAY=198.51.100.1", "192.0.2.5/24"),
            (
                "{}", "", "IP=192.0.2.6/24,fd00::6/64;GATEWAY=192.0.2.1, fd00::1",
                "192.0.2.6/24 via 192.0.2.1, fd00::6/64 via fd00::1"
            ),
            ("{}", "", "IP=192.0.2.6/24;GATEWAY=192.0.2.1,192.0.2.2", "192.0.2.6/24 via 192.0.2.2"),
            (one, both, "GATEWAY=fd00::1", "fd00::8/64 via fd00::1"),
        ]
    )
    func gateways(ipam: String, rest: String, arguments: String, expected: String) throws {
        #expect(Self.addresses(try Self.configuration(ipam, rest, arguments: arguments)) == expected)
    }

    @Test("Routes and names are passed on, those of ipam and no others")
    func rest() throws {
        let routes = #""routes": [{"dst": "::/0", "gw": "fd00::1", "mtu": 1400}]"#
        let ipam = #"{\#(routes), "dns": {"nameservers": ["192.0.2.53"]}}"#
        let configuration = try Self.configuration(ipam, #", "dns": {"nameservers": ["192.0.2.99"]}"#)
        #expect(configuration.routes.map { "\($0.destination) \($0.mtu)" } == ["::/0 1400"])
        #expect(configuration.dns == DNS(nameservers: ["192.0.2.53"]))
        #expect(configuration.leaseDirectory == "/var/lib/cni/networks/blue")
        #expect(try Self.configuration(#"{"dataDir": "/run/leases"}"#).leaseDirectory == "/run/leases/blue")
    }

    private static func list(_ addresses: String...) -> String {
        "{\"addresses\": [\(addresses.map { "{\"address\": \"\($0)\"}" }.joined(separator: ", "))]}"
    }

    @Test(
        "What no container could use is refused, with its place",
        arguments: [
            (list("192.0.2.5"), "", "", 7, "the 'address' field is expected to be in CIDR notation, got: '192.0.2.5'"),
            (list("192.0.2.5/24", ""), "", "", 7, "ipam.addresses[1].address"),
            (#"{"addresses": [{"gateway": "192.0.2.1"}]}"#, "", "", 7, "ipam.addresses[0].address"),
            (#"{"addresses": [{"address": "192.0.2.5/24", "gateway": "g"}]}"#, "", "", 6, "ipam.addresses[0].gateway"),
            (#"{"addresses": {}}"#, "", "", 6, "ipam.addresses"),
            (#"{"addresses": ["192.0.2.5/24"]}"#, "", "", 6, "ipam.addresses[0]"),
            (#"{"dataDir": 17}"#, "", "", 6, "ipam.dataDir"), (#"{"routes": [{}]}"#, "", "", 6, "ipam.routes[0]"),
            (list("192.0.2.5/33"), "", "", 7, "192.0.2.5/33"), (list("192.0.2.05/24"), "", "", 7, "192.0.2.05/24"),
            (list("0.0.0.0/24"), "", "", 7, "0.0.0.0 means that there is no address; correct ipam.addresses[0]"),
            (list("::/64"), "", "", 7, ":: means that there is no address"),
            (list("224.0.0.5/24"), "", "", 7, "224.0.0.5 is a group's"),
            (list("ff02::5/64"), "", "", 7, "ff02::5 is a group's"),
            (list("255.255.255.255/32"), "", "", 7, "255.255.255.255 means everybody"),
            (
                list("192.0.2.5/24", "fd00::5/64", "192.0.2.5/24"), "", "", 7,
                "192.0.2.5 is named twice: by ipam.addresses[0].address and ipam.addresses[2].address; remove one"
            ),
            (list("fd00::5/64", "fd00::5/48"), "", "", 7, "fd00::5 is named twice"),
            (list("fd00::5/64"), "", "IP=fd00::5/48", 7, "ipam.addresses[0].address and IP in CNI_ARGS"),
            ("{}", "", "IP=192.0.2.6", 4, "the 'ip' field is expected to be in CIDR notation, got: '192.0.2.6'"),
            ("{}", "", "IP=192.0.2.6/24,", 4, "got: ''"), ("{}", "", "IP=0.0.0.0/0", 4, "IP in CNI_ARGS"),
            (one, "", "GATEWAY=green", 4, "invalid gateway address: green"),
            (one, "", "FOO=1", 4, "unknown args"), (one, both, "IP=green", 4, "got: 'green'"),
            (
                "{}", #", "args": {"cni": {"ips": ["192.0.2.7"]}}"#, "", 7,
                "an entry in the 'ips' field is NOT in CIDR notation, got: '192.0.2.7': correct args.cni.ips[0]"
            ),
            ("{}", #", "runtimeConfig": {"ips": ["fd00::7/64", " fd00::8/64"]}"#, "", 7, "runtimeConfig.ips[1]"),
            ("{}", #", "runtimeConfig": {"ips": [17]}"#, "", 6, "runtimeConfig.ips[0]"),
            ("null", "", "", 7, "IPAM config missing 'ipam' key"),
        ]
    )
    func refused(ipam: String, rest: String, arguments: String, code: Int, words: String) throws {
        let error = try #require(throws: CNIError.self) {
            _ = try Self.configuration(ipam, rest, arguments: arguments)
        }
        #expect(error.code == code)
        #expect("\(error)".contains(words), "\(error)")
    }

    @Test(
        "What is odd but works is accepted",
        arguments: [
            "192.0.2.0/24", "192.0.2.1/31", "192.0.2.255/32", "192.0.2.255/24", "192.0.2.5/0", "fd00::/64",
            "fd00::ffff:ffff:ffff:ffff/64", "127.0.0.5/8", "fe80::5/64",
        ]
    )
    func odd(address: String) throws {
        let ipam = #"{"addresses": [{"address": "\#(address)", "gateway": "198.51.100.1"}]}"#
        #expect(Self.addresses(try Self.configuration(ipam)) == "\(address) via 198.51.100.1")
    }

    @Test("An address with two prefixes is two addresses for IPv4")
    func twoPrefixes() throws {
        #expect(try Self.configuration(Self.list("192.0.2.5/24", "192.0.2.5/16")).addresses.count == 2)
    }

    @Test("Versions before 0.3.0 have room for one address of a family", arguments: ["0.1.0", "0.2.0"])
    func oldVersions(version: String) throws {
        let dual = Self.list("192.0.2.5/24", "fd00::5/64")
        #expect(try Self.configuration(dual, version: version).addresses.count == 2)
        let error = try #require(throws: CNIError.self) {
            _ = try Self.configuration(dual, version: version, arguments: "IP=fd00::6/64")
        }
        #expect(error.message == "CNI version \(version) does not support more than 1 address per family")
    }
}
