// SPDX-License-Identifier: Apache-2.0

/// One request to the kernel's routing tables, as a value: made anywhere, sent by ``NetlinkSocket``.
package struct NetlinkRequest: Hashable, Sendable {
    /// The request in words for errors, such as `add veth veth1a2b`; lower case, no full stop.
    package let operation: String
    /// The message as it goes over the socket, header included.
    package let octets: [UInt8]

    package init(_ operation: String, _ message: consuming NetlinkMessage) {
        self.operation = operation
        octets = message.octets
    }

    /// A message that was made before.
    package init(_ operation: String, octets: [UInt8]) {
        self.operation = operation
        self.octets = octets
    }
}
