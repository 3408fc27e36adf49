// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import DHCP

let second: Int64 = 1_000_000_000
let hardware = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 5]) ?? .zero
let serverAddress: [UInt8] = [10, 1, 0, 1]

/// What a server answers; options by number.
func reply(
    _ kind: DHCPMessage.Kind,
    to question: DHCPMessage,
    address: [UInt8] = [10, 1, 0, 20],
    _ options: [UInt8: [UInt8]] = [:],
    without missing: [UInt8] = []
) -> DHCPMessage {
    var message = DHCPMessage(kind, transaction: question.transaction, clientHardware: question.clientHardware)
    message.yourAddress = IPAddress(octets: address) ?? DHCPMessage.nowhere
    var all: [UInt8: [UInt8]] = [1: [255, 255, 255, 0], 54: serverAddress, 51: [0, 0, 0, 100]]
    all.merge(options) { $1 }
    for (code, value) in all.sorted(by: { $0.key < $1.key }) where !missing.contains(code) {
        message.options[DHCPOptionCode(rawValue: code)] = value
    }
    return message
}

/// A client that has asked for nothing yet.
func newClient(broadcast: Bool = false, options: [DHCPOptions.Entry] = []) -> DHCPClient {
    DHCPClient(
        DHCPClient.Identity(
            hardware: hardware,
            clientIdentifier: Array("\0c1/net/eth0".utf8),
            options: options,
            requested: [.routers, .subnetMask]
        ),
        patience: DHCPClient.Patience(answer: 10 * second, longestPause: 62 * second, wantsBroadcast: broadcast),
        seed: 7
    )
}

extension [DHCPClient.Action] {
    /// The messages among the actions, and whether they go to everybody.
    var sent: [(message: DHCPMessage, isBroadcast: Bool)] {
        compactMap { action in
            guard case .send(let message, let destination) = action else { return nil }
            return (message, destination == .everybody)
        }
    }
}

/// A client that was granted an address for 100 seconds at 0, with the exchange answered at once.
func boundClient(_ options: [UInt8: [UInt8]] = [:]) throws -> DHCPClient {
    var client = newClient()
    let discover = try #require(client.handle(.start, at: 0).sent.first)
    let request = try #require(client.handle(.received(reply(.offer, to: discover.message, options)), at: 0).sent.first)
    let actions = client.handle(.received(reply(.acknowledgement, to: request.message, options)), at: 0)
    try #require(actions == [.granted])
    return client
}
