// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@testable import HostLocal

@Suite("host-local's rules")
struct RulesConfigurationTests {
    /// A network of one /24 with further members of `ipam`.
    private static func configuration(
        _ members: String,
        _ rest: String = "",
        arguments: String = ""
    ) throws -> HostLocalConfiguration {
        let ipam = #"{"subnet": "10.1.2.0/24"\#(members)}"#
        let text = #"{"cniVersion": "1.0.0", "name": "blue", "type": "bridge", "ipam": \#(ipam)\#(rest)}"#
        return try HostLocalConfiguration(try Request(text, ["CNI_ARGS": arguments]))
    }

    @Test("Without any rule it is host-local's order with a short quarantine, and nobody is remembered")
    func defaults() throws {
        let configuration = try Self.configuration("")
        #expect(configuration.rules == PoolRules())
        #expect(configuration.rules.order == .nextAfterLast)
        #expect(configuration.rules.quarantineNanoseconds == 5_000_000_000)
        #expect(!configuration.isSticky)
    }

    @Test("Exclusions are addresses, networks and ranges of both families, inside the pool or not")
    func exclusions() throws {
        let list = #"["10.1.2.5", "10.1.2.16/28", "10.1.2.31-10.1.2.40", "fd00::5", "fd00::/126", "192.0.2.1"]"#
        let excluded = try Self.configuration(#", "exclude": \#(list)"#).rules.excluded
        let runs = ["10.1.2.5", "10.1.2.16-10.1.2.40", "192.0.2.1", "fd00::-fd00::3", "fd00::5"]
        #expect(excluded.runs.map(\.description) == runs)
        #expect(try Self.configuration(#", "exclude": []"#).rules.excluded.isEmpty)
        #expect(try Self.configuration(#", "exclude": null"#).rules.excluded.isEmpty)
    }

    @Test(
        "An exclusion that is none is refused with its place",
        arguments: [
            ("10.1.2.9-10.1.2.5", "\"10.1.2.9-10.1.2.5\" ends before it begins: write 10.1.2.5-10.1.2.9"),
            ("10.1.2.17/28", "\"10.1.2.17/28\" has host bits set: write 10.1.2.16/28 or 10.1.2.17"),
        ]
    )
    func badExclusion(text: String, message: String) throws {
        let error = try #require(throws: CNIError.self) {
            _ = try Self.configuration(#", "exclude": ["10.1.2.3", "\#(text)"]"#)
        }
        #expect(error == CNIError(.invalidConfiguration, message, details: "correct ipam.exclude[1]"))
    }

    @Test("Reservations are lists of addresses by identity; a hardware address may be written in any form")
    func reservations() throws {
        let reserve = #"{"default/web-0": ["10.1.2.9", "fd00::9"], "02-00-5E-00-00-01": ["10.1.2.8"], "idle": []}"#
        let reservations = try Self.configuration(#", "reserve": \#(reserve)"#).rules.reservations
        #expect(reservations.addresses(of: "default/web-0").map(\.description) == ["10.1.2.9", "fd00::9"])
        #expect(reservations.addresses(of: "02:00:5e:00:00:01").map(\.description) == ["10.1.2.8"])
        #expect(reservations.addresses.runs.map(\.description) == ["10.1.2.8-10.1.2.9", "fd00::9"])
    }

    @Test("An address that is reserved twice is refused with both identities")
    func doubleReservation() throws {
        let error = try #require(throws: CNIError.self) {
            _ = try Self.configuration(#", "reserve": {"a": ["10.1.2.9"], "b": ["10.1.2.8", "10.1.2.9"]}"#)
        }
        let message = "10.1.2.9 is reserved for both \"a\" and \"b\""
        #expect(error == CNIError(.invalidConfiguration, message, details: "correct ipam.reserve"))
    }

    @Test(
        "Orders and quarantines are read as they are written",
        arguments: [
            (#""policy": "oldest-freed-first""#, AddressOrder.oldestFreedFirst, 5_000_000_000),
            (#""policy": "next-after-last", "quarantineSeconds": 0"#, .nextAfterLast, 0),
            (#""quarantineSeconds": 0.25"#, .nextAfterLast, 250_000_000),
            (#""quarantineSeconds": 86400"#, .nextAfterLast, 86_400_000_000_000),
            (#""quarantineSeconds": 3155760000"#, .nextAfterLast, 3_155_760_000_000_000_000),
        ] as [(String, AddressOrder, Int64)]
    )
    func orders(members: String, order: AddressOrder, nanoseconds: Int64) throws {
        let rules = try Self.configuration(", \(members)").rules
        #expect(rules.order == order)
        #expect(rules.quarantineNanoseconds == nanoseconds)
    }

    private static let second = "a number of seconds from 0 to 3155760000"
    private static let sticky = "true, false, \"pod\", \"container\" or \"mac\""

    @Test(
        "What is of another kind is refused with its place",
        arguments: [
            (#""exclude": "10.1.2.3""#, "ipam.exclude: expected an array, found the string \"10.1.2.3\""),
            (#""exclude": [7]"#, "ipam.exclude[0]: expected a string, found the integer 7"),
            (#""reserve": ["10.1.2.3"]"#, "ipam.reserve: expected an object, found an array of 1"),
            (#""reserve": {"a": "10.1.2.3"}"#, "ipam.reserve.a: expected an array, found the string \"10.1.2.3\""),
            (#""reserve": {"a": [""]}"#, "ipam.reserve.a[0]: expected an IP address, found the string \"\""),
            (#""reserve": {"a": ["10.1.2.3/24"]}"#, "ipam.reserve.a[0]: expected an IP address, "),
            (#""policy": "random""#, "ipam.policy: expected \"next-after-last\" or \"oldest-freed-first\", found "),
            (#""policy": 1"#, "ipam.policy: expected a string, found the integer 1"),
            (#""quarantineSeconds": -1"#, "ipam.quarantineSeconds: expected \(second), found the integer -1"),
            (#""quarantineSeconds": -0.5"#, "ipam.quarantineSeconds: expected \(second), found "),
            (#""quarantineSeconds": 1e300"#, "ipam.quarantineSeconds: expected \(second), found "),
            (#""quarantineSeconds": "5""#, "ipam.quarantineSeconds: expected \(second), found the string \"5\""),
            (#""sticky": "name""#, "ipam.sticky: expected \(sticky), found the string \"name\""),
            (#""sticky": 1"#, "ipam.sticky: expected \(sticky), found the integer 1"),
            (#""onlink": "yes""#, "ipam.onlink: expected a boolean, found the string \"yes\""),
        ]
    )
    func refusals(members: String, details: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try Self.configuration(", \(members)") }
        #expect(error.message == "cannot decode the network configuration")
        #expect(error.details.hasPrefix(details), "\(error.details)")
    }
}

@Suite("What a container is known by")
struct ContainerIdentityTests {
    private static let pod = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0"
    private static let mac = "MAC=02:00:5e:00:00:01"
    private static let podman = "IgnoreUnknown=1;K8S_POD_NAME=web"
    private static let label =
        #", "args": {"cni": {"labels": [{"key": "app", "value": "x"}, {"key": "name", "value": "web"}]}}"#

    /// The identity of container c1 and whether it is remembered.
    private static func known(_ ipam: String, _ rest: String, _ arguments: String) throws -> (String?, Bool) {
        let object = #"{"subnet": "10.1.2.0/24"\#(ipam)}"#
        let text = #"{"cniVersion": "1.0.0", "name": "blue", "type": "bridge", "ipam": \#(object)\#(rest)}"#
        let configuration = try HostLocalConfiguration(try Request(text, ["CNI_ARGS": arguments]))
        return (configuration.identity, configuration.isSticky)
    }

    @Test(
        "By what the configuration names: a pod, a container's name or id, a hardware address",
        arguments: [
            (#""pod""#, "", pod, "shop/web-0"), (#""pod""#, label, podman, nil),
            (#""pod""#, "", "IgnoreUnknown=1;K8S_POD_NAMESPACE=;K8S_POD_NAME=web-0", nil),
            (#""container""#, "", podman, "web"), (#""container""#, label, pod, "web"),
            (#""container""#, "", pod, "c1"),
            (#""container""#, "", "", "c1"), (#""mac""#, "", "MAC=02:00:5E:00:00:01", "02:00:5e:00:00:01"),
            (#""mac""#, #", "runtimeConfig": {"mac": "02:00:5e:00:00:02"}"#, mac, "02:00:5e:00:00:02"),
            (#""mac""#, #", "args": {"cni": {"mac": "02:00:5e:00:00:03"}}"#, mac, "02:00:5e:00:00:03"),
            (#""mac""#, label, pod, nil), ("true", "", pod, "shop/web-0"), ("true", "", podman, "web"),
            ("true", "", "MAC=02:00:5e:00:00:01", "02:00:5e:00:00:01"), ("true", "", "", "c1"),
        ] as [(String, String, String, String?)]
    )
    func sources(sticky: String, rest: String, arguments: String, expected: String?) throws {
        let (identity, isSticky) = try Self.known(#", "sticky": \#(sticky)"#, rest, arguments)
        #expect(identity == expected)
        #expect(isSticky)
    }

    @Test(
        "A reservation for anything it is known by counts, unless the configuration names what counts",
        arguments: [
            ("", "shop/web-0", "shop/web-0"), ("", "web", "web"), ("", "02:00:5E:00:00:01", "02:00:5e:00:00:01"),
            ("", "c1", "c1"), ("", "db", "shop/web-0"), (#", "sticky": "pod""#, "web", "shop/web-0"),
            (#", "sticky": false"#, "web", "web"), (#", "sticky": true"#, "web", "web"),
        ]
    )
    func reservations(sticky: String, reserved: String, expected: String) throws {
        let reserve = #", "reserve": {"other": ["10.1.2.8"], "\#(reserved)": ["10.1.2.9"]}"#
        let (identity, isSticky) = try Self.known(
            reserve + sticky,
            Self.label,
            Self.pod + ";MAC=02:00:5e:00:00:01"
        )
        #expect(identity == expected)
        #expect(isSticky == (sticky.contains("true") || sticky.contains("pod")))
    }

    @Test("Labels that cannot be read are refused with their place, if anybody wants to read them")
    func badLabels() throws {
        let rest = #", "args": {"cni": {"labels": [{"key": 1}]}}"#
        #expect(try Self.known("", rest, "") == (nil, false))
        let error = try #require(throws: CNIError.self) { _ = try Self.known(#", "sticky": true"#, rest, "") }
        #expect(error.details == "args.cni.labels[0].key: expected a string, found the integer 1")
    }
}

@Suite("Gateways on the link")
struct OnLinkGatewayTests {
    /// The routes for a container with an address of each set.
    private static func routes(_ ipam: String) throws -> [AddResult.Route] {
        let text = #"{"cniVersion": "1.0.0", "name": "blue", "type": "bridge", "ipam": \#(ipam)}"#
        let configuration = try HostLocalConfiguration(try Request(text))
        return configuration.routes(from: configuration.rangeSets.compactMap(\.ranges.first))
    }

    @Test("A router outside of the subnet has a route of its own, before all that lead through it")
    func outside() throws {
        let routes = try Self.routes(
            """
            {"ranges": [[{"subnet": "10.1.2.0/24", "gateway": "169.254.1.1", "onlink": true}],
                        [{"subnet": "fd00::/64", "gateway": "fd99::1", "onlink": true}]],
             "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}
            """
        )
        #expect(routes.map { "\($0.destination)" } == ["169.254.1.1/32", "fd99::1/128", "0.0.0.0/0", "::/0"])
        #expect(routes.map(\.scope) == [253, 253, nil, nil])
        #expect(routes.map(\.gateway) == [nil, nil, nil, nil])
    }

    @Test(
        "No route is added for a router that needs none",
        arguments: [
            #"{"subnet": "10.1.2.0/24", "gateway": "169.254.1.1"}"#,
            #"{"subnet": "10.1.2.0/24", "gateway": "169.254.1.1", "onlink": false}"#,
            #"{"subnet": "10.1.2.0/24", "onlink": true}"#,
            #"{"subnet": "fd00::/64", "gateway": "fe80::1", "onlink": true}"#,
        ]
    )
    func unneeded(ipam: String) throws {
        #expect(try Self.routes(ipam) == [])
    }

    @Test("A route that the configuration has already is not added again, nor twice for two ranges")
    func once() throws {
        let range = #"{"subnet": "10.1.2.0/24", "gateway": "169.254.1.1", "onlink": true"#
        let given = #""routes": [{"dst": "169.254.1.1/32", "scope": 253, "mtu": 1400}]"#
        #expect(try Self.routes("\(range), \(given)}").map(\.mtu) == [1400])
        let two = #"{"ranges": [[\#(range)}], [{"subnet": "10.1.3.0/24", "gateway": "169.254.1.1", "onlink": true}]]}"#
        #expect(try Self.routes(two).count == 1)
    }

    @Test("A router of the other family cannot be on the link")
    func otherFamily() throws {
        let error = try #require(throws: CNIError.self) {
            _ = try Self.routes(#"{"ranges": [[{"subnet": "10.1.2.0/24", "gateway": "fd00::1", "onlink": true}]]}"#)
        }
        #expect(error.message == "gateway fd00::1 cannot be on the link of 10.1.2.0/24: it is of the other family")
        #expect(error.details == "correct the ranges in ipam.ranges[0][0]")
    }
}
