// SPDX-License-Identifier: Apache-2.0
package import CNI
package import Interfaces
package import Netlink

extension AttachmentAims {
    /// What has to be true for an attachment that `vswitch` made; the daemon opens a tap that is made again by itself.
    ///
    /// - Throws: ``CNIError``.
    package static func vswitch(
        _ standing: StandingAttachment,
        isThere: Bool,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> AttachmentAims {
        try ContainerInterface<SwitchPortLink>.aims(standing, isThere: isThere, host: host, inside: inside)
    }
}
