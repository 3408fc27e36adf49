// SPDX-License-Identifier: Apache-2.0
internal import CNetlink

/// A message under construction: libnl's `nl_msg`, owned.
///
/// Netlink integers are in host order but where a subsystem says otherwise; addresses are in network order. netlink(7),
/// rtnetlink(7).
package struct NetlinkMessage: ~Copyable {
    private let handle: OpaquePointer

    /// - Parameters:
    ///   - type: such as `RTM_NEWLINK`.
    ///   - flags: `NLM_F_*` besides `NLM_F_REQUEST`.
    ///   - capacity: in octets; the usual message takes a few hundred.
    package init(type: Int, flags: Int32 = 0, capacity: Int = 1024) {
        guard let handle = nlmsg_alloc_size(capacity),
            nlmsg_put(handle, 0, 0, Int32(type), 0, NLM_F_REQUEST | flags) != nil
        else { preconditionFailure("no memory for a netlink message") }
        self.handle = handle
    }

    deinit {
        nlmsg_free(handle)
    }

    /// Begins another message in the same room.
    package func restart(type: Int, flags: Int32) {
        guard let header = nlmsg_hdr(handle) else { preconditionFailure("a netlink message without a header") }
        header.pointee.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size)
        header.pointee.nlmsg_type = UInt16(type)
        header.pointee.nlmsg_flags = UInt16(NLM_F_REQUEST | flags)
    }

    /// The fixed part that a message type begins with, such as `ifinfomsg`.
    package func append<Header: BitwiseCopyable>(_ header: Header) {
        let result = withUnsafeBytes(of: header) { buffer in
            nlmsg_append(
                handle,
                UnsafeMutableRawPointer(mutating: buffer.baseAddress),
                buffer.count,
                Int32(NLMSG_ALIGNTO)
            )
        }
        precondition(result == 0, "a netlink message outgrew its capacity")
    }

    package func put(_ attribute: Int, octets: [UInt8]) {
        let result = octets.withUnsafeBytes { nla_put(handle, Int32(attribute), Int32($0.count), $0.baseAddress) }
        precondition(result == 0, "a netlink message outgrew its capacity")
    }

    package func put(_ attribute: Int, _ value: UInt8) {
        put(attribute, integer: value)
    }

    package func put(_ attribute: Int, _ value: UInt16) {
        put(attribute, integer: value)
    }

    package func put(_ attribute: Int, _ value: UInt32) {
        put(attribute, integer: value)
    }

    /// An integer as it lies in memory; of network order is what was turned round before.
    package func put<Value: FixedWidthInteger & BitwiseCopyable>(_ attribute: Int, integer value: Value) {
        let result = withUnsafeBytes(of: value) {
            nla_put(handle, Int32(attribute), Int32($0.count), $0.baseAddress)
        }
        precondition(result == 0, "a netlink message outgrew its capacity")
    }

    /// A zero-terminated string.
    package func put(_ attribute: Int, _ text: String) {
        let result = text.withCString { nla_put_string(handle, Int32(attribute), $0) }
        precondition(result == 0, "a netlink message outgrew its capacity")
    }

    /// An attribute that holds attributes.
    package func nest(_ attribute: Int, _ body: (borrowing NetlinkMessage) -> Void) {
        guard let start = nla_nest_start(handle, Int32(attribute)) else {
            preconditionFailure("a netlink message outgrew its capacity")
        }
        body(self)
        nla_nest_end(handle, start)
    }

    /// As ``nest(_:_:)``, also where nothing is put into it.
    package func nestKeepingEmpty(_ attribute: Int, _ body: (borrowing NetlinkMessage) -> Void) {
        guard let start = nla_nest_start(handle, Int32(attribute)) else {
            preconditionFailure("a netlink message outgrew its capacity")
        }
        body(self)
        nla_nest_end_keep_empty(handle, start)
    }

    /// How long it has become, header included.
    package var count: Int { nlmsg_hdr(handle).map { Int($0.pointee.nlmsg_len) } ?? 0 }

    /// The finished message, header included; sequence number and port are filled in when it is sent.
    package var octets: [UInt8] {
        var octets: [UInt8] = []
        append(to: &octets)
        return octets
    }

    /// Puts the finished message, header included, behind others.
    package func append(to octets: inout [UInt8]) {
        guard let header = nlmsg_hdr(handle) else { preconditionFailure("a netlink message without a header") }
        octets.append(contentsOf: UnsafeRawBufferPointer(start: header, count: Int(header.pointee.nlmsg_len)))
    }
}
