// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@testable import HostLocal

@Suite("host-local's configuration")
struct HostLocalConfigurationTests {
    private static func configuration(
        _ ipam: String,
        _ rest: String = "",
        version: String = "1.0.0",
        arguments: String = ""
    ) throws -> HostLocalConfiguration {
        let text = #"{"cniVersion": "\#(version)", "name": "blue", "type": "bridge", "ipam": \#(ipam)\#(rest)}"#
        return try HostLocalConfiguration(try Request(text, ["CNI_ARGS": arguments]))
    }

    private static let one = #"{"ranges": [[{"subnet": "10.1.2.0/24"}]]}"#

    @Test(
        "Ranges come in every form: sets, the legacy single one, the capability's nested or flat, in any case",
        arguments: [
            (one, "", "10.1.2.1-10.1.2.254"),
            (#"{"subnet": "10.1.2.0/24"}"#, "", "10.1.2.1-10.1.2.254"),
            (
                #"{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.20", "gateway": "10.1.2.15"}"#,
                "", "10.1.2.10-10.1.2.20"
            ),
            (
                #"{"ranges": [[{"subnet": "10.1.2.0/24"}, {"subnet": "10.1.3.0/24"}], [{"subnet": "fd00::/64"}]]}"#, "",
                "10.1.2.1-10.1.2.254,10.1.3.1-10.1.3.254 fd00::1-fd00::ffff:ffff:ffff:ffff"
            ),
            (
                #"{"subnet": "10.1.2.0/24", "ranges": [[{"subnet": "10.1.3.0/24"}]]}"#,
                #", "runtimeConfig": {"ipRanges": [[{"subnet": "10.1.4.0/24"}]]}"#,
                "10.1.2.1-10.1.2.254 10.1.4.1-10.1.4.254 10.1.3.1-10.1.3.254"
            ),
            (
                "{}",
                #", "runtimeConfig": {"ipRanges": [{"Subnet": "10.1.4.0/24", "RangeStart": "10.1.4.9"}, {"Subnet": "fd00::/64"}]}"#,
                "10.1.4.9-10.1.4.254 fd00::1-fd00::ffff:ffff:ffff:ffff"
            ),
            ("{}", #", "runtimeConfig": {"ipRanges": [[{"subnet": "10.1.4.0/24"}]]}"#, "10.1.4.1-10.1.4.254"),
            (#"{"subnet": "", "ranges": [[{"subnet": "10.1.3.0/24"}]]}"#, "", "10.1.3.1-10.1.3.254"),
        ]
    )
    func ranges(ipam: String, rest: String, expected: String) throws {
        let configuration = try Self.configuration(ipam, rest)
        #expect(configuration.rangeSets.map(\.description).joined(separator: " ") == expected)
        #expect(configuration.requested == [] && configuration.routes == [])
        #expect(try configuration.dns().isEmpty)
    }

    @Test(
        "What makes no sense is refused with its place",
        arguments: [
            (#"{"ranges": 1}"#, "ipam.ranges: expected an array, found the integer 1"),
            (#"{"ranges": [1]}"#, "ipam.ranges[0]: expected an array, found the integer 1"),
            (#"{"ranges": [[1]]}"#, "ipam.ranges[0][0]: expected an object, found the integer 1"),
            (#"{"ranges": [[{}]]}"#, "ipam.ranges[0][0]: expected a range with a subnet, found none"),
            (#"{"subnet": 1}"#, "ipam.subnet: expected a string, found the integer 1"),
            (#"{"subnet": "10.1.2.0/24", "routes": {}}"#, "ipam.routes: expected an array, found an empty object"),
            (#"{"subnet": "10.1.2.0/24", "resolvConf": 1}"#, "ipam.resolvConf: expected a string, found the integer 1"),
        ]
    )
    func refusals(ipam: String, details: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try Self.configuration(ipam) }
        #expect(error == CNIError(.decoding, "cannot decode the network configuration", details: details))
    }

    @Test(
        "Ranges that cannot be are refused with their place",
        arguments: [
            (#"{"ranges": [[]]}"#, "ipam", "invalid range set 0: empty range set"),
            (
                #"{"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}, {"subnet": "fd00::/64"}]]}"#,
                "ipam.ranges[1][0]", "invalid range set 1: mixed address families"
            ),
            (
                #"{"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.0.0/16"}]]}"#,
                "ipam", "range set 0 overlaps with 1"
            ),
            (
                #"{"ranges": [[{"subnet": "10.1.2.0/31"}]]}"#,
                "ipam.ranges[0][0]", "Network 10.1.2.0/31 too small to allocate from"
            ),
            (
                #"{"ranges": [[{"subnet": "10.1.2.0/24", "rangeEnd": "10.1.3.1"}]]}"#,
                "ipam.ranges[0][0]", "RangeEnd 10.1.3.1 not in network 10.1.2.0/24"
            ),
        ]
    )
    func impossible(ipam: String, place: String, message: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try Self.configuration(ipam) }
        #expect(error == CNIError(.invalidConfiguration, message, details: "correct the ranges in \(place)"))
    }

    @Test(
        "Texts that are no addresses are refused with their place",
        arguments: [
            (#"{"ranges": [[{"subnet": "10.1.2.0"}]]}"#, "ipam.ranges[0][0].subnet"),
            (#"{"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "x"}]]}"#, "ipam.ranges[0][0].rangeStart"),
            (#"{"ranges": [[{"subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.9/24"}]]}"#, "ipam.ranges[0][0].rangeEnd"),
            (#"{"ranges": [[{"subnet": "10.1.2.0/24", "gateway": 1}]]}"#, "ipam.ranges[0][0].gateway"),
            (#"{"subnet": "10.1.2.0/33"}"#, "ipam.subnet"),
            (#"{"subnet": "10.1.2.0/24", "routes": [{"dst": "x"}]}"#, "ipam.routes[0].dst"),
            (#"{"subnet": "10.1.2.0/24", "routes": [{"dst": "0.0.0.0/0", "gw": "x"}]}"#, "ipam.routes[0].gw"),
        ]
    )
    func places(ipam: String, place: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try Self.configuration(ipam) }
        #expect(error.code == CNIError.Code.decoding.rawValue)
        #expect(error.details.hasPrefix("\(place): expected "), "\(error.details)")
    }

    @Test("No range at all is refused with what to do", arguments: ["{}", #"{"ranges": []}"#, #"{"subnet": ""}"#])
    func none(ipam: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try Self.configuration(ipam) }
        #expect(error.code == CNIError.Code.invalidConfiguration.rawValue)
        #expect(error.message == "no IP ranges specified")
        #expect(error.details.contains("ipam.ranges"))
    }

    @Test("No ipam is refused in host-local's words")
    func missing() throws {
        let error = try #require(throws: CNIError.self) { _ = try Self.configuration("null") }
        #expect(error == CNIError(.invalidConfiguration, "IPAM config missing 'ipam' key"))
    }

    @Test(
        "Before version 0.3.0 there is one address per family",
        arguments: [
            ("0.2.0", #"[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}]"#, false),
            ("", #"[{"subnet": "fd00::/64"}], [{"subnet": "fd01::/64"}]"#, false),
            ("0.2.0", #"[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd01::/64"}]"#, true),
            ("0.2.0", #"[{"subnet": "10.1.2.0/24"}, {"subnet": "10.1.3.0/24"}]"#, true),
            ("0.3.0", #"[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}]"#, true),
        ]
    )
    func onePerFamily(version: String, ranges: String, isGood: Bool) throws {
        let outcome = Result { try Self.configuration("{\"ranges\": [\(ranges)]}", version: version) }
        switch outcome {
        case .success: #expect(isGood)
        case .failure(let error):
            #expect(!isGood)
            let message = try #require(error as? CNIError).message
            #expect(message.hasSuffix("does not support more than 1 address per family"), "\(message)")
        }
    }

    @Test("Addresses asked for add up from all three sources, each once, with or without prefix")
    func requested() throws {
        let rest = """
            , "args": {"cni": {"ips": ["10.1.2.5/24", "fd00::5"]}}, "runtimeConfig": {"ips": ["10.1.2.6", "10.1.2.5"]}
            """
        let configuration = try Self.configuration(Self.one, rest, arguments: "IP=10.1.2.4,10.1.2.6/16")
        #expect(configuration.requested.map(\.description) == ["10.1.2.4", "10.1.2.6", "10.1.2.5", "fd00::5"])
    }

    @Test(
        "An address asked for that is none is refused with where it was asked for",
        arguments: [
            ("", "IP=10.1.2", "10.1.2", "CNI_ARGS IP"), ("", "IP=10.1.2.3,", "", "CNI_ARGS IP"),
            (#", "args": {"cni": {"ips": ["10.1.2.5", "x"]}}"#, "", "x", "args.cni.ips[1]"),
            (#", "runtimeConfig": {"ips": ["10.1.2.5/33"]}"#, "", "10.1.2.5/33", "runtimeConfig.ips[0]"),
        ]
    )
    func invalidRequest(rest: String, arguments: String, text: String, source: String) throws {
        let error = try #require(throws: CNIError.self) {
            _ = try Self.configuration(Self.one, rest, arguments: arguments)
        }
        #expect(
            error == CNIError(.invalidConfiguration, "invalid IP address \"\(text)\"", details: "given by \(source)")
        )
    }

    @Test("Unknown arguments are refused, unless they are to be ignored")
    func arguments() throws {
        let error = try #require(throws: CNIError.self) { _ = try Self.configuration(Self.one, arguments: "X=1") }
        #expect(error.code == CNIError.Code.invalidEnvironment.rawValue)
        #expect(try Self.configuration(Self.one, arguments: "IgnoreUnknown=1;X=1").requested == [])
    }

    @Test("Routes are returned as they are")
    func routes() throws {
        let routes = #"[{"dst": "0.0.0.0/0"}, {"dst": "10.9.0.0/16", "gw": "10.1.2.9", "mtu": 1400, "priority": 7}]"#
        let configuration = try Self.configuration(#"{"subnet": "10.1.2.0/24", "routes": \#(routes)}"#)
        #expect(configuration.routes.map { "\($0.destination)" } == ["0.0.0.0/0", "10.9.0.0/16"])
        #expect(configuration.routes.map(\.gateway) == [nil, IPAddress("10.1.2.9")])
        #expect(configuration.routes.map(\.mtu) == [0, 1400])
    }

    @Test("A resolver's file becomes the names' settings. resolv.conf(5)")
    func resolver() throws {
        try withTemporaryDirectory { directory in
            let text = """
                # a comment
                ; nameserver 9.9.9.9
                nameserver 10.0.0.53
                nameserver\tfd00::53
                domain example.org
                search example.org  corp.example.org
                search more.example.org
                options ndots:5 rotate
                sortlist 1.2.3.4
                nameserver
                \u{20}nameserver 10.0.0.54
                """
            try writeFile("\(directory)/resolv.conf", text)
            let ipam = #"{"subnet": "10.1.2.0/24", "resolvConf": "\#(directory)/resolv.conf"}"#
            let dns = try Self.configuration(ipam).dns()
            #expect(dns.nameservers == ["10.0.0.53", "fd00::53", "10.0.0.54"])
            #expect(dns.domain == "example.org")
            #expect(dns.search == ["example.org", "corp.example.org", "more.example.org"])
            #expect(dns.options == ["ndots:5", "rotate"])
        }
    }

    @Test("A resolver's file that is not there is refused by name")
    func missingResolver() throws {
        let configuration = try Self.configuration(#"{"subnet": "10.1.2.0/24", "resolvConf": "/nowhere/at/all"}"#)
        let error = try #require(throws: CNIError.self) { _ = try configuration.dns() }
        #expect(error.message == "cannot read ipam.resolvConf")
        #expect(error.details == "open /nowhere/at/all: No such file or directory")
    }
}
