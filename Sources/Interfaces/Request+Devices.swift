// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import Linux
package import Netlink
package import Plugin
package import Wiring

// Links of the host that containers have.
extension Request {
    /// Takes a device back from an attachment, wherever it is by now, and makes it what it was on the host.
    ///
    /// In the container, by the record or by CNI_NETNS; on the host, when the kernel took it back from a dead namespace,
    /// or when an earlier DEL was cut off. A virtual device dies with its container: then there is nothing to do.
    ///
    /// `key`: the attachment, which for GC is not this call's.
    /// - Throws: ``KernelError``.
    package func takeBackDevice(
        of key: AttachmentKey,
        _ record: AttachmentRecord?,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) {
        var warnings: [String] = []
        let home = try host.namespace()
        if let record, let device = record.device {
            try forEachNamespace(of: record, home) { inside throws(KernelError) in
                if try device.moveHome(from: inside, called: key.interfaceName, to: home) { return true }
                // A link without the mark is another network's, if that has recorded one.
                guard record.state == .attached, try attachments.otherNetworks(of: key).isEmpty else { return false }
                return try device.moveHome(from: inside, called: key.interfaceName, isThere: true, to: home)
            }
            try device.restore(on: host, &warnings)
        } else if record == nil, try attachments.otherNetworks(of: key).isEmpty {
            // An interface that another network has recorded is that network's; what nobody has recorded, the reference
            // may have brought.
            try forEachNamespace(of: nil, home) { inside throws(KernelError) in
                guard let found = try inside.details(ofLink: key.interfaceName),
                    let device = LentDevice(marked: found)
                else { return false }
                guard try device.moveHome(from: inside, called: key.interfaceName, to: home) else { return false }
                try device.restore(on: host, &warnings)
                return true
            }
        }
        for warning in warnings { Machine.log("\(configuration.type): \(warning)") }
    }

    /// Looks into the namespace that a record names, then into CNI_NETNS, as far as they are there.
    ///
    /// `body`: whether that is enough.
    private func forEachNamespace(
        of record: AttachmentRecord?,
        _ home: borrowing NetworkNamespace,
        _ body: (borrowing NetlinkSocket) throws(KernelError) -> Bool
    ) throws(KernelError) {
        var seen = ["\(home.identity)"]
        for path in [record?.namespacePath ?? "", invocation.namespacePath] where !path.isEmpty {
            let container: NetworkNamespace
            do throws(KernelError) {
                container = try NetworkNamespace(path: path)
            } catch {
                guard error.isMissingNamespace else { throw error }
                continue
            }
            let identity = "\(container.identity)"
            guard !seen.contains(identity) else { continue }
            seen.append(identity)
            let inside = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
            if try body(inside) { return }
        }
    }
}
