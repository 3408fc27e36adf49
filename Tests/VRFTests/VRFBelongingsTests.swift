// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@testable import Netlink
@testable import VRF

@Suite("What an interface takes along into a VRF")
struct VRFBelongingsTests {
    /// A route through link 9, made as the kernel would tell of it.
    private static func route(
        _ destination: String,
        via gateway: String? = nil,
        isOfKernel: Bool = false,
        table: Int = 254
    ) throws -> InstalledRoute {
        let cidr = try #require(CIDR(destination))
        var route = Route(destination: cidr, gateway: gateway.flatMap { IPAddress($0) })
        route.table = table
        var octets = Array(NetlinkRequest.addRoute(route, through: 9, name: "eth0").octets[16...])
        // rtmsg: the sixth octet says who made it.
        if isOfKernel { octets[5] = 2 }
        return try #require(
            InstalledRoute(NetlinkReply(type: 24, flags: 0, sequence: 1, payload: octets[...]), cidr.family)
        )
    }

    private static func repair(
        _ before: [InstalledRoute],
        _ present: [InstalledRoute],
        moving move: (Int, Int) = (254, 7)
    ) -> (missing: [String], excess: [String]) {
        let repair = VRFBelongings(addresses: [], routes: before).repair(present, moving: (move.0, move.1))
        return (repair.missing.map { "\($0.table): \($0.route)" }, repair.excess.map { "\($0.table): \($0)" })
    }

    @Test("Routes of the main table go into the VRF's, others stay in theirs, and gateways come last")
    func moved() throws {
        let before = try [
            Self.route("0.0.0.0/0", via: "10.1.0.1"), Self.route("192.0.2.0/24", table: 100),
            Self.route("10.1.0.1/32"), Self.route("::/0", via: "fd01::1"),
        ]
        let found = Self.repair(before, [])
        #expect(
            found.missing == [
                "100: route to 192.0.2.0/24", "7: route to 10.1.0.1/32", "7: route to 0.0.0.0/0 via 10.1.0.1",
                "7: route to ::/0 via fd01::1",
            ]
        )
        #expect(found.excess == [])
    }

    @Test("What the kernel has made again is not missing")
    func present() throws {
        let connected = try Self.route("10.1.0.0/24", isOfKernel: true)
        let again = try Self.route("10.1.0.0/24", isOfKernel: true, table: 7)
        let elsewhere = try Self.route("10.1.0.0/24", isOfKernel: true, table: 8)
        #expect(Self.repair([connected], [again]) == ([], []))
        #expect(Self.repair([connected], [elsewhere]).missing == ["7: route to 10.1.0.0/24"])
    }

    @Test("A route of an address that somebody took away stays away; those of the link itself may stay")
    func excess() throws {
        let present = try [
            Self.route("10.1.0.0/24", isOfKernel: true, table: 7), Self.route("fe80::/64", isOfKernel: true, table: 7),
            Self.route("10.2.0.0/24", table: 7),
        ]
        #expect(Self.repair([], present).excess == ["7: route to 10.1.0.0/24"])
    }

    @Test("The way back leads to the main table")
    func back() throws {
        let before = try [Self.route("0.0.0.0/0", via: "10.1.0.1", table: 7), Self.route("192.0.2.0/24", table: 100)]
        #expect(
            Self.repair(before, [], moving: (7, 254)).missing == [
                "100: route to 192.0.2.0/24", "254: route to 0.0.0.0/0 via 10.1.0.1",
            ]
        )
    }

    @Test("The first free table is neither taken nor everybody's")
    func tables() {
        #expect(VRFDomain.firstFree(besides: []) == 1)
        #expect(VRFDomain.firstFree(besides: [1, 2, 4]) == 3)
        #expect(VRFDomain.firstFree(besides: Set(1...252)) == 256)
    }
}

@Suite("Configurations of vrf")
struct VRFConfigurationTests {
    @Test(
        "A table of 0 is the same as none",
        arguments: [
            ("", nil), (#", "table": 0"#, nil), (#", "table": null"#, nil), (#", "table": 4294967295"#, UInt32.max),
        ]
    )
    func table(members: String, expected: UInt32?) throws {
        let configuration = try VRFConfiguration(Request(#"{"name": "net", "VrfName": "red"\#(members)}"#))
        #expect(configuration.name == "red" && configuration.table == expected)
    }

    @Test(
        "What makes no sense is refused with its place",
        arguments: [
            ("", 7, "vrfname"), (#", "vrfname": """#, 7, "vrfname"), (#", "vrfname": null"#, 7, "vrfname"),
            (#", "vrfname": 7"#, 6, "vrfname"), (#", "vrfname": "a/b""#, 6, "vrfname"),
            (#", "vrfname": "abcdefghijklmnop""#, 6, "vrfname"), (#", "vrfname": "eth0""#, 7, "eth0"),
            (#", "vrfname": "red", "table": "7""#, 6, "table"), (#", "vrfname": "red", "table": -1"#, 6, "table"),
            (#", "vrfname": "red", "table": 4294967296"#, 6, "table"),
            (#", "vrfname": "red", "table": 1.5"#, 6, "table"),
        ]
    )
    func refused(members: String, code: Int, says: String) throws {
        let request = try Request(#"{"name": "net"\#(members)}"#)
        let error = #expect(throws: CNIError.self) { try VRFConfiguration(request) }
        #expect(error?.code == code && "\(error?.description ?? "")".contains(says))
    }
}

@Suite("An interface's own routes")
struct VRFRestorationTests {
    @Test("They lead where its plugin promised, to its networks and to its gateways, each once")
    func destinations() throws {
        let request = try Request(
            #"""
            {"cniVersion": "1.1.0", "name": "net", "vrfname": "red", "prevResult": {"cniVersion": "1.1.0",
             "ips": [{"address": "10.77.0.2/24", "gateway": "10.77.0.1"}, {"address": "10.78.0.2/32"},
                     {"address": "fd77::2/64", "gateway": "fd77::1"}],
             "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.77.0.0/24"}, {"dst": "192.0.2.0/24", "table": 9}]}}
            """#
        )
        let found = VRFRestoration.destinations(of: request.configuration.previousResult)
        #expect(
            found.map { "\($0)" } == ["0.0.0.0/0", "10.77.0.0/24", "10.77.0.1/32", "fd77::/64", "fd77::1/128"]
        )
        #expect(VRFRestoration.destinations(of: nil) == [])
    }
}
