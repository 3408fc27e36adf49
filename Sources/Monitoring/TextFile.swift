// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux

/// A file of metrics for node_exporter's textfile collector.
package enum TextFile {
    /// Writes the file: who reads it meanwhile finds the whole old one or the whole new one.
    ///
    /// - Parameters:
    ///   - octets: what is to stand in it.
    ///   - path: the file; its directory has to be there.
    /// - Throws: ``KernelError``; then the old file is as it was.
    package static func write(_ octets: [UInt8], to path: String) throws(KernelError) {
        // The collector reads every file that ends with .prom, and no other.
        let name = "\(path).new"
        do throws(KernelError) {
            let file = try Descriptor(opening: name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
            try file.writeAll(octets, name)
            guard name.withCString({ old in path.withCString { rename(old, $0) } }) == 0 else {
                throw KernelError("rename \(name) to \(path)", Errno.current)
            }
        } catch {
            _ = name.withCString { unlink($0) }
            throw error
        }
    }
}
