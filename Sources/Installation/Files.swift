// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// Changes of names below a directory that only root may write to: by path.
enum Files {
    /// mkdir(2); that it is there already is no error.
    static func makeDirectory(_ path: String) throws(KernelError) {
        guard mkdir(path, 0o755) != 0, Errno.current != .fileExists else { return }
        throw KernelError("create directory \(path)", Errno.current)
    }

    /// link(2): of a symbolic link, the link itself.
    static func link(_ old: String, as new: String) throws(KernelError) {
        guard linkat(AT_FDCWD, old, AT_FDCWD, new, 0) == 0 else { throw KernelError("link \(new)", Errno.current) }
    }

    /// symlink(2).
    static func linkSymbolically(_ path: String, to target: String) throws(KernelError) {
        guard symlink(target, path) == 0 else { throw KernelError("link \(path) to \(target)", Errno.current) }
    }

    /// readlink(2); nil when the name is missing or no symbolic link.
    static func target(of path: String) throws(KernelError) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        if count >= 0 { return String(decoding: buffer.prefix(count), as: UTF8.self) }
        let error = Errno.current
        guard error == .noSuchFileOrDirectory || error == .invalidArgument else {
            throw KernelError("read link \(path)", error)
        }
        return nil
    }

    /// rename(2), which replaces what bore the new name.
    static func rename(_ old: String, to new: String) throws(KernelError) {
        guard CLinux.rename(old, new) == 0 else { throw KernelError("rename \(old) to \(new)", Errno.current) }
    }

    /// unlink(2); that the name is gone already is no error.
    static func remove(_ path: String) throws(KernelError) {
        guard unlink(path) != 0, Errno.current != .noSuchFileOrDirectory else { return }
        throw KernelError("remove \(path)", Errno.current)
    }

    /// Removes a directory and all that is in it; that it is gone already is no error.
    static func removeTree(_ path: String) throws(KernelError) {
        guard let found = try NamedFile.at(path) else { return }
        guard found.kind == .directory else { return try remove(path) }
        for name in try Directory(path: path).names() { try removeTree("\(path)/\(name)") }
        guard rmdir(path) != 0, Errno.current != .noSuchFileOrDirectory else { return }
        throw KernelError("remove directory \(path)", Errno.current)
    }

    /// fsync(2) of a directory: what was renamed in it stays so when the power fails.
    static func synchronize(directory path: String) throws(KernelError) {
        try Descriptor(opening: path, O_RDONLY | O_DIRECTORY).synchronize(path)
    }

    /// Writes a whole file in place of the one that bears the name: who reads it finds the old one or the new one.
    static func replace(_ path: String, with octets: [UInt8], mode: UInt32 = 0o644) throws(KernelError) {
        let temporary = "\(path).new"
        try remove(temporary)
        do throws(KernelError) {
            let file = try Descriptor(opening: temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
            try file.writeAll(octets, temporary)
            try file.synchronize(temporary)
            try rename(temporary, to: path)
            try synchronize(directory: parent(of: path))
        } catch {
            try remove(temporary)
            throw error
        }
    }

    /// Makes a program of a file's content, which is on the disk when this returns; there is no such name yet.
    static func copyProgram(_ source: String, to path: String) throws(KernelError) {
        let from = try Descriptor(opening: source, O_RDONLY)
        let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o755)
        while true {
            let octets = try from.readSome(source)
            guard !octets.isEmpty else { break }
            try file.writeAll(octets, path)
        }
        // Whatever the umask is, any runtime may run it.
        guard fchmod(file.rawValue, 0o755) == 0 else { throw KernelError("change mode of \(path)", Errno.current) }
        try file.synchronize(path)
    }

    /// The SHA-512 digest of a file's content, in hexadecimal.
    static func digest(_ path: String) throws(KernelError) -> String {
        let file = try Descriptor(opening: path, O_RDONLY)
        return SHA512(of: try file.readAll(path, limit: 256 << 20)).hexadecimal
    }

    /// The directory that a path's last name is in.
    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
