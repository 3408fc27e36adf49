// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import DHCP

@Suite("DHCP terms")
struct DHCPTermsTests {
    private static func terms(_ options: [UInt8: [UInt8]], without missing: [UInt8] = []) throws -> DHCPTerms {
        let question = DHCPMessage(.request, transaction: 1, clientHardware: hardware)
        return try DHCPTerms(reply(.acknowledgement, to: question, options, without: missing))
    }

    private static func words(_ terms: DHCPTerms) -> [String] {
        terms.routes.map { "\($0.destination) \($0.router.map { "\($0)" } ?? "link")" }
    }

    @Test("The plain case: an address, a gateway, a default route through it")
    func plain() throws {
        let terms = try Self.terms([3: [10, 1, 0, 1, 10, 1, 0, 2]])
        #expect("\(terms.address) \(terms.server)" == "10.1.0.20/24 10.1.0.1")
        #expect(terms.gateway == IPAddress("10.1.0.1"))
        #expect(Self.words(terms) == ["0.0.0.0/0 10.1.0.1"])
        #expect((terms.leaseSeconds, terms.renewalSeconds, terms.rebindingSeconds) == (100, 50, 87))
    }

    @Test(
        "Routes are those of option 121, else those of option 33 and the router's; a router of zeros is the link",
        arguments: [
            ([3: [10, 1, 0, 1], 33: [10, 9, 0, 5, 10, 1, 0, 7]], ["10.0.0.0/8 10.1.0.7", "0.0.0.0/0 10.1.0.1"]),
            ([33: [172, 16, 1, 2, 10, 1, 0, 7]], ["172.16.0.0/16 10.1.0.7"]),
            ([33: [192, 168, 7, 9, 10, 1, 0, 7, 1, 2]], ["192.168.7.0/24 10.1.0.7"]),
            ([3: [10, 1, 0, 1], 33: [10, 9, 0, 5, 10, 1, 0, 7], 121: [0, 10, 1, 0, 9]], ["0.0.0.0/0 10.1.0.9"]),
            (
                [121: [24, 10, 2, 3, 0, 0, 0, 0, 32, 10, 3, 4, 5, 10, 1, 0, 1, 20, 10, 4, 0xff, 10, 1, 0, 2]],
                ["10.2.3.0/24 link", "10.3.4.5/32 10.1.0.1", "10.4.240.0/20 10.1.0.2"]
            ),
            ([3: [10, 1, 0, 1], 121: [33, 10, 2, 3, 4, 5, 10, 1, 0, 1]], ["0.0.0.0/0 10.1.0.1"]),
            ([3: [10, 1, 0, 1], 121: [24, 10, 2, 3, 10, 1, 0]], ["0.0.0.0/0 10.1.0.1"]),
        ] as [([UInt8: [UInt8]], [String])]
    )
    func routes(options: [UInt8: [UInt8]], expected: [String]) throws {
        #expect(Self.words(try Self.terms(options)) == expected)
    }

    @Test("Name servers, domains and the MTU are read")
    func extras() throws {
        let search: [UInt8] = [3, 97, 98, 99, 3, 99, 111, 109, 0, 1, 120, 0xc0, 4]
        let terms = try Self.terms([
            6: [10, 1, 0, 2, 10, 1, 0, 3], 15: Array("lab.example\0".utf8), 26: [0x05, 0x78], 119: search,
        ])
        #expect(terms.nameServers.map { "\($0)" } == ["10.1.0.2", "10.1.0.3"])
        #expect(terms.domain == "lab.example" && terms.search == ["abc.com", "x.com"] && terms.mtu == 1400)
    }

    @Test(
        "Domains that point in circles or beyond the end are left out",
        arguments: [[1, 97, 0xc0, 0], [0xc0, 0], [5, 97], [0xc0], [1, 97, 0xc0, 9], [2, 97, 46, 0]] as [[UInt8]]
    )
    func hostileDomains(search: [UInt8]) throws {
        #expect(try Self.terms([119: search]).search == [])
    }

    @Test(
        "Times that make no sense are replaced by half and seven eighths",
        arguments: [
            ([:], 100, 50, 87),
            ([58: [0, 0, 0, 20], 59: [0, 0, 0, 60]], 100, 20, 60),
            ([58: [0, 0, 0, 70], 59: [0, 0, 0, 60]], 100, 50, 87),
            ([58: [0, 0, 0, 0]], 100, 50, 87),
            ([59: [0, 0, 0, 101]], 100, 50, 87),
            ([51: [0, 0, 0, 1]], 1, 1, 1),
            ([51: [0, 0, 0, 3]], 3, 1, 2),
        ] as [([UInt8: [UInt8]], Int, Int, Int)]
    )
    func times(options: [UInt8: [UInt8]], lease: Int, renewal: Int, rebinding: Int) throws {
        let terms = try Self.terms(options)
        #expect((terms.leaseSeconds, terms.renewalSeconds, terms.rebindingSeconds) == (lease, renewal, rebinding))
    }

    @Test("A lease of all ones never ends")
    func infinite() throws {
        #expect(try Self.terms([51: [255, 255, 255, 255]]).leaseSeconds == nil)
    }

    @Test(
        "Who grants nothing of use is told apart",
        arguments: [
            ([:], [1], "subnet mask"), ([1: [255, 0, 255, 0]], [], "subnet mask"),
            ([1: [0, 0, 0, 0]], [], "subnet mask"),
            ([:], [54], "option 54"), ([54: [1, 2]], [], "option 54"), ([:], [51], "option 51"),
            ([51: [0, 0, 0, 0]], [], "option 51"),
        ] as [([UInt8: [UInt8]], [UInt8], String)]
    )
    func problems(options: [UInt8: [UInt8]], missing: [UInt8], words: String) {
        let problem = #expect(throws: DHCPProblem.self) { try Self.terms(options, without: missing) }
        #expect(problem?.description.contains(words) == true)
    }

    @Test(
        "An address that no host can have is not taken",
        arguments: [[0, 0, 0, 0], [224, 0, 0, 1], [127, 0, 0, 1], [255, 255, 255, 255]] as [[UInt8]]
    )
    func addresses(address: [UInt8]) {
        let question = DHCPMessage(.request, transaction: 1, clientHardware: hardware)
        #expect(throws: DHCPProblem.self) {
            try DHCPTerms(reply(.acknowledgement, to: question, address: address))
        }
    }
}
