// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
package import Linux

// For what is more than requests and answers: the caller numbers messages and sorts answers.
extension NetlinkSocket {
    /// Takes consecutive sequence numbers, and gives the first of them.
    package func takeSequenceNumbers(_ count: Int) -> UInt32 {
        let first = nl_socket_use_seq(handle)
        for _ in 1..<max(count, 1) { _ = nl_socket_use_seq(handle) }
        return first
    }

    /// Sees to it that a datagram of so many octets can be sent, as far as the kernel lets us.
    package func makeRoom(forOctets count: Int) {
        let descriptor = nl_socket_get_fd(handle)
        let size = socklen_t(MemoryLayout<CInt>.size)
        var room: CInt = 0
        var length = size
        getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &room, &length)
        // The kernel needs a few octets of the room for itself.
        guard count + 64 > Int(room) else { return }
        room = CInt(clamping: count + 64)
        // Only root of the first user namespace may go above net.core.wmem_max.
        if setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &room, size) != 0 {
            setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &room, size)
        }
    }

    /// Whether something has come that was not received yet.
    package var hasReceived: Bool {
        var descriptor = pollfd(fd: nl_socket_get_fd(handle), events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) > 0
    }

    /// Begins a list as ``list(_:)``, and gives no more than the first part of it.
    ///
    /// The kernel makes the rest while other answers are received; it has to be dropped before the next list
    /// (``dropUnread()``).
    ///
    /// - Throws: ``KernelError``.
    package func beginList(_ request: NetlinkRequest) throws(KernelError) -> [NetlinkReply] {
        var datagram = request.octets
        let sequence = takeSequenceNumbers(1)
        NetlinkReply.number(&datagram, at: 0, sequence: sequence, addingFlags: 0)
        try send(&datagram, operation: request.operation)
        while true {
            let replies = NetlinkReply.messages(in: try receive(operation: request.operation))
                .filter { $0.sequence == sequence }
            guard let first = replies.first else { continue }
            if first.type == Int(NLMSG_ERROR), first.errno != 0 {
                let errno = Errno(rawValue: first.errno)
                throw KernelError(request.operation, errno, explanation: first.explanation)
            }
            return replies.filter { $0.type != Int(NLMSG_DONE) && $0.type != Int(NLMSG_ERROR) }
        }
    }

    /// Drops all that has come, and the rest of a list with it.
    package func dropUnread() {
        while hasReceived, (try? receive(operation: "drop what was not read")) != nil {}
    }
}

extension NetlinkReply {
    /// Fills in sequence number and further flags of the message at an offset of a datagram.
    package static func number(_ datagram: inout [UInt8], at start: Int, sequence: UInt32, addingFlags flags: Int32) {
        datagram.withUnsafeMutableBytes { buffer in
            var header = buffer.loadUnaligned(fromByteOffset: start, as: nlmsghdr.self)
            header.nlmsg_seq = sequence
            header.nlmsg_flags |= UInt16(flags)
            buffer.storeBytes(of: header, toByteOffset: start, as: nlmsghdr.self)
        }
    }
}
