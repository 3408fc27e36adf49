// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import DHCP

@Suite("The life of a DHCP lease")
struct DHCPLeaseTests {
    @Test("At half its time the server is asked for more, and the time is counted anew")
    func renewal() throws {
        var client = try boundClient()
        #expect(client.handle(.wake, at: 50 * second - 1).isEmpty)
        let request = try #require(client.handle(.wake, at: 50 * second).sent.first)
        #expect(client.state == .renewing && !request.isBroadcast && client.isListening)
        #expect(request.message.clientAddress == IPAddress("10.1.0.20"))
        #expect(request.message.options[.requestedAddress] == nil && request.message.options[.serverIdentifier] == nil)
        #expect(client.handle(.received(reply(.acknowledgement, to: request.message)), at: 51 * second) == [.granted])
        #expect(client.state == .bound && client.renewals == 1 && client.expiresAt == 150 * second)
    }

    @Test("The server is gone: everybody is asked, again and again, until the end")
    func expiry() throws {
        var client = try boundClient()
        var log: [String] = []
        var lost = false
        while let deadline = client.deadline, !lost {
            let actions = client.handle(.wake, at: deadline)
            for (_, isBroadcast) in actions.sent {
                log.append(
                    "\(deadline / second) \(client.state.rawValue) \(isBroadcast)"
                )
            }
            lost = actions.contains(.lost(DHCPProblem("the lease expired")))
            if lost { #expect(deadline == 100 * second) }
        }
        #expect(lost && client.state == .expired && client.deadline == nil && !client.isListening)
        #expect(
            log == [
                "50 renewing false", "68 renewing false", "81 renewing false",
                "87 rebinding true", "99 rebinding true",
            ]
        )
    }

    @Test("Another server may prolong the lease")
    func rebinding() throws {
        var client = try boundClient()
        let request = try #require(client.handle(.wake, at: 90 * second).sent.first)
        #expect(client.state == .rebinding && request.isBroadcast)
        let answer = reply(.acknowledgement, to: request.message, [54: [10, 1, 0, 2]])
        #expect(client.handle(.received(answer), at: 91 * second) == [.granted])
        #expect(client.terms?.server == IPAddress("10.1.0.2") && client.expiresAt == 190 * second)
    }

    @Test("Who was asleep until after the end has no address any more", arguments: [100, 1000] as [Int64])
    func asleep(moment: Int64) throws {
        var client = try boundClient()
        #expect(client.handle(.wake, at: moment * second) == [.lost(DHCPProblem("the lease expired"))])
    }

    @Test("Refused to prolong, it asks for the same address anew, and goes on if it gets it")
    func refusedAndGranted() throws {
        var client = try boundClient()
        let request = try #require(client.handle(.wake, at: 50 * second).sent.first).message
        let discover = try #require(client.handle(.received(reply(.refusal, to: request)), at: 51 * second).sent.first)
        #expect(discover.message.kind == .discover && discover.message.options[.requestedAddress] == [10, 1, 0, 20])
        let again = try #require(
            client.handle(.received(reply(.offer, to: discover.message)), at: 52 * second).sent.first
        )
        #expect(client.handle(.received(reply(.acknowledgement, to: again.message)), at: 53 * second) == [.granted])
        #expect(client.expiresAt == 152 * second)
    }

    @Test("Refused to prolong and offered another address, it has none")
    func refusedAndMoved() throws {
        var client = try boundClient()
        let request = try #require(client.handle(.wake, at: 50 * second).sent.first).message
        let discover = try #require(client.handle(.received(reply(.refusal, to: request)), at: 51 * second).sent.first)
        let lost = client.handle(
            .received(reply(.offer, to: discover.message, address: [10, 1, 0, 30])),
            at: 52 * second
        )
        #expect(lost == [.lost(DHCPProblem("the server gives 10.1.0.30/24 instead of 10.1.0.20/24"))])
        #expect(client.state == .expired)
    }

    @Test("Refused to prolong and left alone, it keeps the address until its end")
    func refusedAndSilent() throws {
        var client = try boundClient()
        let request = try #require(client.handle(.wake, at: 50 * second).sent.first).message
        _ = client.handle(.received(reply(.refusal, to: request)), at: 51 * second)
        var end: Int64 = 0
        while let deadline = client.deadline {
            end = deadline
            _ = client.handle(.wake, at: deadline)
        }
        #expect(end == 100 * second && client.state == .expired)
    }

    @Test("A prolongation of another address is not taken")
    func otherAddress() throws {
        var client = try boundClient()
        let request = try #require(client.handle(.wake, at: 50 * second).sent.first).message
        let answer = reply(.acknowledgement, to: request, address: [10, 1, 0, 30])
        #expect(client.handle(.received(answer), at: 51 * second).count == 1)
        #expect(client.state == .renewing && client.expiresAt == 100 * second)
    }

    @Test("A lease without end is never asked about")
    func infinite() throws {
        let client = try boundClient([51: [255, 255, 255, 255]])
        #expect(client.deadline == nil && client.expiresAt == nil)
    }

    @Test("Leases of a second are prolonged once a second, not faster")
    func shortest() throws {
        let client = try boundClient([51: [0, 0, 0, 1]])
        #expect(client.deadline == second)
        let two = try boundClient([51: [0, 0, 0, 2]])
        #expect(two.deadline == second)
    }

    @Test("What was remembered goes on where it was")
    func resumption() throws {
        let before = try boundClient()
        let acknowledgement = try #require(before.acknowledgement)
        let remembered = try #require(DHCPMessage(parsing: acknowledgement.octets))
        var client = try DHCPClient(
            before.identity,
            patience: before.patience,
            seed: 3,
            resuming: remembered,
            grantedAt: 0,
            renewals: 4
        )
        #expect(client.terms == before.terms && client.deadline == before.deadline && client.state == .bound)
        let request = try #require(client.handle(.wake, at: 60 * second).sent.first).message
        _ = client.handle(.received(reply(.acknowledgement, to: request)), at: 60 * second)
        #expect(client.renewals == 5 && client.expiresAt == 160 * second)
    }
}
