// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
package import Linux

/// Which addresses an identity had last, beyond the life of containers and of this boot.
///
/// One file for each identity in `<root>/ipam/<hash of the lease directory>/`, written anew as a whole: the identity,
/// then its addresses, one a line. It gives nobody a right: an address that somebody else has by now is lost.
package struct AddressMemory {
    private let directory: String

    /// - Parameters:
    ///   - root: what outlives a reboot, such as `/var/lib/culvert`.
    ///   - path: the lease directory.
    package init(root: String, leases path: String) {
        directory = "\(root)/ipam/\(SHA512(of: path).hexadecimal(digits: 16))"
    }

    /// The addresses of an identity; none when nothing is remembered, or nothing that can be read.
    package func addresses(of identity: String) -> [IPAddress] {
        do throws(KernelError) {
            let file = try Directory(path: directory).open(name(of: identity), O_RDONLY | O_NOFOLLOW)
            let content = try file.readSmallFile(directory)
            let lines = content.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            // Of two identities with one digest the other is not meant.
            guard lines.first == identity else { return [] }
            return lines.dropFirst().compactMap { IPAddress($0) }
        } catch {
            return []
        }
    }

    /// Remembers the addresses of an identity, instead of what was remembered before.
    ///
    /// - Throws: ``KernelError``; then what was remembered before still is.
    package func remember(_ addresses: [IPAddress], for identity: String) throws(KernelError) {
        let name = name(of: identity)
        let directory = try Directory(creating: directory, mode: 0o700)
        let text = ([identity] + addresses.map { "\($0)" }).joined(separator: "\n")
        let temporary = "\(name).new"
        do throws(KernelError) {
            let file = try directory.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            try file.writeAll(Array(text.utf8), "\(self.directory)/\(temporary)")
            try directory.rename(temporary, to: name)
        } catch {
            try directory.remove(temporary)
            throw error
        }
    }

    /// Makes a memory as young as a new one.
    package func refresh(_ identity: String) throws(KernelError) {
        try Directory(path: directory).touch(name(of: identity))
    }

    /// Forgets whom nobody has seen for so long.
    ///
    /// - Throws: ``KernelError``; that nothing is remembered is no error.
    package func forget(unseenFor age: Duration) throws(KernelError) {
        let limit = Machine.wallNanoseconds - Int64(age / .nanoseconds(1))
        do throws(KernelError) {
            let directory = try Directory(path: directory)
            for name in try directory.names() {
                if let status = try directory.status(name), status.modifiedNanoseconds < limit {
                    try directory.remove(name)
                }
            }
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
        }
    }

    private func name(of identity: String) -> String { SHA512(of: identity).hexadecimal(digits: 32) }
}
