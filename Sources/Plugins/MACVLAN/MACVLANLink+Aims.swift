// SPDX-License-Identifier: Apache-2.0
package import CNI
package import Interfaces
package import Netlink

extension AttachmentAims {
    /// What has to be true for an attachment that `macvlan` made.
    ///
    /// - Throws: ``CNIError``.
    package static func macvlan(
        _ standing: StandingAttachment,
        isThere: Bool,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> AttachmentAims {
        try ContainerInterface<MACVLANLink>.aims(standing, isThere: isThere, host: host, inside: inside)
    }
}
