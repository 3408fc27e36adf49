// SPDX-License-Identifier: Apache-2.0
package import CNI
package import Interfaces
internal import Linux
package import Netlink
internal import Plugin
internal import Wiring

extension AttachmentAims {
    /// What has to be true for an attachment that `host-device` made; nothing when a process has the device.
    ///
    /// A device that somebody took back to the host goes into the container again, as long as it bears the mark of the
    /// loan, and nobody has had it since.
    ///
    /// - Throws: ``CNIError``, also when the link is missing and there is no such device.
    package static func hostDevice(
        _ standing: StandingAttachment,
        isThere: Bool,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> AttachmentAims {
        guard let device = standing.record.device else { return AttachmentAims(making: [], completion: []) }
        // Another device that the configuration may mean by now is none that was lent.
        let whole = try ContainerInterface<HostDeviceLink>.aims(standing, isThere: true, host: host, inside: inside)
        let name = standing.record.key.interfaceName
        let found = try isThere ? nil : DeviceLoans.returned(device, standing, host: host, inside: inside)
        let move = DeviceMove(device, index: found?.index ?? 0, currentName: found?.name ?? name, name: name)
        return AttachmentAims(making: [.move(move)], completion: whole.completion)
    }
}

extension DeviceLoans {
    /// The link on the host of a device that a container should have.
    ///
    /// - Throws: ``CNIError`` when it is not there, or not this container's any more.
    fileprivate static func returned(
        _ device: LentDevice,
        _ standing: StandingAttachment,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> Link {
        let name = standing.record.key.interfaceName
        let renamed = try translating("cannot look for \(device.name)") { () throws(KernelError) in
            try device.find(on: inside, likely: name)?.link.name
        }
        if let renamed {
            throw CNIError(
                .kernelRefused,
                "\(name) is missing, and its device is called \(renamed) in the container",
                details: "it was renamed there: ip link set \(renamed) name \(name)"
            )
        }
        let found = try translating("cannot look for \(device.name)") { () throws(KernelError) in
            try device.find(on: host, likely: device.name)
        }
        guard let found else {
            throw CNIError(
                .kernelRefused,
                "\(name) is missing, and \(device.name) is not on the host, or without its mark",
                details: "DEL and ADD the attachment when the device is there again"
            )
        }
        let holder = try DeviceLoans.latest(of: device, standing.request)
        guard holder == nil || holder == standing.record.key else {
            throw CNIError(
                .kernelRefused,
                "\(name) is missing, and \(holder.map { "\($0)" } ?? "another attachment") has had \(device.name) since",
                details: "DEL one of the two attachments"
            )
        }
        return found.link
    }
}
