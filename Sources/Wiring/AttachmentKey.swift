// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import Linux

/// What identifies an attachment everywhere: a network, a container and the name of the interface inside.
package struct AttachmentKey: Hashable, Sendable, CustomStringConvertible {
    package let network: String
    package let containerID: String
    package let interfaceName: String

    package init(network: String, containerID: String, interfaceName: String) {
        self.network = network
        self.containerID = containerID
        self.interfaceName = interfaceName
    }

    package var description: String { "\(network)/\(containerID):\(interfaceName)" }

    /// The host's end of the container's veth pair, computable without any record.
    ///
    /// The name is in the reference's form. Eight digits may collide between containers, the address (46 bits from the
    /// same digest) tells whose link it is.
    ///
    /// `attempt`: 0, or more when the name of a lower attempt belongs to somebody else.
    package func hostEnd(attempt: Int) -> (name: String, address: MACAddress) {
        let digest = SHA512(of: "\(network)\0\(containerID)\0\(interfaceName)\0\(attempt)")
        guard let address = MACAddress.locallyAdministered(Array(digest.octets[8..<14])) else {
            preconditionFailure("six octets are a MAC address")
        }
        return ("veth" + digest.hexadecimal(digits: 8), address)
    }

    /// How many names are tried for a host's end: the chance that all are strangers' is negligible.
    package static let hostEndAttempts = 2
}
