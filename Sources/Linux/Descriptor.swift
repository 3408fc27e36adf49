// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// An open file that closes itself; always close-on-exec.
package struct Descriptor: ~Copyable {
    /// The number, valid as long as this value lives.
    package let rawValue: CInt

    /// Takes over a descriptor that nobody else closes.
    package init(adopting rawValue: CInt) {
        self.rawValue = rawValue
    }

    /// Opens a file, like openat(2).
    ///
    /// `path`: relative to `directory`, or to the working directory without one.
    /// `flags`: `O_RDONLY` and so on; `O_CLOEXEC` is always added.
    /// `mode`: the permissions of a file that is created by this.
    /// - Throws: ``KernelError`` naming the path.
    package init(
        opening path: String,
        in directory: borrowing Descriptor,
        _ flags: CInt,
        mode: UInt32 = 0
    ) throws(KernelError) {
        try self.init(opening: path, at: directory.rawValue, flags, mode: mode)
    }

    /// Opens a file by its path, like open(2).
    ///
    /// - Throws: ``KernelError`` naming the path.
    package init(opening path: String, _ flags: CInt, mode: UInt32 = 0) throws(KernelError) {
        try self.init(opening: path, at: AT_FDCWD, flags, mode: mode)
    }

    private init(opening path: String, at directory: CInt, _ flags: CInt, mode: UInt32) throws(KernelError) {
        // Passed as it is, a string is copied first.
        let result = path.withCString { culvert_open_at(directory, $0, flags, mode) }
        guard result >= 0 else { throw KernelError("open \(path)", Errno(rawValue: -result)) }
        rawValue = result
    }

    deinit {
        // EBADF means that somebody else closed what is ours: from here on any write could hit a stranger's file.
        precondition(
            CLinux.close(rawValue) == 0 || Errno.current != .badFileDescriptor,
            "a descriptor of ours was closed by somebody"
        )
    }

    /// Everything from the current position to the end.
    ///
    /// `name`: what is being read, for the error.
    /// `limit`: at most so many bytes; more is refused with `EFBIG`.
    /// - Throws: ``KernelError``.
    package func readAll(_ name: String, limit: Int = 16 << 20) throws(KernelError) -> [UInt8] {
        try Descriptor.readAll(rawValue, name, limit: limit)
    }

    /// As ``readAll(_:limit:)``, for a descriptor that somebody else owns.
    static func readAll(_ rawValue: CInt, _ name: String, limit: Int) throws(KernelError) -> [UInt8] {
        var bytes: [UInt8] = []
        var capacity = 4096
        while true {
            let (chunk, error) = readChunk(rawValue, capacity)
            if let error {
                guard error == .interrupted else { throw KernelError("read \(name)", error) }
                continue
            }
            // The common small file is one chunk: no second copy of it.
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
            guard bytes.count <= limit else { throw KernelError("read \(name)", Errno(rawValue: EFBIG)) }
            if chunk.isEmpty { return bytes }
            capacity = min(capacity * 4, 1 << 20)
        }
    }

    /// The whole content of a small file, in one read(2): lease files, sysctls.
    ///
    /// - Throws: ``KernelError``; `EFBIG` when there is more than `limit`.
    package func readSmallFile(_ name: String, limit: Int = 4096) throws(KernelError) -> [UInt8] {
        while true {
            let (bytes, error) = Descriptor.readChunk(rawValue, limit + 1)
            if let error {
                guard error == .interrupted else { throw KernelError("read \(name)", error) }
                continue
            }
            guard bytes.count <= limit else { throw KernelError("read \(name)", Errno(rawValue: EFBIG)) }
            return bytes
        }
    }

    /// What there is to read, waiting for it if need be; none at the end.
    ///
    /// `name`: what is being read, for the error.
    /// - Throws: ``KernelError``.
    package func readSome(_ name: String) throws(KernelError) -> [UInt8] {
        try Descriptor.readSome(rawValue, name)
    }

    /// What there is to read of a descriptor that somebody else owns, at least one byte; none at its end.
    static func readSome(_ rawValue: CInt, _ name: String) throws(KernelError) -> [UInt8] {
        while true {
            let (bytes, error) = readChunk(rawValue, 64 << 10)
            guard let error else { return bytes }
            guard error == .interrupted else { throw KernelError("read \(name)", error) }
        }
    }

    private static func readChunk(_ rawValue: CInt, _ capacity: Int) -> (bytes: [UInt8], error: Errno?) {
        var error: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            let result = CLinux.read(rawValue, buffer.baseAddress, capacity)
            if result < 0 { error = Errno.current }
            count = max(0, result)
        }
        return (bytes, error)
    }

    /// Writes all of it at the current position.
    ///
    /// `name`: what is being written, for the error.
    /// - Throws: ``KernelError``; some of the bytes may have been written.
    package func writeAll(_ bytes: [UInt8], _ name: String) throws(KernelError) {
        try Descriptor.writeAll(bytes, to: rawValue, name)
    }

    /// As ``writeAll(_:_:)``, for a descriptor that somebody else owns.
    static func writeAll(_ bytes: [UInt8], to rawValue: CInt, _ name: String) throws(KernelError) {
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes { buffer in
                CLinux.write(rawValue, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            if result < 0 {
                let error = Errno.current
                guard error == .interrupted else { throw KernelError("write \(name)", error) }
            } else {
                written += result
            }
        }
    }

    /// Sends through a socket what it takes at once.
    ///
    /// `name`: what is being written, for the error.
    /// - Returns: how many octets it took; 0 for a call that a signal interrupted.
    /// - Throws: ``KernelError``; `EAGAIN` when it takes nothing now, `EPIPE` (and no signal) when nobody reads.
    package func sendSome(_ octets: ArraySlice<UInt8>, _ name: String) throws(KernelError) -> Int {
        let result = octets.withUnsafeBytes { buffer in
            send(rawValue, buffer.baseAddress, buffer.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        guard result < 0 else { return result }
        let error = Errno.current
        guard error == .interrupted else { throw KernelError("write \(name)", error) }
        return 0
    }

    /// Waits until the disk has what was written.
    ///
    /// `name`: what was written, for the error.
    /// - Throws: ``KernelError``.
    package func synchronize(_ name: String) throws(KernelError) {
        while fsync(rawValue) != 0 {
            let error = Errno.current
            guard error == .interrupted else { throw KernelError("write \(name) to disk", error) }
        }
    }

    /// The octet at an offset; 0 past the end.
    ///
    /// `name`: what is being read, for the error.
    /// - Throws: ``KernelError``.
    package func readOctet(at offset: Int, _ name: String) throws(KernelError) -> UInt8 {
        var octet: UInt8 = 0
        while true {
            if pread(rawValue, &octet, 1, off_t(offset)) >= 0 { return octet }
            guard Errno.current == .interrupted else { throw KernelError("read \(name)", Errno.current) }
        }
    }

    /// Writes one octet at an offset; what lies between the end and the offset reads as zeros.
    ///
    /// `name`: what is being written, for the error.
    /// - Throws: ``KernelError``.
    package func writeOctet(_ octet: UInt8, at offset: Int, _ name: String) throws(KernelError) {
        var octet = octet
        while true {
            if pwrite(rawValue, &octet, 1, off_t(offset)) == 1 { return }
            guard Errno.current == .interrupted else { throw KernelError("write \(name)", Errno.current) }
        }
    }

    /// The octets from an offset on, as many as there are.
    ///
    /// `name`: what is being read, for the error.
    /// - Throws: ``KernelError``.
    package func read(_ count: Int, at offset: Int, _ name: String) throws(KernelError) -> [UInt8] {
        while true {
            var error: Errno?
            let octets = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                let result = pread(rawValue, buffer.baseAddress, count, off_t(offset))
                if result < 0 { error = Errno.current }
                filled = max(0, result)
            }
            guard let error else { return octets }
            guard error == .interrupted else { throw KernelError("read \(name)", error) }
        }
    }

    /// Writes all of it at an offset.
    ///
    /// `name`: what is being written, for the error.
    /// - Throws: ``KernelError``; some of the octets may have been written.
    package func write(_ octets: [UInt8], at offset: Int, _ name: String) throws(KernelError) {
        var written = 0
        while written < octets.count {
            let result = octets.withUnsafeBytes { buffer in
                pwrite(
                    rawValue,
                    buffer.baseAddress?.advanced(by: written),
                    buffer.count - written,
                    off_t(offset + written)
                )
            }
            if result < 0 {
                guard Errno.current == .interrupted else { throw KernelError("write \(name)", Errno.current) }
            } else {
                written += result
            }
        }
    }

    /// Cuts off what is beyond a length.
    ///
    /// `name`: what is being cut, for the error.
    /// - Throws: ``KernelError``.
    package func truncate(to length: Int, _ name: String) throws(KernelError) {
        guard ftruncate(rawValue, length) == 0 else { throw KernelError("truncate \(name)", Errno.current) }
    }

    /// Moves the position to the start.
    package func rewind() {
        _ = CLinux.lseek(rawValue, 0, SEEK_SET)
    }

    /// Which file this is, and what the file system says of it.
    ///
    /// - Throws: ``KernelError``.
    package func status(_ name: String) throws(KernelError) -> FileStatus {
        var status = stat()
        guard fstat(rawValue, &status) == 0 else { throw KernelError("stat \(name)", Errno.current) }
        return FileStatus(status)
    }

    /// Locks the file exclusively (flock(2)), until it is closed.
    ///
    /// - Parameters:
    ///   - name: what is being locked, for the error.
    ///   - bound: how long to wait for another holder.
    /// - Throws: ``KernelError``, with `EWOULDBLOCK` when somebody else held the lock all the time.
    package func lock(_ name: String, waitingAtMost bound: Duration) throws(KernelError) {
        let milliseconds = UInt32(clamping: bound / .milliseconds(1) < 0 ? 0 : Int64(bound / .milliseconds(1)))
        let result = culvert_lock_exclusively(rawValue, milliseconds)
        guard result == 0 else { throw KernelError("lock \(name)", Errno(rawValue: result)) }
    }
}
