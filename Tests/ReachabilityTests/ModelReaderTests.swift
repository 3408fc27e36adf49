// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Netlink
import Testing

@testable import Reachability

@Suite("What the kernel says of ports and routes")
struct ModelReaderTests {
    /// A message with a payload in hexadecimal.
    private func reply(_ text: String) throws -> NetlinkReply {
        let payload = text.split { $0 == " " || $0 == "\n" }.compactMap { UInt8($0, radix: 16) }
        let length = NetlinkReply.headerLength + payload.count
        let header = [UInt8(length & 0xff), UInt8(length >> 8)] + [UInt8](repeating: 0, count: 14)
        return try #require(NetlinkReply.messages(in: header + payload).first)
    }

    /// Before attributes: AF_BRIDGE, ARPHRD_ETHER, link 11, flags.
    private let port = "07 00 01 00 0b 00 00 00 00 00 00 00 00 00 00 00"

    @Test("VLANs are asked for in runs: one by one those of a trunk do not fit into a message")
    func question() {
        #expect(ModelReader.portsQuestion.octets.suffix(8) == [8, 0, 29, 0, 4, 0, 0, 0])
    }

    @Test("A port of all VLANs has all of them, and its native one leaves without a tag")
    func trunk() throws {
        let vlans = """
            1c 00 1a 80  08 00 02 00 06 00 01 00
            08 00 02 00 08 00 02 00  08 00 02 00 10 00 fe 0f
            """
        let read = ModelReader.port(try reply("\(port) \(vlans)"))
        #expect((read.native, read.vlans, read.untagged) == (1, .all, VLANSet([1])))
    }

    @Test("A run has its VLANs and no others, and its flags are those of all")
    func run() throws {
        let vlans = "1c 00 1a 80 08 00 02 00 0c 00 14 00 08 00 02 00 14 00 1e 00 08 00 02 00 00 00 28 00"
        let read = ModelReader.port(try reply("\(port) \(vlans)"))
        #expect((read.native, read.vlans, read.untagged) == (0, VLANSet([40] + Array(20...30)), VLANSet(20...30)))
        let none = ModelReader.port(try reply(port))
        #expect((none.native, none.vlans, none.untagged) == (0, VLANSet(), VLANSet()))
    }

    @Test("A route of several ways has the links of all, and the gateway of the first")
    func ways() throws {
        let text = """
            02 18 00 00 fe 03 00 01 00 00 00 00  08 00 01 00 cb 00 71 00
            24 00 09 00
            10 00 00 00 09 00 00 00 08 00 05 00 0a 01 02 01
            10 00 00 03 07 00 00 00 08 00 05 00 0a 01 02 02
            """
        let route = try #require(ModelReader.route(reply(text), .v4))
        #expect((route.link, route.ways, route.gateway) == (9, [9, 7], IPAddress("10.1.2.1")))
        #expect(route.links == [9, 7])
        let payload = try reply(text).payload
        for count in payload.indices.map({ $0 - payload.startIndex }) {
            let cut = payload.prefix(count).map { String($0, radix: 16) }.joined(separator: " ")
            _ = ModelReader.route(try reply(cut), .v4)
        }
    }

    @Test("A route of one way has its link")
    func way() throws {
        let text = "02 18 00 00 fe 03 00 01 00 00 00 00 08 00 01 00 cb 00 71 00 08 00 04 00 07 00 00 00"
        let route = try #require(ModelReader.route(reply(text), .v4))
        #expect((route.link, route.ways, route.links) == (7, [], [7]))
    }
}
