// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
package import DHCP
package import Linux

/// The packets of one link that concern a DHCP client, whatever addresses the link has or has not.
///
/// A socket stays in the namespace in which it was opened, and keeps it alive.
package struct LinkPackets: ~Copyable {
    private let family: AddressFamily
    /// A socket, ours to close: for packets of IPv4; of IPv6, whose links have addresses of their own, for UDP.
    private let packets: CInt
    /// Takes what servers send to the address, so that the kernel does not tell them that nobody listens there.
    private let datagrams: Descriptor?
    /// Its number; negative without it.
    private let datagramsNumber: CInt
    private let link: Int32
    private let address: IPAddress

    /// A message of somebody, and who sent it on the link.
    package struct Received: Sendable {
        package let message: DHCPMessage
        package let sender: MACAddress
    }

    /// Opens the link's packets in the namespace that this thread is in.
    ///
    /// `address`: the client's, if it has one.
    /// - Throws: ``KernelError``.
    package init(
        _ family: AddressFamily,
        of link: Int32,
        named name: String,
        address: IPAddress? = nil
    ) throws(KernelError) {
        let packets =
            family == .v4 ? culvert_open_client_packets(link) : culvert_open_datagrams6(DHCPv6Codec.clientPort, name)
        guard packets >= 0 else { throw KernelError("listen on \(name)", Errno(rawValue: -packets)) }
        // Somebody may have taken the address away, or have the port: then the packets have to do.
        let octets = address?.octets ?? []
        let datagrams = octets.count == 4 ? culvert_open_datagrams(octets, DHCPDatagram.clientPort, name) : -1
        self.family = family
        self.packets = packets
        self.datagrams = datagrams < 0 ? nil : Descriptor(adopting: datagrams)
        datagramsNumber = datagrams
        self.link = link
        self.address = address ?? DHCPMessage.nowhere
    }

    deinit {
        // Before a socket for packets is gone, the kernel waits for all processors: milliseconds that others wait for too.
        let collector = family == .v4 ? culvert_strand_descriptor(packets) : -1
        close(packets)
        if collector >= 0 { close(collector) }
    }

    /// The number to wait on; valid as long as this value lives.
    package var rawDescriptor: CInt { packets }

    /// Sends a message to every host on the link.
    ///
    /// - Throws: ``KernelError``.
    package func broadcast(_ message: DHCPMessage) throws(KernelError) {
        guard family == .v4 else { return try multicast(message) }
        try send(DHCPDatagram.broadcast(message.octets), to: [UInt8](repeating: 0xff, count: 6))
    }

    /// Sends a message to a server: by the namespace's own ways, or to the hardware address of `neighbour`.
    ///
    /// The latter reaches it although the link may be gone in a moment.
    /// - Throws: ``KernelError``.
    package func send(
        _ message: DHCPMessage,
        to server: IPAddress,
        neighbour: MACAddress? = nil
    ) throws(KernelError) {
        guard family == .v4 else { return try multicast(message) }
        let payload = message.octets
        if let neighbour, !neighbour.isZero {
            let packet = DHCPDatagram.packet(
                payload,
                from: message.clientAddress,
                DHCPDatagram.clientPort,
                to: server,
                DHCPDatagram.serverPort
            )
            return try send(packet, to: neighbour.octets)
        }
        guard datagramsNumber >= 0 else {
            throw KernelError("send to \(server)", .addressNotAvailable, explanation: "\(address) is not here")
        }
        let result = culvert_send_datagram(
            datagramsNumber,
            payload,
            payload.count,
            server.octets,
            DHCPDatagram.serverPort
        )
        guard result == 0 else { throw KernelError("send to \(server)", Errno(rawValue: result)) }
    }

    /// - Throws: ``KernelError``; `EADDRNOTAVAIL` while the link's own address is not certain yet.
    private func multicast(_ message: DHCPMessage) throws(KernelError) {
        let payload = message.octets(.v6)
        let result = culvert_send_datagram6(
            packets,
            link,
            payload,
            payload.count,
            DHCPv6Codec.everybody.octets,
            DHCPv6Codec.serverPort
        )
        guard result == 0 else { throw KernelError("send on link \(link)", Errno(rawValue: result)) }
    }

    private func send(_ packet: [UInt8], to receiver: [UInt8]) throws(KernelError) {
        let result = culvert_send_packet(packets, link, packet, packet.count, receiver)
        guard result == 0 else { throw KernelError("send on link \(link)", Errno(rawValue: result)) }
    }

    /// Takes the next packet that waits: a message, or nil for one that carries none.
    ///
    /// - Throws: ``KernelError``; `EAGAIN` when no packet waits, `ENETDOWN` when the link went down.
    package func receive() throws(KernelError) -> Received? {
        var sender: [UInt8] = [0, 0, 0, 0, 0, 0]
        var hasChecksum: CInt = 1
        var result = 0
        let packet = [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, count in
            result = culvert_receive_packet(packets, buffer.baseAddress, buffer.count, &sender, &hasChecksum)
            count = max(0, result)
        }
        guard result >= 0 else { throw KernelError("receive on link \(link)", Errno(rawValue: CInt(-result))) }
        // Of UDP the kernel has looked at the checksum already.
        let payload = family == .v4 ? DHCPDatagram.payload(of: packet, hasChecksum: hasChecksum != 0) : packet
        guard let payload, let message = DHCPMessage(parsing: payload, family), let sender = MACAddress(octets: sender)
        else { return nil }
        return Received(message: message, sender: sender)
    }
}
