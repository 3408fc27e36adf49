// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// Who talks to whom, in one direction.
struct Tuple: Hashable, Sendable {
    var source: IPAddress
    var destination: IPAddress
    var sourcePort: UInt16
    var destinationPort: UInt16

    init(_ packet: Packet) {
        source = packet.sourceAddress
        destination = packet.destinationAddress
        sourcePort = packet.sourcePort
        destinationPort = packet.destinationPort
    }

    /// What the answer has.
    var reversed: Tuple {
        var tuple = self
        (tuple.source, tuple.destination) = (destination, source)
        (tuple.sourcePort, tuple.destinationPort) = (destinationPort, sourcePort)
        return tuple
    }
}

/// The connection that a packet belongs to in one namespace.
struct Attachment: Hashable, Sendable {
    var namespace: Int
    /// Of the connections of that namespace.
    var index: Int
    /// Whether the packet is of the direction of answers.
    var isReply: Bool
}

/// What connection tracking of one namespace keeps of the flow.
struct Connection: Hashable, Sendable {
    let original: Tuple
    /// As answers come.
    var reply: Tuple
    var protocolNumber: UInt8
    var hasSeenReply = false
    /// Whether the question of a translation is settled, whatever the answer was.
    var isSourceSettled = false
    var isDestinationSettled = false
    /// Whether the first packet went through: who was stopped leaves nothing behind.
    var isConfirmed = false
    var mark: UInt32 = 0

    init(_ packet: Packet) {
        original = Tuple(packet)
        reply = original.reversed
        protocolNumber = packet.protocolNumber
    }

    func matches(_ packet: Packet) -> Bool { protocolNumber == packet.protocolNumber }

    var translatesSource: Bool { reply.destination != original.source || reply.destinationPort != original.sourcePort }
    var translatesDestination: Bool {
        reply.source != original.destination || reply.sourcePort != original.destinationPort
    }

    /// `NF_CT_STATE_BIT`s of a packet in a direction.
    func state(isReply: Bool) -> UInt32 { isReply || hasSeenReply ? 2 : 8 }

    /// `enum ip_conntrack_status`.
    var status: UInt32 {
        (hasSeenReply ? 2 : 0) | (translatesSource ? 16 : 0) | (translatesDestination ? 32 : 0)
    }
}
