// SPDX-License-Identifier: Apache-2.0
internal import CNetlink

/// One message from the kernel, cut out of what the socket gave; every access is checked against its length.
package struct NetlinkReply {
    package let type: Int
    package let flags: Int
    package let sequence: UInt32
    /// What follows the message header.
    package let payload: ArraySlice<UInt8>

    package static let headerLength = 16

    /// Cuts a datagram into its messages; a tail that is no whole message ends it.
    package static func messages(in datagram: [UInt8]) -> [NetlinkReply] {
        var messages: [NetlinkReply] = []
        var rest = datagram[...]
        while let length = rest.integer(at: 0, as: UInt32.self).map(Int.init),
            length >= headerLength, length <= rest.count,
            let type = rest.integer(at: 4, as: UInt16.self),
            let flags = rest.integer(at: 6, as: UInt16.self),
            let sequence = rest.integer(at: 8, as: UInt32.self)
        {
            let end = rest.startIndex + length
            messages.append(
                NetlinkReply(
                    type: Int(type),
                    flags: Int(flags),
                    sequence: sequence,
                    payload: rest[(rest.startIndex + headerLength)..<end]
                )
            )
            rest = rest[min(rest.endIndex, rest.startIndex + aligned(length))...]
        }
        return messages
    }

    /// What an `NLMSG_ERROR` or `NLMSG_DONE` says: 0 is an acknowledgement.
    package var errno: CInt { payload.integer(at: 0, as: Int32.self).map { 0 &- $0 } ?? 0 }

    /// The kernel's own words in an `NLMSG_ERROR` or `NLMSG_DONE` (extended acknowledgement, netlink(7)).
    package var explanation: String? {
        guard flags & Int(NLM_F_ACK_TLVS) != 0, let echo = echoLength, payload.count >= 4 + echo else { return nil }
        let attributes = NetlinkAttributes(payload.dropFirst(4 + echo))
        return attributes[Int(NLMSGERR_ATTR_MSG.rawValue)]?.text
    }

    /// Where in the request, in octets from its beginning, the attribute stands that an `NLMSG_ERROR` is about.
    package var offense: Int? {
        guard flags & Int(NLM_F_ACK_TLVS) != 0, let echo = echoLength, payload.count >= 4 + echo else { return nil }
        let attributes = NetlinkAttributes(payload.dropFirst(4 + echo))
        return attributes[Int(NLMSGERR_ATTR_OFFS.rawValue)]?.integer(as: UInt32.self).map(Int.init)
    }

    /// How much of the request stands between the errno and the attributes; nil when that is cut off.
    private var echoLength: Int? {
        // The end of a dump echoes nothing.
        guard type != Int(NLMSG_DONE) else { return 0 }
        guard let echoed = payload.integer(at: 4, as: UInt32.self) else { return nil }
        // The request's header is echoed, and the rest of it too unless the kernel says that it capped it.
        return flags & Int(NLM_F_CAPPED) != 0 ? NetlinkReply.headerLength : NetlinkReply.aligned(Int(echoed))
    }

    static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

/// The attributes of a message or of a nest, in order.
///
/// rtnetlink(7).
package struct NetlinkAttributes: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    package init(_ octets: ArraySlice<UInt8>) {
        rest = octets
    }

    package mutating func next() -> (type: Int, value: ArraySlice<UInt8>)? {
        guard let length = rest.integer(at: 0, as: UInt16.self), length >= 4, length <= rest.count,
            let type = rest.integer(at: 2, as: UInt16.self)
        else { return nil }
        let start = rest.startIndex
        let value = rest[(start + 4)..<(start + Int(length))]
        rest = rest[Swift.min(rest.endIndex, start + NetlinkReply.aligned(Int(length)))...]
        // The two upper bits say "nested" and "network order".
        return (Int(type) & 0x3fff, value)
    }

    /// The first attribute of a type.
    package subscript(_ type: Int) -> ArraySlice<UInt8>? {
        for (candidate, value) in self where candidate == type { return value }
        return nil
    }
}

extension ArraySlice<UInt8> {
    /// The integer in host order at an offset; nil past the end.
    package func integer<Value: FixedWidthInteger>(at offset: Int = 0, as type: Value.Type) -> Value? {
        guard offset >= 0, count >= offset + MemoryLayout<Value>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }

    /// The zero-terminated string.
    package var text: String {
        String(decoding: prefix { $0 != 0 }, as: UTF8.self)
    }
}
