// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Linux
internal import Netlink

// Kernels before 6.3 cannot take away what may be absent.
extension PacketFilterSocket {
    /// Applies a batch of which the kernel does not know to "destroy": looks what is there, and deletes that.
    ///
    /// What is looked at is the rule set before the batch: what the same batch makes is not seen.
    func applyLooking(_ batch: borrowing Batch, at generation: UInt32?) throws(KernelError) {
        var attempt = 0
        while true {
            var current = 0 as UInt32
            if let generation { current = generation } else { current = try self.generation() }
            var indices: [Int] = []
            for index in batch.steps.indices {
                var isWanted = true
                if batch.steps[index].verb == .destroy { isWanted = try isThere(batch, index) }
                if isWanted { indices.append(index) }
            }
            guard !indices.isEmpty else { return }
            guard let refusal = try exchange(batch, indices, deleting: true, at: current) else { return }
            attempt += 1
            // A caller that named the generation reads again by itself.
            guard generation == nil, refusal.step == nil, refusal.error.errno == .restart, attempt < 32 else {
                throw refusal.error
            }
            Machine.pause(Self.pause(attempt))
        }
    }

    /// Whether that exists which a step would destroy.
    private func isThere(_ batch: borrowing Batch, _ index: Int) throws(KernelError) -> Bool {
        var octets = Array(batch.octets[batch.range(of: index)])
        FilterMessage.replaceDestroy(in: &octets, at: 0, by: { $0.question })
        do throws(KernelError) {
            let reply = try socket.ask(NetlinkRequest("look whether there is something to destroy", octets: octets))
            guard case .elements = batch.steps[index].subject else { return true }
            // In a set of ranges the kernel finds whatever range the key lies in.
            let wanted = NetlinkReply.messages(in: octets).first.flatMap { Self.firstKey($0) }
            return Self.firstKey(reply) == wanted
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    private static func firstKey(_ message: NetlinkReply) -> [UInt8]? {
        guard let list = message.filterBody?.attributes.nested(NFTA_SET_ELEM_LIST_ELEMENTS) else { return nil }
        for (_, value) in list { return NetlinkAttributes(value).data(NFTA_SET_ELEM_KEY) }
        return nil
    }
}

extension FilterMessage {
    /// The message that takes away what must be there.
    var deletion: FilterMessage {
        switch self {
        case .destroyTable: .deleteTable
        case .destroyChain: .deleteChain
        case .destroyRule: .deleteRule
        case .destroySet: .deleteSet
        case .destroyElements: .deleteElements
        default: self
        }
    }

    /// The message that asks for what would be taken away.
    var question: FilterMessage {
        switch self {
        case .destroyTable: .getTable
        case .destroyChain: .getChain
        case .destroyRule: .getRule
        case .destroySet: .getSet
        case .destroyElements: .getElements
        default: self
        }
    }

    /// Changes the type of the message at an offset.
    static func replaceDestroy(
        in octets: inout [UInt8],
        at start: Int,
        by replacement: (FilterMessage) -> FilterMessage
    ) {
        octets.withUnsafeMutableBytes { buffer in
            var header = buffer.loadUnaligned(fromByteOffset: start, as: nlmsghdr.self)
            guard let message = FilterMessage(rawValue: Int(header.nlmsg_type & 0xff)) else { return }
            header.nlmsg_type = UInt16(replacement(message).number)
            buffer.storeBytes(of: header, toByteOffset: start, as: nlmsghdr.self)
        }
    }
}
