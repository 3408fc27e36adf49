// SPDX-License-Identifier: Apache-2.0
internal import CNetlink

/// A message under construction: libnl's `nl_msg`, owned.
///
/// Netlink integers are in host order; addresses are in network order. netlink(7), rtnetlink(7).
struct NetlinkMessage: ~Copyable {
    private let handle: OpaquePointer

    /// - Parameters:
    ///   - type: such as `RTM_NEWLINK`.
    ///   - flags: `NLM_F_*` besides `NLM_F_REQUEST`.
    ///   - capacity: in octets; the usual message takes a few hundred.
    init(type: Int, flags: Int32 = 0, capacity: Int = 1024) {
        guard let handle = nlmsg_alloc_size(capacity),
            nlmsg_put(handle, 0, 0, Int32(type), 0, NLM_F_REQUEST | flags) != nil
        else { preconditionFailure("no memory for a netlink message") }
        self.handle = handle
    }

    deinit {
        nlmsg_free(handle)
    }

    /// The fixed part that a message type begins with, such as `ifinfomsg`.
    func append<Header: BitwiseCopyable>(_ header: Header) {
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

    func put(_ attribute: Int, octets: [UInt8]) {
        let result = octets.withUnsafeBytes { nla_put(handle, Int32(attribute), Int32($0.count), $0.baseAddress) }
        precondition(result == 0, "a netlink message outgrew its capacity")
    }

    func put(_ attribute: Int, _ value: UInt8) {
        put(attribute, octets: [value])
    }

    func put(_ attribute: Int, _ value: UInt16) {
        put(attribute, octets: withUnsafeBytes(of: value) { Array($0) })
    }

    func put(_ attribute: Int, _ value: UInt32) {
        put(attribute, octets: withUnsafeBytes(of: value) { Array($0) })
    }

    /// A zero-terminated string.
    func put(_ attribute: Int, _ text: String) {
        put(attribute, octets: Array(text.utf8) + [0])
    }

    /// An attribute that holds attributes.
    func nest(_ attribute: Int, _ body: (borrowing NetlinkMessage) -> Void) {
        guard let start = nla_nest_start(handle, Int32(attribute)) else {
            preconditionFailure("a netlink message outgrew its capacity")
        }
        body(self)
        nla_nest_end(handle, start)
    }

    /// The finished message, header included; sequence number and port are filled in when it is sent.
    var octets: [UInt8] {
        guard let header = nlmsg_hdr(handle) else { preconditionFailure("a netlink message without a header") }
        return Array(UnsafeRawBufferPointer(start: header, count: Int(header.pointee.nlmsg_len)))
    }
}
