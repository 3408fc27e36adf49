// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What is asked about: somebody who begins to talk to somebody.
package struct Flow: Hashable, Sendable {
    package enum Transport: String, Hashable, Sendable, CaseIterable {
        case tcp
        case udp
        case icmp

        /// IANA's, of IPv4.
        package var number: UInt8 {
            switch self {
            case .tcp: 6
            case .udp: 17
            case .icmp: 1
            }
        }
    }

    /// Whose namespace it begins in: an index of ``HostModel/namespaces``.
    package var origin: Int
    /// The link that it comes in by, when it begins beyond of it; nil when a process of the namespace begins.
    package var input: String?
    /// The link that the sender's socket is bound to, such as a VRF; nil when it is not.
    package var binding: String?
    /// nil is chosen as the kernel chooses.
    package var source: IPAddress?
    package var destination: IPAddress
    package var transport: Transport
    package var sourcePort: UInt16
    package var destinationPort: UInt16

    package init(
        origin: Int,
        input: String? = nil,
        source: IPAddress? = nil,
        destination: IPAddress,
        transport: Transport = .tcp,
        sourcePort: UInt16 = 40000,
        destinationPort: UInt16 = 80
    ) {
        self.origin = origin
        self.input = input
        self.source = source
        self.destination = destination
        self.transport = transport
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
    }
}
