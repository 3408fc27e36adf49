// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// An open directory, and what can be done with the files in it by name.
///
/// Names are single components: the caller vouches that they hold no slash.
package struct Directory: ~Copyable {
    private let descriptor: Descriptor
    package let path: String

    /// Opens an existing directory.
    ///
    /// - Throws: ``KernelError``; `ENOENT` when it does not exist.
    package init(path: String) throws(KernelError) {
        descriptor = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY)
        self.path = path
    }

    /// Opens a directory, creating it and its parents (like mkdir -p) when it is missing.
    ///
    /// `mode`: permissions of the directories created; the process's umask applies.
    /// - Throws: ``KernelError``.
    package init(creating path: String, mode: UInt32) throws(KernelError) {
        do throws(KernelError) {
            try self.init(path: path)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            try Directory.create(path, mode: mode)
            try self.init(path: path)
        }
    }

    private static func create(_ path: String, mode: UInt32) throws(KernelError) {
        if mkdir(path, mode) == 0 { return }
        let error = Errno.current
        switch error {
        case .fileExists: return
        case .noSuchFileOrDirectory:
            guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { break }
            try create(String(path[..<slash]), mode: mode)
            if mkdir(path, mode) == 0 || Errno.current == .fileExists { return }
            throw KernelError("create directory \(path)", Errno.current)
        default: break
        }
        throw KernelError("create directory \(path)", error)
    }

    /// The names of everything in the directory but `.` and `..`, in no order.
    ///
    /// - Throws: ``KernelError``.
    package func names() throws(KernelError) -> [String] {
        // Reading moves the position.
        _ = lseek(descriptor.rawValue, 0, SEEK_SET)
        let dot = UInt8(ascii: ".")
        var names: [String] = []
        while true {
            let entries = try readEntries()
            guard !entries.isEmpty else { return names }
            var start = 0
            while start < entries.count {
                let length = entries.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start + 16, as: UInt16.self) }
                let name = entries[(start + 19)..<(start + Int(length))].prefix { $0 != 0 }
                if name != [dot] && name != [dot, dot] { names.append(String(decoding: name, as: UTF8.self)) }
                start += Int(length)
            }
        }
    }

    /// As many entries as fit, none at the end: of each inode (64), offset (64), length (16), kind (8), name and zeros.
    ///
    /// getdents64(2).
    private func readEntries() throws(KernelError) -> [UInt8] {
        var error: Errno?
        let entries = [UInt8](unsafeUninitializedCapacity: 8192) { buffer, count in
            let result = culvert_read_directory(descriptor.rawValue, buffer.baseAddress, buffer.count)
            if result < 0 { error = Errno(rawValue: CInt(-result)) }
            count = max(0, result)
        }
        if let error { throw KernelError("list \(path)", error) }
        return entries
    }

    /// Opens a file of the directory, like openat(2).
    ///
    /// - Throws: ``KernelError`` naming the file.
    package func open(_ name: String, _ flags: CInt, mode: UInt32 = 0) throws(KernelError) -> Descriptor {
        do throws(KernelError) {
            return try Descriptor(opening: name, in: descriptor, flags, mode: mode)
        } catch {
            throw KernelError("open \(path)/\(name)", error.errno)
        }
    }

    /// Gives an existing file a second name, unless that name is taken.
    ///
    /// - Returns: false when the name is taken.
    /// - Throws: ``KernelError``.
    package func link(_ name: String, as other: String) throws(KernelError) -> Bool {
        let directory = descriptor.rawValue
        let result = name.withCString { old in other.withCString { linkat(directory, old, directory, $0, 0) } }
        if result == 0 { return true }
        let error = Errno.current
        guard error == .fileExists else { throw KernelError("link \(path)/\(other)", error) }
        return false
    }

    /// Moves a file to another name, replacing what bore it.
    ///
    /// - Throws: ``KernelError``.
    package func rename(_ name: String, to other: String) throws(KernelError) {
        let directory = descriptor.rawValue
        let result = name.withCString { old in other.withCString { renameat(directory, old, directory, $0) } }
        guard result == 0 else {
            throw KernelError("rename \(path)/\(name) to \(other)", Errno.current)
        }
    }

    /// Removes a name; that it is gone already is no error.
    ///
    /// - Returns: whether there was something to remove.
    /// - Throws: ``KernelError``.
    @discardableResult
    package func remove(_ name: String) throws(KernelError) -> Bool {
        if name.withCString({ unlinkat(descriptor.rawValue, $0, 0) }) == 0 { return true }
        let error = Errno.current
        guard error == .noSuchFileOrDirectory else { throw KernelError("remove \(path)/\(name)", error) }
        return false
    }

    /// Makes a file look as if it had just been written.
    ///
    /// - Throws: ``KernelError``.
    package func touch(_ name: String) throws(KernelError) {
        guard utimensat(descriptor.rawValue, name, nil, 0) == 0 else {
            throw KernelError("touch \(path)/\(name)", Errno.current)
        }
    }

    /// Which directory this is, and when the names in it changed.
    ///
    /// - Throws: ``KernelError``.
    package func status() throws(KernelError) -> FileStatus {
        try descriptor.status(path)
    }

    /// Says when the names in it changed, in nanoseconds since 1970.
    ///
    /// - Throws: ``KernelError``; a file system may keep it less precisely.
    package func setModified(nanoseconds: Int64) throws(KernelError) {
        let result = culvert_set_modified(descriptor.rawValue, nanoseconds)
        guard result == 0 else { throw KernelError("stamp \(path)", Errno(rawValue: result)) }
    }

    /// The status of a name, following links; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func status(_ name: String) throws(KernelError) -> FileStatus? {
        var status = stat()
        if name.withCString({ fstatat(descriptor.rawValue, $0, &status, 0) }) == 0 { return FileStatus(status) }
        let error = Errno.current
        guard error == .noSuchFileOrDirectory else { throw KernelError("stat \(path)/\(name)", error) }
        return nil
    }
}
