// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// One kernel setting below `/proc/sys/net`, in the namespace of the calling thread.
package struct Sysctl: Hashable, Sendable, CustomStringConvertible {
    /// As sysctl(8) writes it with slashes, such as `net/ipv4/conf/eth0.5/arp_notify`: a dot is an ordinary character.
    package let description: String

    /// - Parameter name: below `net/`, with slashes, such as `ipv4/ip_forward`.
    package init(_ name: String) {
        description = "net/" + name
    }

    /// A setting of one link.
    ///
    /// `family`: `ipv4` or `ipv6`.
    package init(_ family: String, link: String, _ name: String) {
        self.init("\(family)/conf/\(link)/\(name)")
    }

    package var path: String { "/proc/sys/" + description }

    /// Makes the setting hold a value, writing only when it does not hold it already.
    ///
    /// A read-only `/proc/sys` (a container's) is no trouble as long as nothing needs to change.
    ///
    /// - Throws: ``KernelError``; `ENOENT` when the kernel has no such setting.
    package func set(_ value: String) throws(KernelError) {
        let isSet: Bool
        do throws(KernelError) {
            isSet = try read() == value
        } catch {
            throw KernelError("set sysctl \(self)=\(value)", error.errno)
        }
        if !isSet { try write(value) }
    }

    /// As ``set(_:)``, of a setting that most likely holds another value, such as a new link's: it is not read first.
    ///
    /// - Throws: ``KernelError``; `ENOENT` when the kernel has no such setting.
    package func change(to value: String) throws(KernelError) {
        do throws(KernelError) {
            try write(value)
        } catch {
            guard error.errno == .readOnlyFileSystem || error.errno == .permissionDenied, try read() == value
            else { throw error }
        }
    }

    /// Writes a value, whatever the setting holds: some pass it on to other settings each time they are written.
    ///
    /// - Throws: ``KernelError``; `EINVAL` when the kernel does not take the value.
    package func write(_ value: String) throws(KernelError) {
        do throws(KernelError) {
            try Descriptor(opening: path, O_WRONLY).writeAll(Array(value.utf8), path)
        } catch {
            throw KernelError("set sysctl \(self)=\(value)", error.errno)
        }
    }

    /// The value without the final newline.
    ///
    /// - Throws: ``KernelError``.
    package func read() throws(KernelError) -> String {
        Sysctl.trimmed(try Descriptor(opening: path, O_RDONLY).readSmallFile(path))
    }

    private static func trimmed(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }
}
