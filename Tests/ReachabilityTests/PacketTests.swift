// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter
import Reachability
import SeededNumbers
import Testing

@Suite("Frames of any contents")
struct PacketTests {
    private static let bridge: [UInt8] = [2, 0, 0, 0, 0, 1]
    private static let sender: [UInt8] = [2, 0, 0, 0, 0, 16]

    /// A frame to the host.
    private static func frame(_ type: UInt16, _ body: [UInt8], tag: [UInt8] = []) -> [UInt8] {
        bridge + sender + tag + [UInt8(type >> 8), UInt8(type & 0xff)] + body
    }

    private static func ipv4(_ number: UInt8, _ payload: [UInt8], first: UInt8 = 0x45, to last: UInt8 = 1) -> [UInt8] {
        let header: [UInt8] = [first, 0, 0, UInt8(20 + payload.count), 0, 1, 0x40, 0, 64, number, 0, 0]
        return frame(0x800, header + [10, 0, 0, 2, 10, 0, 0, last] + payload)
    }

    private static func ipv6(_ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
        func address(_ last: UInt8) -> [UInt8] { [0xfd] + [UInt8](repeating: 0, count: 14) + [last] }
        let header: [UInt8] = [0x60, 0, 0, 0, 0, UInt8(payload.count), number, 64]
        return frame(0x86dd, header + address(2) + address(1) + payload)
    }

    /// A small host that has IPv6, too, and rules that look at what frames carry.
    private func host() throws -> SmallHost {
        var small = try SmallHost()
        for (namespace, text, link) in [(0, "fd00::1", Int32(10)), (1, "fd00::2", 2)] {
            let network = try #require(CIDR("\(text)/64"))
            small.model.namespaces[namespace].addresses.append(HostModel.Address(network, link: link))
            var own = try small.route("\(text)/128", link)
            (own.kind, own.table) = (.local, 255)
            small.model.namespaces[namespace].routes += [own, try small.route("fd00::/64", link)]
            small.model.namespaces[namespace].policies += [
                HostModel.Policy(.v6, priority: 0, table: 255), HostModel.Policy(.v6, priority: 32766, table: 254),
            ]
        }
        let ofBridge: [[Statement]] = [[.tcpDport(7), .drop]]
        let ofIP: [[Statement]] = [[.match(.ctState, .state(.invalid)), .drop], [.tcpDport(7), .drop]]
        small.add(.bridge, ChainHook(.filter, .prerouting, priority: .filter), ofBridge, table: "b")
        small.add(.inet, ChainHook(.filter, .input, priority: .filter), ofIP)
        return small
    }

    private func trace(_ frame: [UInt8]) throws -> Trace? {
        Trace(frame: frame, by: "veth1", of: 0, on: try host().model)
    }

    private static let echo: [UInt8] = [8, 0, 0, 0, 0, 1, 0, 1]
    private static let echoOfIPv6: [UInt8] = [128, 0, 0, 0, 0, 1, 0, 1]

    @Test(
        "What lacks a header cannot be read",
        arguments: [
            ipv4(1, []), ipv4(1, [8]), ipv4(1, Array(echo.prefix(7))), ipv4(1, [], to: 3), ipv4(6, echo, first: 0x44),
            ipv4(6, echo, first: 0x40), ipv4(1, echo, first: 0x47), ipv6(58, []), ipv6(58, Array(echoOfIPv6.prefix(7))),
            // Options that end where the packet does, or beyond.
            ipv6(0, [58, 0, 1, 4, 0, 0, 0, 0]), ipv6(0, [58, 9, 1, 4, 0, 0, 0, 0] + echoOfIPv6),
        ]
    )
    func headless(frame: [UInt8]) throws {
        #expect(try trace(frame) == nil)
    }

    @Test(
        "Who asks for an echo is answered",
        arguments: [
            ipv4(1, echo), ipv6(58, echoOfIPv6), ipv6(0, [58, 0, 1, 4, 0, 0, 0, 0] + echoOfIPv6),
        ]
    )
    func echoes(frame: [UInt8]) throws {
        let trace = try #require(try trace(frame))
        #expect(trace.verdict.outcome == .connected)
        #expect(trace.verdict.reason.contains("the host answers at"))
        #expect(trace.steps.contains { $0.text == "the kernel answers an echo request" })
    }

    @Test(
        "Nobody answers an answer, an error, or the ICMP of the other family",
        arguments: [
            ipv4(1, [0] + echo.dropFirst()), ipv4(1, [3, 1, 0, 0, 0, 0, 0, 0]), ipv4(58, []), ipv4(58, echoOfIPv6),
            ipv6(58, [129] + echoOfIPv6.dropFirst()), ipv6(58, [1, 0, 0, 0, 0, 0, 0, 0]), ipv6(1, []), ipv6(1, echo),
        ]
    )
    func unanswered(frame: [UInt8]) throws {
        let trace = try #require(try trace(frame))
        #expect(trace.verdict.reason == "it reaches the host")
        #expect(!trace.steps.contains { $0.isAnswer || $0.text.contains("answers an echo request") })
    }

    /// One of each kind.
    private static let samples: [[UInt8]] = {
        let segment: [UInt8] = [0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]
        let datagram: [UInt8] = [0x9c, 0x40, 0, 53, 0, 8, 0, 0]
        let about = Array(ipv4(17, datagram).dropFirst(14))
        let options: [UInt8] = [60, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0]
        let question: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 1] + sender + [10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1]
        let solicitation: [UInt8] = [135, 0, 0, 0, 0, 0, 0, 0, 0xfd] + [UInt8](repeating: 0, count: 14) + [1]
        return [
            ipv4(6, segment), ipv4(6, segment, to: 3), ipv4(17, datagram), ipv4(1, echo), ipv4(1, echo, to: 3),
            ipv4(1, [3, 3, 0, 0, 0, 0, 0, 0] + about), ipv4(6, [1, 1, 1, 1] + segment, first: 0x46),
            ipv6(6, segment), ipv6(17, datagram), ipv6(58, echoOfIPv6), ipv6(58, solicitation),
            ipv6(0, options + echoOfIPv6), frame(0x806, question), frame(0x806, question, tag: [0x81, 0, 0, 5]),
            frame(0x88cc, [2, 7, 4]),
        ]
    }()

    @Test("Wherever a frame is cut off, it is told or refused", arguments: samples)
    func cut(sample: [UInt8]) throws {
        let small = try host()
        for count in 0...sample.count {
            _ = Trace(frame: Array(sample.prefix(count)), by: "veth1", of: 0, on: small.model)
        }
    }

    @Test("Whatever is behind the header of Ethernet, it is told or refused")
    func noise() throws {
        let small = try host()
        // A trap says nothing, so the seed is the same each time.
        var chance = SeededGenerator(11)
        for _ in 0..<600 {
            var frame = PacketTests.samples[chance.below(PacketTests.samples.count)]
            let kept = chance.once(in: 4) ? 14 : frame.count
            let length = 14 + chance.below(90)
            frame = Array(frame.prefix(min(kept, length)))
            while frame.count < length { frame.append(UInt8(chance.below(256))) }
            for _ in 0..<chance.below(4) where frame.count > 14 {
                frame[14 + chance.below(frame.count - 14)] = UInt8(chance.below(256))
            }
            _ = Trace(frame: frame, by: "veth1", of: 0, on: small.model)
        }
    }
}
