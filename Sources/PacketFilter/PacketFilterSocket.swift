// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
package import Linux
internal import Netlink

/// A connection to the packet filter, bound for life to the namespace it was opened in.
package struct PacketFilterSocket: ~Copyable {
    let socket: NetlinkSocket
    /// Whether the kernel is asked to take away what may be absent; kernels before 6.3 do not know how.
    private let asksToDestroy: Bool

    /// Connects in the namespace of the calling thread.
    ///
    /// - Throws: ``KernelError``, also of a kernel without nf_tables.
    package init() throws(KernelError) {
        try self.init(asksToDestroy: true)
    }

    init(asksToDestroy: Bool) throws(KernelError) {
        do throws(KernelError) {
            socket = try NetlinkSocket(.netfilter)
        } catch {
            guard error.errno == .protocolNotSupported else { throw error }
            throw Self.withoutFilter(error)
        }
        self.asksToDestroy = asksToDestroy
    }

    /// The number of the rule set: another one after each change by anybody in this namespace.
    ///
    /// - Throws: ``KernelError``, also of a kernel without nf_tables.
    package func generation() throws(KernelError) -> UInt32 {
        let message = NetlinkMessage(type: 0, capacity: 64)
        message.begin(.getGeneration, nil)
        do throws(KernelError) {
            let reply = try socket.ask(NetlinkRequest("read the packet filter's generation", message))
            guard reply.payload.count >= 4,
                let number = NetlinkAttributes(reply.payload.dropFirst(4)).number(NFTA_GEN_ID)
            else { throw KernelError("read the packet filter's generation", .noData) }
            return number
        } catch {
            switch error.errno {
            case .notSupported, .protocolNotSupported, .noProtocolOption, .invalidArgument:
                throw Self.withoutFilter(error)
            default: throw error
            }
        }
    }

    private static func withoutFilter(_ error: KernelError) -> KernelError {
        KernelError(
            openingThePacketFilter,
            error.errno,
            explanation: "the kernel has no nf_tables (CONFIG_NF_TABLES), or may not load it"
        )
    }

    /// Makes all changes of a batch, or none.
    ///
    /// - Parameters:
    ///   - batch: an empty one is nothing to do.
    ///   - generation: the changes are made only if it still is the rule set's; otherwise the errno is `ERESTART`.
    /// - Throws: ``KernelError`` that names the first change that was refused.
    package func apply(_ batch: borrowing Batch, at generation: UInt32? = nil) throws(KernelError) {
        if let defect = batch.defect { throw defect }
        guard !batch.isEmpty else { return }
        guard asksToDestroy || !batch.destroys else {
            try applyLooking(batch, at: generation)
            return
        }
        let all = Array(batch.steps.indices)
        guard let refusal = try exchange(batch, all, deleting: false, at: generation) else { return }
        // A kernel before 6.3 does not know the message.
        let errno = refusal.error.errno
        guard let index = refusal.step, batch.steps[index].verb == .destroy,
            errno == .invalidArgument || errno == .notSupported
        else { throw refusal.error }
        try applyLooking(batch, at: generation)
    }

    /// Reads, decides and changes until nobody else has changed anything in between.
    ///
    /// `body` reads with this socket what it needs to know, and fills the batch; it is called again, with an empty one,
    /// when what it read has become untrue. It leaves the batch empty to change nothing.
    ///
    /// - Returns: what the body returned, the last time.
    /// - Throws: ``KernelError``; `ERESTART` when others were faster time and again.
    package func update<Answer>(
        _ body: (inout Batch) throws(KernelError) -> Answer
    ) throws(KernelError) -> Answer {
        var attempt = 0
        while true {
            do throws(KernelError) {
                let generation = try generation()
                var batch = Batch()
                let answer = try body(&batch)
                try apply(batch, at: generation)
                return answer
            } catch {
                attempt += 1
                guard Self.isWorthRepeating(error.errno, attempt) else { throw error }
                Machine.pause(Self.pause(attempt))
            }
        }
    }

    private static func isWorthRepeating(_ errno: Errno, _ attempt: Int) -> Bool {
        switch errno {
        case .restart, .interrupted, .noBufferSpace: attempt < 32
        // At a known generation something in use is in use, unless the kernel is still clearing away.
        case .busy: attempt < 4
        default: false
        }
    }

    /// Longer each time, up to 50 ms, and never the same for two that are in each other's way.
    static func pause(_ attempt: Int) -> Duration {
        let longest = Int64(attempt * attempt) * 50_000
        return .nanoseconds(longest / 2 + Machine.bootNanoseconds % (longest / 2 + 1))
    }
}

private let openingThePacketFilter = "open the packet filter"

extension KernelError {
    /// Whether the kernel has no nf_tables: then there is nothing of ours in it either.
    package var meansNoPacketFilter: Bool { operation == openingThePacketFilter }
}

// MARK: One batch to the kernel

extension PacketFilterSocket {
    /// What the kernel refused.
    struct Refusal {
        let error: KernelError
        /// The refused step's index in the batch; nil when it is the batch as a whole.
        let step: Int?
    }

    /// Sends some steps of a batch, and reads until the last of them is answered.
    ///
    /// `deleting`: "destroy" becomes "delete".
    func exchange(
        _ batch: borrowing Batch,
        _ indices: [Int],
        deleting: Bool,
        at generation: UInt32?
    ) throws(KernelError) -> Refusal? {
        let first = socket.takeSequenceNumbers(indices.count + 2)
        var datagram = Self.envelope(Int(NFNL_MSG_BATCH_BEGIN), sequence: first, generation: generation)
        datagram.reserveCapacity(batch.octets.count + 64)
        for (position, index) in indices.enumerated() {
            let start = datagram.count
            datagram.append(contentsOf: batch.octets[batch.range(of: index)])
            if deleting { FilterMessage.replaceDestroy(in: &datagram, at: start, by: { $0.deletion }) }
            let isLast = position == indices.count - 1
            NetlinkReply.number(
                &datagram,
                at: start,
                sequence: first &+ UInt32(position + 1),
                addingFlags: isLast ? NLM_F_ACK : 0
            )
        }
        let last = first &+ UInt32(indices.count)
        datagram += Self.envelope(Int(NFNL_MSG_BATCH_END), sequence: last &+ 1, generation: nil)
        // Whoever closes the socket waits until nobody reads the rules any more that were removed, some ten
        // milliseconds (nft_rcv_nl_event); they are out of effect before.
        if batch.removes { socket.leaveClosing() }
        socket.makeRoom(forOctets: datagram.count)
        try socket.send(&datagram, operation: "change the packet filter")
        return try readAnswers(batch, indices, first: first)
    }

    private func readAnswers(
        _ batch: borrowing Batch,
        _ indices: [Int],
        first: UInt32
    ) throws(KernelError) -> Refusal? {
        var refusal: Refusal?
        var hasLostAnswers = false
        while true {
            // The kernel has answered everything before it let us go on; what is missing now was lost.
            if hasLostAnswers, !socket.hasReceived {
                let error = KernelError("change the packet filter", .noBufferSpace)
                return refusal ?? Refusal(error: error, step: nil)
            }
            var datagram: [UInt8] = []
            do throws(KernelError) {
                datagram = try socket.receive(operation: "change the packet filter")
            } catch {
                guard error.errno == .noBufferSpace, !hasLostAnswers else { throw error }
                hasLostAnswers = true
                continue
            }
            for reply in NetlinkReply.messages(in: datagram) where reply.type == Int(NLMSG_ERROR) {
                let position = reply.sequence &- first
                guard position <= UInt32(indices.count) else { continue }
                if reply.errno != 0, refusal == nil || position == 0 {
                    refusal = refusal ?? self.refusal(reply, batch, position == 0 ? nil : indices[Int(position) - 1])
                }
                // A refusal of the batch as a whole may stand alone.
                if position == 0 || position == UInt32(indices.count) { return refusal }
            }
        }
    }

    private func refusal(_ reply: NetlinkReply, _ batch: borrowing Batch, _ step: Int?) -> Refusal {
        let errno = Errno(rawValue: reply.errno)
        var operation = "change the packet filter"
        if let step { operation = batch.operation(of: step, at: reply.offense) }
        return Refusal(error: KernelError(operation, errno, explanation: reply.explanation), step: step)
    }

    /// The beginning or the end of a batch.
    private static func envelope(_ type: Int, sequence: UInt32, generation: UInt32?) -> [UInt8] {
        let message = NetlinkMessage(type: type, capacity: 64)
        message.append(
            nfgenmsg(nfgen_family: 0, version: UInt8(NFNETLINK_V0), res_id: UInt16(NFNL_SUBSYS_NFTABLES).bigEndian)
        )
        if let generation { message.put(NFNL_BATCH_GENID, generation) }
        var octets = message.octets
        NetlinkReply.number(&octets, at: 0, sequence: sequence, addingFlags: 0)
        return octets
    }
}
