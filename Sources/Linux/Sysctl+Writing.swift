// SPDX-License-Identifier: Apache-2.0
internal import CLinux

extension Sysctl {
    /// Whether the setting is there and may be written, without writing it.
    ///
    /// - Throws: ``KernelError``; `ENOENT` when the kernel has no such setting, `EROFS` and `EACCES` when it may not be
    ///   written, `EISDIR` when it is a group of settings.
    package func requireWritable() throws(KernelError) {
        do throws(KernelError) {
            _ = try Descriptor(opening: path, O_WRONLY)
        } catch {
            throw KernelError("set sysctl \(self)", error.errno)
        }
    }

    /// The value without the final newline, however long; nil when it cannot be read: some can only be written.
    package func readIfPossible() -> String? {
        do throws(KernelError) {
            let bytes = try Descriptor(opening: path, O_RDONLY).readSmallFile(path, limit: 1 << 17)
            return String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
        } catch {
            return nil
        }
    }

    /// The settings that the kernel changes along with this one: those of every link, when this one is for all links.
    ///
    /// ip-sysctl, `conf/all/*` and `ip_forward`.
    ///
    /// - Throws: ``KernelError``.
    package func followers() throws(KernelError) -> [Sysctl] {
        let parts = description.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
        guard parts.count >= 3 else { return [] }
        let isForwarding = description == "net/ipv4/ip_forward"
        guard isForwarding || (parts.count == 5 && parts[2] == "conf" && parts[3] == "all") else { return [] }
        let family = parts[1]
        let name = isForwarding ? "forwarding" : parts[4]
        let links = try Directory(path: "/proc/sys/net/\(family)/conf").names().sorted()
        return links.map { Sysctl(family, link: $0, name) }.filter { $0 != self }
    }
}
