// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CLinux
internal import CNI
package import Linux

/// A collector of spans, spoken to in HTTP/1.1 without TLS: one connection a request, each with a bound of its own.
package struct Collector: Sendable {
    package let address: CollectorAddress
    /// How long to wait for each step: the connection, the sending, a piece of the reply.
    private let milliseconds: UInt32

    package init(_ address: CollectorAddress, milliseconds: UInt32 = 10_000) {
        self.address = address
        self.milliseconds = milliseconds
    }

    /// Posts a document in JSON.
    ///
    /// - Returns: what the collector said.
    /// - Throws: ``KernelError`` when it cannot be reached, hangs, or says nothing that is HTTP (`EPROTO`).
    package func post(_ document: [UInt8]) throws(KernelError) -> CollectorReply {
        let octets = address.address.octets
        let place = "collector \(address.host)"
        let result = culvert_connect_stream(octets, Int32(octets.count), address.port, milliseconds)
        guard result >= 0 else { throw KernelError("connect to \(place)", Errno(rawValue: -result)) }
        let connection = Descriptor(adopting: result)
        culvert_ignore_broken_pipes()
        let head = """
            POST \(address.path) HTTP/1.1\r
            Host: \(address.host)\r
            User-Agent: culvert/\(Release.own)\r
            Content-Type: application/json\r
            Content-Length: \(document.count)\r
            Connection: close\r
            \r\n
            """
        do throws(KernelError) {
            try connection.writeAll(Array(head.utf8) + document, place)
        } catch {
            // Who refuses without having read all of it has answered, though.
            guard let reply = try? read(connection, place) else { throw error }
            return reply
        }
        return try read(connection, place)
    }

    private func read(_ connection: borrowing Descriptor, _ place: String) throws(KernelError) -> CollectorReply {
        var octets: [UInt8] = []
        while octets.count < 64 << 10 {
            let some: [UInt8]
            do throws(KernelError) {
                some = try connection.readSome(place)
            } catch {
                // The head says all that matters: a text that never ends is not waited for.
                guard let reply = CollectorReply(octets) else { throw error }
                return reply
            }
            octets += some
            if let reply = CollectorReply(octets), some.isEmpty || reply.isWhole { return reply }
            if some.isEmpty { break }
        }
        guard let reply = CollectorReply(octets) else {
            throw KernelError("read reply of \(place)", Errno(rawValue: EPROTO), explanation: "it is not HTTP")
        }
        return reply
    }
}
