// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
package import Linux

/// The lease directory of one network, locked: nobody else (of us or of the Go host-local) changes it meanwhile.
///
/// One file per address, named as the address, holding its ``LeaseOwner``; `last_reserved_ip.N` says where the next
/// search in range set N begins; `lock` is taken with flock(2). A lease exists if and only if its file does.
package struct LeaseDirectory: ~Copyable {
    /// One address and its owner.
    package struct Lease: Hashable, Sendable {
        package let address: IPAddress
        package let owner: LeaseOwner
        /// When it was written, by ``Machine/wallNanoseconds``.
        package let modifiedNanoseconds: Int64
    }

    let directory: Directory
    private let lock: Descriptor
    /// Whether whoever opened it only looks: then nothing is made or removed.
    let isForReading: Bool

    /// A lease is written here before it gets its name; whoever holds the lock may overwrite or remove it.
    static let temporaryName = ".culvert.new"

    /// Opens and locks the directory of a network.
    ///
    /// - Parameters:
    ///   - path: `<dataDir>/<network>`.
    ///   - bound: how long to wait for another holder of the lock.
    /// - Throws: ``KernelError``; `ENOENT` without the directory, `EWOULDBLOCK` when the lock was held all the time, with its
    ///   holder if the kernel says.
    package init(path: String, waitingAtMost bound: Duration) throws(KernelError) {
        try self.init(locking: try Directory(path: path), waitingAtMost: bound)
    }

    /// As ``init(path:waitingAtMost:)``, making the directory first when it is missing.
    package init(creating path: String, waitingAtMost bound: Duration) throws(KernelError) {
        try self.init(locking: try Directory(creating: path, mode: 0o755), waitingAtMost: bound)
    }

    /// As ``init(path:waitingAtMost:)``, for somebody who changes no file: what a crash left stays, to be seen.
    package init(reading path: String, waitingAtMost bound: Duration) throws(KernelError) {
        try self.init(locking: try Directory(path: path), waitingAtMost: bound, isForReading: true)
    }

    private init(
        locking directory: consuming Directory,
        waitingAtMost bound: Duration,
        isForReading: Bool = false
    ) throws(KernelError) {
        let lock = try LeaseDirectory.openLock(directory, isForReading: isForReading)
        do throws(KernelError) {
            try lock.lock("\(directory.path)/lock", waitingAtMost: bound)
        } catch {
            guard error.errno == .wouldBlock, let holder = FileLock.holder(of: try lock.status(directory.path))
            else { throw error }
            throw KernelError(error.operation, error.errno, explanation: holder)
        }
        self.directory = directory
        self.lock = lock
        self.isForReading = isForReading
    }

    /// Whoever may write into the directory, no file elsewhere is opened instead, and no pipe is waited for.
    private static let plain = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

    /// Where nobody ever locked anything, a reader leaves it so, and locks the directory itself.
    private static func openLock(
        _ directory: borrowing Directory,
        isForReading: Bool
    ) throws(KernelError) -> Descriptor {
        guard isForReading else { return try directory.open("lock", plain | O_CREAT, mode: 0o750) }
        do throws(KernelError) {
            return try directory.open("lock", plain)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return try directory.open(".", O_RDONLY | O_DIRECTORY)
        }
    }

    package var path: String { directory.path }

    /// The addresses that have a file, without the lock and without looking into the files.
    ///
    /// - Throws: ``KernelError``; a missing directory holds none.
    package static func takenAddresses(path: String) throws(KernelError) -> [IPAddress] {
        do throws(KernelError) {
            return try Directory(path: path).names().compactMap { IPAddress($0) }
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return []
        }
    }

    /// All leases, in no order; foreign files are passed over.
    ///
    /// A file that names nobody is what a writer left that died, since every writer holds the lock: it is removed.
    ///
    /// - Throws: ``KernelError``.
    /// - Complexity: one open per lease.
    package func leases() throws(KernelError) -> [Lease] {
        var leases: [Lease] = []
        for name in try directory.names() {
            guard let address = IPAddress(name) else { continue }
            switch try read(address) {
            case .lease(let owner, let mark):
                leases.append(
                    Lease(address: address, owner: owner, modifiedNanoseconds: mark.modifiedNanoseconds)
                )
            case .debris:
                try directory.remove(name)
            case .foreign, .missing: continue
            }
        }
        return leases
    }

    /// What bears the name of an address.
    enum Content: Hashable {
        case lease(LeaseOwner, LeaseFileMark)
        /// A file that names nobody.
        case debris
        /// A link, a folder, or a file that is no lease by its size.
        case foreign
        case missing
    }

    /// Looks what bears the name of an address.
    ///
    /// - Throws: ``KernelError``.
    func read(_ address: IPAddress) throws(KernelError) -> Content { try read(name: "\(address)") }

    /// As ``read(_:)``, of a name that may be spelled otherwise.
    func read(name: String) throws(KernelError) -> Content {
        do throws(KernelError) {
            let file = try directory.open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            let status = try file.status("\(path)/\(name)")
            guard status.isRegularFile else { return .foreign }
            let content = try file.readSmallFile("\(path)/\(name)")
            return LeaseOwner(content: content).map { .lease($0, LeaseFileMark(status)) } ?? .debris
        } catch {
            switch error.errno {
            // Somebody ignores the lock.
            case .noSuchFileOrDirectory: return .missing
            case .tooManySymbolicLinkLevels, .fileTooLarge, .isDirectory: return .foreign
            default: throw error
            }
        }
    }

    /// The addresses that bear a file, or whatever else, in order.
    ///
    /// - Throws: ``KernelError``.
    func addresses() throws(KernelError) -> [IPAddress] {
        var addresses = try directory.names().compactMap { IPAddress($0) }
        addresses.sort()
        return addresses
    }

    /// What is to be entered of an address by its file; nil when there is none, also because it was debris.
    ///
    /// `known`: what was known of it before, which stays true of the same file.
    /// `boot`: ``Machine/earliestBootNanoseconds``.
    /// - Throws: ``KernelError``.
    func record(
        of address: IPAddress,
        known: LeaseRecord?,
        bootedBy boot: Int64
    ) throws(KernelError) -> LeaseRecord? {
        switch try read(address) {
        case .missing: return nil
        case .debris:
            // Who only looks leaves it: until somebody removes it, the address cannot be given.
            if isForReading { return LeaseRecord(foreign: address) }
            try directory.remove("\(address)")
            return nil
        case .foreign: return LeaseRecord(foreign: address)
        case .lease(let owner, let file):
            return LeaseRecord(of: address, owner, file, known: known, bootedBy: boot)
        }
    }

    /// Gives an address to an owner: the file appears whole or not at all.
    ///
    /// - Returns: false when the address is taken.
    /// - Throws: ``KernelError``; then nothing has changed.
    package func take(_ address: IPAddress, for owner: LeaseOwner) throws(KernelError) -> Bool {
        try make(address, for: owner) != nil
    }

    /// As ``take(_:for:)``.
    ///
    /// - Returns: what tells the new file from others of its name; nil when the address is taken.
    /// - Throws: ``KernelError``; then nothing has changed.
    func make(_ address: IPAddress, for owner: LeaseOwner) throws(KernelError) -> LeaseFileMark? {
        let file = try openTemporary()
        var isTaken = true
        do throws(KernelError) {
            let mark = try write(owner, into: file)
            isTaken = try !directory.link(LeaseDirectory.temporaryName, as: "\(address)")
            try directory.remove(LeaseDirectory.temporaryName)
            return isTaken ? nil : mark
        } catch {
            if !isTaken { try directory.remove("\(address)") }
            try removeLeftovers()
            throw error
        }
    }

    /// Gives an address that somebody has to somebody else: at no moment is it nobody's.
    ///
    /// - Throws: ``KernelError``; then nothing has changed.
    func replace(_ address: IPAddress, with owner: LeaseOwner) throws(KernelError) -> LeaseFileMark {
        let file = try openTemporary()
        do throws(KernelError) {
            let mark = try write(owner, into: file)
            try directory.rename(LeaseDirectory.temporaryName, to: "\(address)")
            return mark
        } catch {
            try removeLeftovers()
            throw error
        }
    }

    private func write(_ owner: LeaseOwner, into file: borrowing Descriptor) throws(KernelError) -> LeaseFileMark {
        try file.writeAll(owner.content, "\(path)/\(LeaseDirectory.temporaryName)")
        return LeaseFileMark(try file.status("\(path)/\(LeaseDirectory.temporaryName)"))
    }

    private func openTemporary() throws(KernelError) -> Descriptor {
        let flags = O_WRONLY | O_CREAT | O_EXCL
        do throws(KernelError) {
            return try directory.open(LeaseDirectory.temporaryName, flags, mode: 0o600)
        } catch {
            guard error.errno == .fileExists else { throw error }
            // Its writer died, maybe after the link: then both names are one file, which must not be written to.
            try removeLeftovers()
            return try directory.open(LeaseDirectory.temporaryName, flags, mode: 0o600)
        }
    }

    /// Makes a lease as young as a new one, for an owner that takes it again.
    ///
    /// - Throws: ``KernelError``.
    package func renew(_ address: IPAddress) throws(KernelError) {
        try directory.touch("\(address)")
    }

    /// Frees an address; that it is free already is no error.
    ///
    /// - Throws: ``KernelError``.
    package func release(_ address: IPAddress) throws(KernelError) {
        try directory.remove("\(address)")
    }

    /// Removes what a writer left that died; harmless when there is nothing.
    ///
    /// - Throws: ``KernelError``.
    package func removeLeftovers() throws(KernelError) {
        try directory.remove(LeaseDirectory.temporaryName)
    }

    /// The address reserved last from a range set; nil when there is none, or nothing that can be read.
    package func lastReserved(rangeSet index: Int) -> IPAddress? {
        do throws(KernelError) {
            let file = try directory.open("last_reserved_ip.\(index)", LeaseDirectory.plain)
            let content = try file.readSmallFile("last_reserved_ip.\(index)", limit: 64)
            let text = String(decoding: content.filter { $0 > UInt8(ascii: " ") }, as: UTF8.self)
            return IPAddress(text)
        } catch {
            // Only a hint where to look first.
            return nil
        }
    }

    /// Remembers where the next search in a range set begins.
    ///
    /// Written in place: cut off, it reads as no hint at all, or as one that is worth a little less.
    ///
    /// - Throws: ``KernelError``.
    package func setLastReserved(_ address: IPAddress, rangeSet index: Int) throws(KernelError) {
        let name = "last_reserved_ip.\(index)"
        let file = try directory.open(name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
        let text = Array("\(address)".utf8)
        try file.writeAll(text, "\(path)/\(name)")
        // Afterwards: a file that is emptied first gives its memory back, only to get it again.
        try file.truncate(to: text.count, "\(path)/\(name)")
    }
}
