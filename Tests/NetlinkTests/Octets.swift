// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

let address5 = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 5]) ?? .zero
let address6 = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 6]) ?? .zero

/// Reads annotated hexadecimal: of each line what stands before the bar.
///
/// Integers are those of a little-endian machine.
func octets(_ text: String) -> [UInt8] {
    text.split(separator: "\n").flatMap { line in
        line.prefix { $0 != "|" }.split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }
}

/// Compares a request with annotated hexadecimal, word by word so that a difference can be seen.
func expectOctets(_ request: NetlinkRequest, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(words(request.octets) == words(octets(text)), sourceLocation: sourceLocation)
}

private func words(_ octets: [UInt8]) -> [String] {
    stride(from: 0, to: octets.count, by: 4).map { start in
        octets[start..<min(start + 4, octets.count)].map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            .joined(separator: " ")
    }
}

/// A message from the kernel with a payload in annotated hexadecimal.
func reply(_ type: Int, _ payload: String, flags: Int = 0) -> NetlinkReply {
    NetlinkReply(type: type, flags: flags, sequence: 1, payload: octets(payload)[...])
}

/// The same message cut off at every octet, and with every octet replaced by what it should not be.
func damaged(_ reply: NetlinkReply) -> [NetlinkReply] {
    let payload = Array(reply.payload)
    let shorter = payload.indices.map { payload[..<$0] }
    let altered = payload.indices.flatMap { index in
        [0x00, 0x01, 0x03, 0x7f, 0x80, 0xff].map { octet in
            payload.enumerated().map { $0.offset == index ? octet : $0.element }[...]
        }
    }
    return (shorter + altered).map { payload in
        NetlinkReply(type: reply.type, flags: reply.flags, sequence: reply.sequence, payload: payload)
    }
}
