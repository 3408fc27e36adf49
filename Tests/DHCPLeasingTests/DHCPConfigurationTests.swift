// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import DHCP
import DHCPLeases
import Plugin
import TestSupport
import Testing

@testable import DHCPLeasing

@Suite("dhcp's configuration")
struct DHCPConfigurationTests {
    private static func request(_ ipam: String, arguments: String = "") throws -> Request {
        let text = #"{"cniVersion": "1.0.0", "name": "lan", "type": "bridge", "ipam": \#(ipam)}"#
        return try Request(text, ["CNI_ARGS": arguments])
    }

    @Test(
        "Options are provided from values and from CNI_ARGS, which count more and are read leniently",
        arguments: [
            ("{}", "", ""),
            (#"{"provide": [{"option": "host-name", "value": "web"}]}"#, "", "12=web"),
            (#"{"provide": [{"option": "12", "value": "a"}, {"option": "host-name", "value": "b"}]}"#, "", "12=b"),
            (#"{"provide": [{"option": "60", "value": "a", "fromArg": "X"}]}"#, "X=b=c;Y=d", "60=b=c"),
            (#"{"provide": [{"option": "60", "value": "a", "fromArg": "X"}]}"#, "Y=d;;nonsense", "60=a"),
            (#"{"provide": [{"option": "60", "fromArg": "X"}]}"#, "", ""),
            (#"{"Provide": [{"Option": "user-class", "FromArg": "X"}]}"#, "X=1;X=2", "77=2"),
        ]
    )
    func options(ipam: String, arguments: String, expected: String) throws {
        let order = try #require(DHCPConfiguration(try Self.request(ipam, arguments: arguments)).orders.first)
        let words = order.options.map { "\($0.code.rawValue)=\(String(decoding: $0.value, as: UTF8.self))" }
        #expect(words.joined(separator: " ") == expected)
    }

    @Test(
        "Routers and the mask are asked for besides, unless an element says not to",
        arguments: [
            ("{}", [3, 1]), (#"{"request": [{"option": "121"}, {"option": "routers"}]}"#, [121, 3, 1]),
            (#"{"request": [{"skipDefault": true, "option": "6"}]}"#, [6]),
            (#"{"request": [{"skipDefault": true}, {"option": "1"}]}"#, [1]),
            (#"{"request": [{"skipDefault": false, "option": "6"}]}"#, [6, 3, 1]),
        ] as [(String, [UInt8])]
    )
    func requests(ipam: String, expected: [UInt8]) throws {
        #expect(try DHCPConfiguration(try Self.request(ipam)).orders[0].requested.map(\.rawValue) == expected)
    }

    @Test(
        "What makes no sense is refused with its place",
        arguments: [
            (#"{"provide": [{"option": "nonsense", "value": "x"}]}"#, "ipam.provide[0]"),
            (#"{"provide": [{"value": "x"}]}"#, "ipam.provide[0]"),
            (#"{"provide": [{"option": "53", "value": "x"}]}"#, "ipam.provide[0]"),
            (#"{"provide": [{"option": "12", "value": 5}]}"#, "ipam.provide[0].value"),
            (#"{"request": [{"option": "0"}]}"#, "ipam.request[0]"),
            (#"{"request": [{"skipDefault": "yes"}]}"#, "ipam.request[0].skipDefault"),
            (#"{"ipv6": "auto"}"#, "ipam.ipv6"), (#"{"ipv4": "no"}"#, "ipam.ipv4"),
            (#"{"request": {}}"#, "ipam.request"), (#"{"priority": -1}"#, "ipam.priority"),
        ]
    )
    func nonsense(ipam: String, place: String) throws {
        let request = try Self.request(ipam)
        let error = #expect(throws: CNIError.self) { try DHCPConfiguration(request) }
        #expect(error?.code == 6 && error?.details.hasPrefix("\(place):") == true, "\(error?.details ?? "")")
    }

    @Test(
        "A network has at least one family, leased or advertised",
        arguments: [
            ("{}", [.v4], false), (#"{"ipv6": ""}"#, [.v4], false), (#"{"ipv6": "slaac"}"#, [.v4], true),
            (#"{"ipv6": "dhcpv6"}"#, [.v4, .v6], false), (#"{"ipv4": false, "ipv6": "slaac"}"#, [], true),
            (#"{"ipv4": false, "ipv6": "dhcpv6"}"#, [.v6], false),
        ] as [(String, [AddressFamily], Bool)]
    )
    func families(ipam: String, leased: [AddressFamily], isAdvertised: Bool) throws {
        let configuration = try DHCPConfiguration(try Self.request(ipam))
        #expect(configuration.orders.map(\.family) == leased && configuration.wantsAdvertised == isAdvertised)
    }

    @Test("A network without any address is refused")
    func noFamily() throws {
        let none = try Self.request(#"{"ipv4": false}"#)
        #expect(#expect(throws: CNIError.self) { try DHCPConfiguration(none) }?.code == 7)
    }

    @Test("Values that do not fit into a message are refused")
    func tooLong() throws {
        let long = String(repeating: "x", count: 256)
        let one = try Self.request(#"{"provide": [{"option": "12", "value": "\#(long)"}]}"#)
        #expect(throws: CNIError.self) { try DHCPConfiguration(one) }
        let elements = (200..<205).map { #"{"option": "\#($0)", "value": "\#(long.dropFirst())"}"# }
        let many = try Self.request(#"{"provide": [\#(elements.joined(separator: ","))]}"#)
        #expect(#expect(throws: CNIError.self) { try DHCPConfiguration(many) }?.code == 7)
    }

    @Test(
        "The socket is found in any configuration",
        arguments: [
            ("{}", "/run/cni/dhcp.sock"), (#"{"daemonSocketPath": ""}"#, "/run/cni/dhcp.sock"),
            (#"{"daemonSocketPath": 5}"#, "/run/cni/dhcp.sock"),
            (#"{"daemonSocketPath": "/x", "provide": 5}"#, "/x"),
        ]
    )
    func socket(ipam: String, path: String) throws {
        #expect(DHCPConfiguration.socketPath(try Self.request(ipam)) == path)
    }
}
