// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CLinux
package import Linux
internal import Wiring

/// The files of all leases: `<run directory>/dhcp/<network>:<containerID>:<interface>.json`, of IPv6 `…:v6.json`.
///
/// On tmpfs: a reboot empties it, as it empties the namespaces. A file is replaced as a whole, so that whoever is killed
/// leaves the old one or the new one.
package struct DHCPLeaseStore: Sendable {
    package let path: String

    /// `root`: `/run/culvert` unless somebody says otherwise.
    package init(root: String) {
        path = "\(root)/dhcp"
    }

    private static func file(of name: DHCPLeaseName) -> String {
        let ending = name.family == .v4 ? "" : ":v6"
        return "\(name.key.network):\(name.key.containerID):\(name.key.interfaceName)\(ending).json"
    }

    private static let temporary = ".new"

    /// Writes a record in place of an older one.
    ///
    /// - Throws: ``KernelError``; then the older one stands.
    package func write(_ record: DHCPLeaseRecord) throws(KernelError) {
        let directory = try Directory(creating: path, mode: 0o700)
        let name = DHCPLeaseStore.file(of: record.order.name)
        let new = name + DHCPLeaseStore.temporary
        do throws(KernelError) {
            let file = try directory.open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            try file.writeAll(record.content, "\(path)/\(new)")
            try directory.rename(new, to: name)
        } catch {
            try directory.remove(new)
            throw error
        }
    }

    /// The record of a lease; nil when there is none, or what is there is none.
    ///
    /// - Throws: ``KernelError``.
    package func record(of name: DHCPLeaseName) throws(KernelError) -> DHCPLeaseRecord? {
        try record(named: DHCPLeaseStore.file(of: name))
    }

    private func record(named name: String) throws(KernelError) -> DHCPLeaseRecord? {
        do throws(KernelError) {
            let file = try Descriptor(opening: "\(path)/\(name)", O_RDONLY | O_NOFOLLOW)
            return DHCPLeaseRecord(content: try file.readAll("\(path)/\(name)", limit: 1 << 20))
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }

    /// Removes the record of a lease; that there is none is no error.
    ///
    /// - Throws: ``KernelError``.
    package func remove(_ name: DHCPLeaseName) throws(KernelError) {
        let directory: Directory
        do throws(KernelError) {
            directory = try Directory(path: path)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return
        }
        try directory.remove(DHCPLeaseStore.file(of: name))
        try directory.remove(DHCPLeaseStore.file(of: name) + DHCPLeaseStore.temporary)
    }

    /// All records that can be read, in the order of their names.
    ///
    /// - Throws: ``KernelError`` when the directory cannot be read; without one there are none.
    package func records() throws(KernelError) -> [DHCPLeaseRecord] {
        let names: [String]
        do throws(KernelError) {
            names = try Directory(path: path).names()
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return []
        }
        var records: [DHCPLeaseRecord] = []
        for name in names.sorted() where name.hasSuffix(".json") {
            if let record = try record(named: name) { records.append(record) }
        }
        return records
    }
}
