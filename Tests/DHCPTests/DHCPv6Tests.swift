// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import DHCP

private let duid: [UInt8] = [0, 3, 0, 1, 2, 0, 0, 0, 0, 5]
private let server: [UInt8] = [0, 1, 9, 9]
private let address: [UInt8] = [0xfd, 0x99] + [UInt8](repeating: 0, count: 13) + [0x20]

private func option(_ code: UInt8, _ value: [UInt8]) -> [UInt8] {
    [0, code, UInt8(value.count >> 8), UInt8(value.count & 255)] + value
}

private func lifetime(_ seconds: UInt8) -> [UInt8] { [0, 0, 0, seconds] }

/// What a server answers about association 1.
private func answer(
    _ kind: UInt8,
    _ transaction: UInt32,
    association: [UInt8] = option(5, address + lifetime(100) + lifetime(100)),
    times: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0],
    more: [UInt8] = []
) -> [UInt8] {
    let number: [UInt8] = [UInt8(transaction >> 16 & 255), UInt8(transaction >> 8 & 255), UInt8(transaction & 255)]
    return [kind] + number + option(1, duid) + option(2, server) + option(3, [0, 0, 0, 1] + times + association) + more
}

private func newSixClient() -> DHCPClient {
    DHCPClient(
        DHCPClient.Identity(
            family: .v6,
            hardware: hardware,
            clientIdentifier: [1],
            options: [.init(code: .hostName, value: [119])],
            requested: [.routers, .nameServers, .domainSearch]
        ),
        patience: DHCPClient.Patience(answer: 10 * second, longestPause: 62 * second, wantsBroadcast: false),
        seed: 7
    )
}

@Suite("DHCPv6 messages")
struct DHCPv6CodecTests {
    @Test("A Solicit says who asks, for how long already, and what for")
    func solicit() throws {
        var client = newSixClient()
        let message = try #require(client.handle(.start, at: 0).sent.first).message
        let octets = try #require(DHCPv6Codec.octets(message))
        let start: [UInt8] = [
            1, UInt8(message.transaction >> 16), UInt8(message.transaction >> 8 & 255),
            UInt8(message.transaction & 255),
        ]
        let expected: [UInt8] = [
            start, option(1, duid), option(8, [0, 0]), option(3, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
            option(6, [0, 23, 0, 24]),
        ].flatMap { $0 }
        #expect(octets == expected)
    }

    @Test("An answer's address, times and names are found")
    func reply() throws {
        let more = option(23, address) + option(24, [1, 97, 0])
        let times = lifetime(20) + lifetime(60)
        let message = try #require(DHCPv6Codec.message(parsing: answer(7, 0x01_0203, times: times, more: more)))
        #expect(message.kind == .acknowledgement && message.transaction == 0x01_0203)
        #expect(message.clientHardware == hardware && message.options[.serverIdentifier] == server)
        let terms = try DHCPTerms(message)
        #expect("\(terms.address)" == "fd99::20/128" && terms.routes == [] && terms.gateway == nil)
        #expect((terms.leaseSeconds, terms.renewalSeconds, terms.rebindingSeconds) == (100, 20, 60))
        #expect(terms.nameServers.map { "\($0)" } == ["fd99::20"] && terms.search == ["a"])
        // What is remembered says the same.
        #expect(DHCPMessage(parsing: message.octets(.v6), .v6) == message)
    }

    @Test("A status that is no success is a refusal, wherever it stands", arguments: 0..<2)
    func status(place: Int) throws {
        let status = option(13, [0, 3] + Array("no binding".utf8))
        let octets = place == 0 ? answer(7, 1, association: status) : answer(7, 1, more: status)
        let message = try #require(DHCPv6Codec.message(parsing: octets))
        #expect(message.kind == .refusal && message.options[.message] == Array("no binding".utf8))
    }

    @Test(
        "What grants no address of use is no lease",
        arguments: [
            [], option(5, address + lifetime(0) + lifetime(0)), option(5, address),
            option(5, [0xfe, 0x80] + address.dropFirst(2) + lifetime(9) + lifetime(9)),
            option(5, [UInt8](repeating: 0, count: 16) + lifetime(9) + lifetime(9)),
            option(5, [0xff, 2] + address.dropFirst(2) + lifetime(9) + lifetime(9)),
        ] as [[UInt8]]
    )
    func useless(association: [UInt8]) throws {
        let message = try #require(DHCPv6Codec.message(parsing: answer(7, 1, association: association)))
        #expect(throws: DHCPProblem.self) { try DHCPTerms(message) }
    }

    @Test("A message cut off within an option is none")
    func cutOff() {
        let octets = answer(7, 1, more: option(23, address))
        let whole = [18 + 8, 18 + 8 + 16 + 28, octets.count]
        for length in 0..<octets.count where !whole.contains(length) {
            let message = DHCPv6Codec.message(parsing: Array(octets[..<length]))
            #expect(message.map { (try? DHCPTerms($0)) == nil || length > 70 } ?? true, "cut off at \(length)")
        }
    }

    @Test("Whatever is in a message, reading it and a client's answer to it come to an end")
    func noise() throws {
        var chance = Chance(seed: 8415)
        var client = newSixClient()
        let transaction = try #require(client.handle(.start, at: 0).sent.first).message.transaction
        let pattern = answer(2, transaction, more: option(23, address) + option(24, [1, 97, 0xc0, 0]))
        var readable = 0
        for round in 0..<20_000 {
            var octets = pattern
            for _ in 0..<(round % 6) {
                octets[Int(chance.next() % UInt64(octets.count))] = UInt8(truncatingIfNeeded: chance.next())
            }
            if round % 5 == 0 { octets.removeLast(Int(chance.next() % UInt64(octets.count))) }
            guard let message = DHCPv6Codec.message(parsing: octets) else { continue }
            readable += 1
            var other = client
            _ = other.handle(.received(message), at: Int64(round) * second)
        }
        #expect(readable > 3000)
    }
}

@Suite("A DHCPv6 client")
struct DHCPv6ClientTests {
    /// The first octet of what is sent: RFC 8415, 7.3.
    private static func kinds(_ actions: [DHCPClient.Action]) -> [UInt8] {
        actions.sent.compactMap { DHCPv6Codec.octets($0.message)?.first }
    }

    private static func receive(_ client: inout DHCPClient, _ octets: [UInt8], at now: Int64) throws -> [UInt8] {
        kinds(client.handle(.received(try #require(DHCPv6Codec.message(parsing: octets))), at: now))
    }

    @Test("Solicit, Request, Renew, Rebind and Release follow one another, and name the server where they should")
    func story() throws {
        var client = newSixClient()
        let solicit = client.handle(.start, at: 0)
        #expect(Self.kinds(solicit) == [1])
        let transaction = try #require(solicit.sent.first).message.transaction
        #expect(transaction < 1 << 24)
        #expect(try Self.receive(&client, answer(2, transaction), at: 0) == [3])
        #expect(try Self.receive(&client, answer(7, transaction), at: 0) == [])
        #expect(client.state == .bound && client.deadline == 50 * second)

        let renew = client.handle(.wake, at: 50 * second)
        let named = try #require(renew.sent.first).message
        #expect(Self.kinds(renew) == [5] && named.options[.serverIdentifier] == server)
        #expect(named.transaction < 1 << 24)
        #expect(try Self.receive(&client, answer(7, named.transaction), at: 50 * second) == [])
        #expect(client.renewals == 1 && client.expiresAt == 150 * second)

        let rebind = client.handle(.wake, at: 140 * second)
        #expect(Self.kinds(rebind) == [6])
        let release = client.handle(.release, at: 141 * second)
        #expect(Self.kinds(release) == [8])
        let octets = try #require(release.sent.first.flatMap { DHCPv6Codec.octets($0.message) })
        #expect(octets.count > 60 && Array(octets[18..<26]) == option(2, server))
    }

    @Test("It asks again after one second, two, four, eight and sixteen, give or take half")
    func backOff() {
        var client = newSixClient()
        _ = client.handle(.start, at: 0)
        var now: Int64 = 0
        for interval in [1, 2, 4, 8, 16, 16] as [Int64] {
            let next = client.deadline ?? 0
            #expect(abs(next - now - interval * second) <= second)
            _ = client.handle(.wake, at: next)
            now = next
        }
    }

    @Test("A server that knows nothing of the address any more is asked for it anew")
    func refused() throws {
        var client = newSixClient()
        let transaction = try #require(client.handle(.start, at: 0).sent.first).message.transaction
        _ = try Self.receive(&client, answer(2, transaction), at: 0)
        _ = try Self.receive(&client, answer(7, transaction), at: 0)
        let renew = try #require(client.handle(.wake, at: 50 * second).sent.first).message
        let refusal = answer(7, renew.transaction, association: option(13, [0, 3]))
        #expect(try Self.receive(&client, refusal, at: 51 * second) == [1])
        #expect(client.state == .selecting)
    }
}
