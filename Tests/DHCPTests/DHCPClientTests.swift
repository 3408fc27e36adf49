// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import DHCP

@Suite("A DHCP client")
struct DHCPClientTests {
    @Test("It asks everybody, takes the offer, and has the address")
    func plain() throws {
        var client = newClient(options: [.init(code: .hostName, value: [119])])
        let discover = try #require(client.handle(.start, at: 5 * second).sent.first)
        #expect(discover.message.kind == .discover && discover.isBroadcast && !discover.message.wantsBroadcast)
        #expect(discover.message.options[.parameterRequestList] == [3, 1])
        #expect(discover.message.options[.hostName] == [119])
        #expect(discover.message.options[.clientIdentifier] == Array("\0c1/net/eth0".utf8))

        let request = try #require(
            client.handle(.received(reply(.offer, to: discover.message)), at: 6 * second).sent.first
        )
        #expect(request.message.kind == .request && request.isBroadcast && request.message.clientAddress.isUnspecified)
        #expect(request.message.options[.requestedAddress] == [10, 1, 0, 20])
        #expect(request.message.options[.serverIdentifier] == serverAddress)
        #expect(request.message.seconds == 1)

        let granted = client.handle(.received(reply(.acknowledgement, to: request.message)), at: 7 * second)
        #expect(granted == [.granted] && client.state == .bound && !client.isListening)
        // Counted from the request, not from its answer.
        #expect(client.expiresAt == 106 * second && client.deadline == 56 * second)
        #expect(client.terms?.address.description == "10.1.0.20/24")
    }

    @Test("Nobody answers: it asks after 4, 8, 16, 32 seconds and then after the longest pause, give or take one")
    func backOff() {
        var client = newClient()
        _ = client.handle(.start, at: 0)
        var now: Int64 = 0
        var transactions: Set<UInt32> = []
        for interval in [4, 8, 16, 32, 62, 62] as [Int64] {
            let next = client.deadline ?? 0
            #expect(abs(next - now - interval * second) <= second)
            #expect(client.handle(.wake, at: next - 1).isEmpty)
            let sent = client.handle(.wake, at: next).sent
            #expect(sent.map(\.message.kind) == [.discover])
            transactions.formUnion(sent.map(\.message.transaction))
            now = next
        }
        #expect(transactions.count == 1 && client.state == .selecting)
    }

    @Test("Two clients do not ask at the same moment again")
    func jitter() {
        let deadlines = (0..<20).map { seed in
            let pattern = newClient()
            var client = DHCPClient(pattern.identity, patience: pattern.patience, seed: UInt64(seed))
            _ = client.handle(.start, at: 0)
            return client.deadline
        }
        #expect(Set(deadlines).count == 20)
    }

    @Test("Answers to somebody else are passed over", arguments: 0..<4)
    func strangers(case number: Int) throws {
        var client = newClient()
        let discover = try #require(client.handle(.start, at: 0).sent.first).message
        var answers = [DHCPMessage](repeating: reply(.offer, to: discover), count: 4)
        answers[0].transaction ^= 1
        answers[1].clientHardware = .zero
        answers[2].options[.clientIdentifier] = [1, 2]
        answers[3].kind = .acknowledgement
        #expect(client.handle(.received(answers[number]), at: second).isEmpty)
        #expect(client.state == .selecting)
    }

    @Test("An offer without a mask is noted, and the next one taken")
    func uselessOffer() throws {
        var client = newClient()
        let discover = try #require(client.handle(.start, at: 0).sent.first).message
        let noted = client.handle(.received(reply(.offer, to: discover, without: [1])), at: second)
        #expect(noted.sent.isEmpty && noted.count == 1 && client.state == .selecting)
        #expect(client.handle(.received(reply(.offer, to: discover)), at: second).sent.count == 1)
    }

    @Test("A server that offers and then falls silent is given up after the patience for an answer")
    func silentServer() throws {
        var client = newClient()
        let discover = try #require(client.handle(.start, at: 0).sent.first).message
        _ = client.handle(.received(reply(.offer, to: discover)), at: 0)
        var kinds: [DHCPMessage.Kind] = []
        while let deadline = client.deadline, deadline < 11 * second {
            kinds += client.handle(.wake, at: deadline).sent.map(\.message.kind)
        }
        #expect(kinds == [.request, .discover])
        #expect(client.state == .selecting)
        // A late answer to the request that was given up.
        #expect(client.handle(.received(reply(.acknowledgement, to: discover)), at: 11 * second).isEmpty)
    }

    @Test("A server that refuses its own offers is not asked in a hurry")
    func refusingServer() throws {
        var client = newClient()
        var now: Int64 = 0
        var discover = try #require(client.handle(.start, at: now).sent.first).message
        var pauses: [Int64] = []
        for _ in 0..<8 {
            let request = try #require(client.handle(.received(reply(.offer, to: discover)), at: now).sent.first)
            #expect(client.handle(.received(reply(.refusal, to: request.message)), at: now).sent.isEmpty)
            let next = try #require(client.deadline)
            pauses.append((next - now + second / 2) / second)
            now = next
            discover = try #require(client.handle(.wake, at: now).sent.first).message
        }
        #expect(zip(pauses, [2, 4, 8, 16, 32, 62, 62, 62] as [Int64]).allSatisfy { abs($0 - $1) <= 1 }, "\(pauses)")
    }

    @Test("What was not offered, and what another server says, is not taken")
    func otherServer() throws {
        var client = newClient()
        let discover = try #require(client.handle(.start, at: 0).sent.first).message
        let request = try #require(client.handle(.received(reply(.offer, to: discover)), at: 0).sent.first).message
        #expect(client.handle(.received(reply(.refusal, to: request, [54: [10, 1, 0, 9]])), at: 0).isEmpty)
        #expect(client.handle(.received(reply(.acknowledgement, to: request, [54: [10, 1, 0, 9]])), at: 0).isEmpty)
        let other = client.handle(.received(reply(.acknowledgement, to: request, address: [10, 1, 0, 66])), at: 0)
        #expect(other.count == 1 && client.state == .requesting && client.terms == nil)
    }

    @Test("A released address is given back to its server, once")
    func release() throws {
        var client = try boundClient()
        let sent = client.handle(.release, at: second).sent
        #expect(sent.map(\.message.kind) == [.release] && sent.map(\.isBroadcast) == [false])
        #expect(sent.first?.message.clientAddress == IPAddress("10.1.0.20"))
        #expect(sent.first?.message.options[.serverIdentifier] == serverAddress)
        #expect(client.deadline == nil && client.handle(.release, at: second).isEmpty)
        var fresh = newClient()
        _ = fresh.handle(.start, at: 0)
        #expect(fresh.handle(.release, at: 0).isEmpty)
    }

    @Test("The configuration's client identifier replaces the usual one")
    func ownIdentifier() throws {
        var client = newClient(broadcast: true, options: [.init(code: .clientIdentifier, value: [9])])
        let discover = try #require(client.handle(.start, at: 0).sent.first).message
        #expect(discover.options[.clientIdentifier] == [9] && discover.wantsBroadcast)
    }
}
