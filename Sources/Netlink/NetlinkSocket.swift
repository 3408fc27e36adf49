// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
package import Linux

/// A connection to the kernel's routing tables, bound for life to the namespace it was opened in.
package struct NetlinkSocket: ~Copyable {
    /// The part of the kernel at the other end.
    package enum Subsystem: Sendable {
        /// Links, addresses, routes: rtnetlink(7).
        case route
        /// Packet filter, connection tracking.
        case netfilter
        /// Who listens where: sock_diag(7).
        case socketDiagnostics

        fileprivate var number: CInt {
            switch self {
            case .route: NETLINK_ROUTE
            case .netfilter: NETLINK_NETFILTER
            case .socketDiagnostics: NETLINK_SOCK_DIAG
            }
        }
    }

    let handle: OpaquePointer
    private let closing = Closing()

    /// Connects in the namespace of the calling thread.
    ///
    /// - Throws: ``KernelError``.
    package init(_ subsystem: Subsystem = .route) throws(KernelError) {
        guard let handle = nl_socket_alloc() else { throw KernelError("allocate netlink socket", .noMemory) }
        guard nl_connect(handle, subsystem.number) == 0 else {
            let errno = Errno.current
            nl_socket_free(handle)
            throw KernelError("open netlink socket", errno)
        }
        // A whole datagram fits, so nobody needs to peek for its length first.
        nl_socket_set_msg_buf_size(handle, 32 << 10)
        nl_socket_disable_msg_peek(handle)
        // Kernels before 4.12 know neither: then errors have no explanation, and dumps are not filtered.
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
            var on: CInt = 1
            setsockopt(nl_socket_get_fd(handle), SOL_NETLINK, option, &on, socklen_t(MemoryLayout<CInt>.size))
        }
        self.handle = handle
    }

    /// The namespace this socket was opened in.
    ///
    /// - Throws: ``KernelError``.
    package func namespace() throws(KernelError) -> NetworkNamespace {
        try NetworkNamespace(ofSocket: nl_socket_get_fd(handle))
    }

    deinit {
        let collector = closing.isLeft ? culvert_strand_descriptor(nl_socket_get_fd(handle)) : -1
        nl_socket_free(handle)
        if collector >= 0 { close(collector) }
    }

    private final class Closing {
        var isLeft = false
    }

    /// Leaves it to the kernel to close this socket, for which nobody waits.
    package func leaveClosing() {
        closing.isLeft = true
    }

    /// Sends requests in one datagram; the kernel works on them in order.
    ///
    /// A refused one does not keep the kernel from those behind it: a caller that must not keep half of it takes all of
    /// it back.
    ///
    /// - Throws: ``KernelError`` of the first refusal, with the kernel's explanation.
    package func execute(_ requests: [NetlinkRequest]) throws(KernelError) {
        guard !requests.isEmpty else { return }
        _ = try exchange(requests, flagging: NLM_F_ACK)
    }

    /// Sends one request; as ``execute(_:)-([NetlinkRequest])``.
    package func execute(_ request: NetlinkRequest) throws(KernelError) {
        try execute([request])
    }

    /// Makes a link, and hears from the kernel what became of it.
    ///
    /// - Returns: the link; nil from kernels before 6.2, which echo nothing (`NLM_F_ECHO`, netlink(7)).
    /// - Throws: ``KernelError``.
    func make(_ link: NetlinkRequest) throws(KernelError) -> Link? {
        try exchange([link], flagging: NLM_F_ACK | NLM_F_ECHO).last.flatMap { Link($0) }
    }

    /// Asks one question that has one answer.
    ///
    /// - Throws: ``KernelError``; `ENODEV` and the like when there is no such thing.
    package func ask(_ request: NetlinkRequest) throws(KernelError) -> NetlinkReply {
        let replies = try exchange([request], flagging: 0)
        guard let first = replies.first else { throw KernelError(request.operation, .noData) }
        return first
    }

    /// Asks one question that may remain without an answer: asks for an acknowledgement, too.
    ///
    /// - Throws: ``KernelError``.
    package func askWithAcknowledgement(_ request: NetlinkRequest) throws(KernelError) -> NetlinkReply? {
        try exchange([request], flagging: NLM_F_ACK).first
    }

    /// Asks one question that has any number of answers (`NLM_F_DUMP`).
    ///
    /// - Throws: ``KernelError``; `EINTR` when the tables changed during the answer, time and again.
    package func list(_ request: NetlinkRequest) throws(KernelError) -> [NetlinkReply] {
        for _ in 0..<16 {
            let replies = try exchange([request], flagging: 0)
            if !replies.contains(where: { $0.flags & Int(NLM_F_DUMP_INTR) != 0 }) { return replies }
        }
        throw KernelError(request.operation, .interrupted, explanation: "the tables kept changing")
    }

    /// Sends requests and reads until the last of them is answered.
    ///
    /// Only the last one asks for an acknowledgement: errors are reported without asking, and in order.
    private func exchange(
        _ requests: [NetlinkRequest],
        flagging flags: Int32
    ) throws(KernelError) -> [NetlinkReply] {
        let first = nl_socket_use_seq(handle)
        var sequence = first
        var datagram: [UInt8] = []
        for (index, request) in requests.enumerated() {
            if index > 0 { sequence = nl_socket_use_seq(handle) }
            let start = datagram.count
            datagram += request.octets
            let isLast = index == requests.count - 1
            NetlinkReply.number(&datagram, at: start, sequence: sequence, addingFlags: isLast ? flags : 0)
            while datagram.count % 4 != 0 { datagram.append(0) }
        }
        try send(&datagram, operation: requests[0].operation)

        var replies: [NetlinkReply] = []
        var refusal: KernelError?
        while true {
            for reply in NetlinkReply.messages(in: try receive(operation: requests[0].operation)) {
                // What is left of an exchange that ended early.
                guard reply.sequence &- first < UInt32(requests.count) else { continue }
                let request = requests[Int(reply.sequence &- first)]
                let isLast = reply.sequence == sequence
                switch reply.type {
                case Int(NLMSG_ERROR), Int(NLMSG_DONE):
                    if reply.errno != 0, refusal == nil {
                        let errno = Errno(rawValue: reply.errno)
                        refusal = KernelError(request.operation, errno, explanation: reply.explanation)
                    }
                    guard isLast else { continue }
                    if let refusal { throw refusal }
                    return replies
                default:
                    replies.append(reply)
                    // An answer that is not part of a dump comes alone, without acknowledgement.
                    if isLast, flags == 0, reply.flags & Int(NLM_F_MULTI) == 0 { return replies }
                }
            }
        }
    }

    /// Sends messages that are numbered already, all in one datagram.
    package func send(_ datagram: inout [UInt8], operation: String) throws(KernelError) {
        let result = datagram.withUnsafeMutableBytes { nl_sendto(handle, $0.baseAddress, $0.count) }
        guard result >= 0 else { throw KernelError(operation, Errno.current) }
    }

    /// Waits for a datagram from the kernel.
    package func receive(operation: String) throws(KernelError) -> [UInt8] {
        while true {
            var sender = sockaddr_nl()
            var buffer: UnsafeMutablePointer<UInt8>?
            __errno_location().pointee = 0
            let count = nl_recv(handle, &sender, &buffer, nil)
            defer { free(buffer) }
            guard count >= 0 else {
                let errno = Errno.current
                guard errno == .interrupted else { throw KernelError(operation, errno) }
                continue
            }
            // Only the kernel has port 0; anybody may send to a netlink socket.
            guard sender.nl_pid == 0 else { continue }
            return Array(UnsafeBufferPointer(start: buffer, count: Int(count)))
        }
    }
}
