// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import JSON
import Testing

@Suite("Results")
struct AddResultTests {
    private static func read(_ text: String, assuming version: CNIVersion = .newest) throws -> AddResult {
        try AddResult(JSONReader(JSONValue(parsing: text)), assuming: version)
    }

    private static func print(_ result: AddResult, _ version: CNIVersion) throws(CNIError) -> String {
        String(decoding: try result.json(version: version).serialized(), as: UTF8.self)
    }

    @Test(
        "One lease is printed in the shape of each version",
        arguments: [
            (
                .v1_1_0,
                #"{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.7/24","gateway":"10.9.0.1"}],"#
                    + #""routes":[{"dst":"0.0.0.0/0"}]}"#
            ),
            (
                .v0_4_0,
                #"{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.9.0.7/24","gateway":"10.9.0.1"}],"#
                    + #""routes":[{"dst":"0.0.0.0/0"}],"dns":{}}"#
            ),
            (
                .v0_2_0,
                #"{"cniVersion":"0.2.0","ip4":{"ip":"10.9.0.7/24","gateway":"10.9.0.1","#
                    + #""routes":[{"dst":"0.0.0.0/0"}]},"dns":{}}"#
            ),
        ] as [(CNIVersion, String)]
    )
    func lease(version: CNIVersion, text: String) throws {
        let lease = AddResult(
            ips: [.init(address: try #require(CIDR("10.9.0.7/24")), gateway: IPAddress("10.9.0.1"))],
            routes: [.init(destination: try #require(CIDR("0.0.0.0/0")))]
        )
        #expect(try Self.print(lease, version) == text)
        #expect(try Self.read(text) == lease)
    }

    @Test(
        "An empty dns is printed up to 0.4.0 and accepted everywhere",
        arguments: [
            (.v0_3_0, #"{"cniVersion":"0.3.0","dns":{}}"#), (.v0_3_1, #"{"cniVersion":"0.3.1","dns":{}}"#),
            (.v0_4_0, #"{"cniVersion":"0.4.0","dns":{}}"#), (.v1_0_0, #"{"cniVersion":"1.0.0"}"#),
            (.v1_1_0, #"{"cniVersion":"1.1.0"}"#),
        ] as [(CNIVersion, String)]
    )
    func emptyDNS(version: CNIVersion, text: String) throws {
        #expect(try Self.print(AddResult(), version) == text)
        #expect(try Self.read("{\"cniVersion\":\"\(version)\",\"dns\":{}}") == AddResult())
    }

    @Test("Up to 0.2.0 a result needs an address", arguments: [CNIVersion.v0_1_0, .v0_2_0])
    func noAddress(version: CNIVersion) {
        let error = #expect(throws: CNIError.self) {
            try AddResult(interfaces: [.init(name: "cni0")]).json(version: version)
        }
        #expect(error?.code == 1)
        #expect(error?.message == "cannot convert: no valid IP addresses")
    }

    @Test("Numbers that say nothing are left out, and a table or scope of 0 says something")
    func zeros() throws {
        let destination = try #require(CIDR("10.0.0.0/8"))
        let result = AddResult(routes: [
            .init(destination: destination), .init(destination: destination, table: 0, scope: 0),
        ])
        let routes = #"[{"dst":"10.0.0.0/8"},{"dst":"10.0.0.0/8","table":0,"scope":0}]"#
        #expect(try Self.print(result, .v1_0_0) == #"{"cniVersion":"1.0.0","routes":\#(routes)}"#)
        #expect(try Self.print(result, .v0_3_1) == #"{"cniVersion":"0.3.1","routes":\#(routes),"dns":{}}"#)
    }

    @Test("Newer members are accepted under older versions", arguments: CNIVersion.allCases.filter { $0 >= .v0_3_0 })
    func newerMembers(version: CNIVersion) throws {
        let result = try Self.read(
            """
            {"cniVersion":"\(version)","interfaces":[{"name":"e","mtu":9000,"socketPath":"/s","pciID":"p"}],
             "routes":[{"dst":"::/0","mtu":1400,"advmss":1340,"priority":4294967295,"table":254,"scope":255}]}
            """
        )
        #expect(result.interfaces == [.init(name: "e", mtu: 9000, socketPath: "/s", pciID: "p")])
        let destination = try #require(CIDR("::/0"))
        let route = AddResult.Route(
            destination: destination,
            mtu: 1400,
            advmss: 1340,
            priority: 4_294_967_295,
            table: 254,
            scope: 255
        )
        #expect(result.routes == [route])
    }

    @Test("A route through a gateway on the link says so in every version that says anything besides the gateway")
    func onLink() throws {
        let text = #"{"dst":"0.0.0.0/0","gw":"169.254.1.1","onlink":true}"#
        let result = try Self.read(#"{"cniVersion":"1.0.0","routes":[\#(text)]}"#)
        #expect(result.routes.map(\.isOnLink) == [true])
        #expect(try Self.print(result, .v1_0_0) == #"{"cniVersion":"1.0.0","routes":[\#(text)]}"#)
        let without = try Self.read(#"{"cniVersion":"1.0.0","routes":[{"dst":"::/0","onlink":false}]}"#)
        #expect(without.routes.map(\.isOnLink) == [false])
        #expect(try Self.print(without, .v1_0_0) == #"{"cniVersion":"1.0.0","routes":[{"dst":"::/0"}]}"#)
    }

    @Test("A version of its own beats the assumed one, unless nobody knows it")
    func ownVersion() throws {
        let old = #""ip4":{"ip":"10.9.0.7/24"}"#
        #expect(try Self.read(#"{"cniVersion":"0.1.0",\#(old)}"#, assuming: .v1_0_0).ips.count == 1)
        #expect(try Self.read(#"{"cniVersion":"9.9.9",\#(old)}"#, assuming: .v0_2_0).ips.count == 1)
        #expect(try Self.read(#"{"cniVersion":"","ips":[{"address":"10.9.0.7/24"}]}"#).ips.count == 1)
        #expect(try Self.read(#"{"ip4":null,"IP6":{"IP":"fd00::1/64"}}"#, assuming: .v0_1_0).ips.count == 1)
    }

    @Test("The version of an address is not needed to read it")
    func loopback() throws {
        let text = #"{"cniVersion":"0.3.1","ips":[{"interface":0,"address":"127.0.0.1/8"},{"address":"::1/128"}]}"#
        let printed = try Self.print(Self.read(text), .v0_3_1)
        #expect(printed.contains(#"{"version":"4","interface":0,"address":"127.0.0.1/8"},{"version":"6","address":"#))
    }

    @Test("Empty strings are absent addresses")
    func emptyAddresses() throws {
        let text = #"{"ips":[{"address":"10.9.0.7/24","gateway":""}],"routes":[{"dst":"0.0.0.0/0","gw":""}]}"#
        let result = try Self.read(text)
        #expect(result.ips[0].gateway == nil)
        #expect(result.routes[0].gateway == nil)
    }

    @Test("An address whose interface is not listed has none", arguments: [nil, 1, 2, 2_147_483_647])
    func unlisted(index: Int?) throws {
        let ip = AddResult.IPConfiguration(address: try #require(CIDR("10.9.0.7/24")), interface: index)
        #expect(AddResult(interfaces: [.init(name: "eth0")], ips: [ip]).interface(of: ip) == nil)
    }

    @Test(
        "What is not a result is refused with its place",
        arguments: [
            (.newest, "[]", "expected an object, found an array of 0"),
            (.newest, #"{"cniVersion":1}"#, "cniVersion: expected a string, found the integer 1"),
            (.newest, #"{"ips":{}}"#, "ips: expected an array, found an empty object"),
            (.newest, #"{"ips":[null]}"#, "ips[0]: expected an object, found null"),
            (.newest, #"{"ips":[{}]}"#, "ips[0]: expected an object with address, found an empty object"),
            (
                .newest, #"{"ips":[{"address":"10.0.0.1/33"}]}"#,
                #"ips[0].address: expected an IP address with prefix length, found the string "10.0.0.1/33""#
            ),
            (
                .newest, #"{"ips":[{"address":"10.0.0.1/8","gateway":"x"}]}"#,
                #"ips[0].gateway: expected an IP address, found the string "x""#
            ),
            (
                .newest, #"{"ips":[{"address":"10.0.0.1/8","interface":-1}]}"#,
                "ips[0].interface: expected an integer from 0 to 2147483647, found the integer -1"
            ),
            (.newest, #"{"routes":[{"gw":"::1"}]}"#, "routes[0]: expected an object with dst, found an object of 1"),
            (
                .newest, #"{"routes":[{"dst":"::/0","scope":256}]}"#,
                "routes[0].scope: expected an integer from 0 to 255, found the integer 256"
            ),
            (
                .newest, #"{"interfaces":[{"name":"e","mtu":4294967296}]}"#,
                "interfaces[0].mtu: expected an integer from 0 to 4294967295, found the integer 4294967296"
            ),
            (.v0_2_0, #"{"ip4":{}}"#, "ip4: expected an object with ip, found an empty object"),
            (
                .v0_1_0, #"{"ip6":{"ip":"10.0.0.1/8"}}"#,
                #"ip6.ip: expected an IPv6 address with prefix length, found the string "10.0.0.1/8""#
            ),
        ] as [(CNIVersion, String, String)]
    )
    func refusing(version: CNIVersion, text: String, details: String) {
        #expect(throws: CNIError(.decoding, "cannot decode the result", details: details)) {
            try Self.read(text, assuming: version)
        }
    }
}
