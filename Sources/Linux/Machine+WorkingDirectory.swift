// SPDX-License-Identifier: Apache-2.0
internal import CLinux

extension Machine {
    /// The absolute path of the directory that relative paths begin in.
    ///
    /// The way a shell came there (`PWD`) is preferred when it leads there indeed, symbolic links and all.
    ///
    /// - Throws: ``KernelError``; `ENOENT` when the directory was removed.
    package static func workingDirectory() throws(KernelError) -> String {
        if let path = variable("PWD"), path.hasPrefix("/"), let there = try FileStatus.of(path),
            there.identity == (try FileStatus.of("."))?.identity
        {
            return path
        }
        guard let buffer = getcwd(nil, 0) else {
            throw KernelError("find working directory", Errno.current)
        }
        defer { free(buffer) }
        return String(cString: buffer)
    }
}
