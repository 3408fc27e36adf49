// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Linux

/// Everything in a lease directory, and what the index says of it, read under the lock; nothing is changed by it.
///
/// For who wants to know what is wrong: whoever uses a ``LeaseLedger`` repairs first what he finds.
package struct LeaseSurvey: Sendable {
    /// A name that is an address.
    package struct Place: Hashable, Sendable {
        package enum Content: Hashable, Sendable {
            case lease(LeaseRecord)
            /// A file that names nobody: empty, or filled with nothing.
            case debris
            /// A folder, a link, or a file that is no lease by its size.
            case foreign
        }

        /// How the name is spelled, which need not be how the address is written.
        package let name: String
        package let address: IPAddress
        package let content: Content

        /// The lease that is there; also that of an operator.
        package var lease: LeaseRecord? {
            guard case .lease(let record) = content else { return nil }
            return record
        }

        /// Whether the name is how everybody writes the address: others are not found again.
        package var isSpelledRight: Bool { name == "\(address)" }
    }

    /// What a file `last_reserved_ip.N` says.
    package struct Hint: Hashable, Sendable {
        package let rangeSet: Int
        /// Nil when it is no address.
        package let address: IPAddress?
    }

    package let path: String
    /// In the order of their addresses.
    package private(set) var places: [Place] = []
    /// Files that a writer left that died.
    package private(set) var leftovers: [String] = []
    package private(set) var hints: [Hint] = []
    package private(set) var kept = KeptAddresses()
    /// Addresses of which an index that is believed says something else than the directory.
    package private(set) var misindexed: [IPAddress] = []

    /// - Parameters:
    ///   - path: `<dataDir>/<network>`.
    ///   - runDirectory: the index is in `ipam` below it.
    ///   - bound: how long to wait for another holder of the lock.
    ///   - progress: told now and then how many names have been looked at, and how many there are.
    /// - Throws: ``KernelError``; `ENOENT` without the directory.
    package init(
        path: String,
        runDirectory: String,
        waitingAtMost bound: Duration,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws(KernelError) {
        self.path = path
        var ledger = try LeaseLedger(reading: path, runDirectory: runDirectory, waitingAtMost: bound)
        let (known, isBelieved) = ledger.known()
        kept = try ledger.keptAddresses()
        var named: [(address: IPAddress, name: String)] = []
        for name in try ledger.files.directory.names() {
            if let address = IPAddress(name) { named.append((address, name)) } else { try sort(name, ledger.files) }
        }
        named.sort { ($0.address, $0.name) < ($1.address, $1.name) }
        leftovers.sort()
        hints.sort { $0.rangeSet < $1.rangeSet }
        try look(named, known, isBelieved, ledger.files, progress)
    }

    private mutating func sort(_ name: String, _ files: borrowing LeaseDirectory) throws(KernelError) {
        let prefix = "last_reserved_ip."
        if name == LeaseDirectory.temporaryName || name == "\(LeaseLedger.keptName).new" {
            leftovers.append(name)
        } else if name.hasPrefix(prefix), let rangeSet = Int(name.dropFirst(prefix.count)) {
            // Of one that is empty, its writer died; that is as good as none.
            guard try files.directory.status(name)?.size != 0 else { return }
            hints.append(Hint(rangeSet: rangeSet, address: files.lastReserved(rangeSet: rangeSet)))
        }
    }

    /// Both lists are in the order of addresses.
    private mutating func look(
        _ named: [(address: IPAddress, name: String)],
        _ known: [LeaseRecord],
        _ isBelieved: Bool,
        _ files: borrowing LeaseDirectory,
        _ progress: (Int, Int) -> Void
    ) throws(KernelError) {
        let boot = Machine.earliestBootNanoseconds
        var position = 0
        for (count, (address, name)) in named.enumerated() {
            if count % 1000 == 0 { progress(count, named.count) }
            while position < known.count, known[position].address < address {
                if isBelieved { misindexed.append(known[position].address) }
                position += 1
            }
            var indexed: LeaseRecord?
            if position < known.count, known[position].address == address, name == "\(address)" {
                indexed = known[position]
                position += 1
            }
            let content: Place.Content
            switch try files.read(name: name) {
            case .missing: continue
            case .debris: content = .debris
            case .foreign: content = .foreign
            case .lease(let owner, let file):
                content = .lease(LeaseRecord(of: address, owner, file, known: indexed, bootedBy: boot))
            }
            places.append(Place(name: name, address: address, content: content))
            if isBelieved, name == "\(address)", !LeaseSurvey.agree(indexed, content) { misindexed.append(address) }
        }
        guard isBelieved else { return }
        for record in known.dropFirst(position) { misindexed.append(record.address) }
    }

    private static func agree(_ indexed: LeaseRecord?, _ content: Place.Content) -> Bool {
        guard let indexed else { return false }
        return switch content {
        case .lease(let record): record.owner == indexed.owner && record.file == indexed.file
        case .foreign: indexed.owner.containerID.isEmpty
        case .debris: false
        }
    }
}

extension LeaseLedger {
    /// What the index says of files, in the order of addresses, as it is; and whether it is believed.
    ///
    /// The ledger is not to be used for anything else afterwards.
    fileprivate mutating func known() -> (records: [LeaseRecord], isBelieved: Bool) {
        do throws(IndexError) {
            let wasQuick = try IndexError.onFiles { () throws(KernelError) in try quickly() } != nil
            isQuick = false
            guard let index = try place.open() else { return ([], false) }
            meta = try index.meta()
            guard meta.path == path else { return ([], false) }
            let isOfUse = try takeOver(index) && wasQuick
            let stamp = try IndexError.onFiles { () throws(KernelError) in try DirectoryStamp(of: files.directory) }
            var records: [LeaseRecord] = []
            try index.forEachLease { record throws(IndexError) in if record.hasFile { records.append(record) } }
            return (records, isOfUse || meta.stamp == stamp)
        } catch {
            // Whoever uses it makes another one.
            return ([], false)
        }
    }

    /// Looks again who bears the names of addresses, whatever the index says; files that name nobody are removed.
    ///
    /// - Throws: ``KernelError``.
    package mutating func review(_ addresses: [IPAddress]) throws(KernelError) {
        for address in addresses { try look(at: address) }
    }

    /// Removes what says where the next search in a range set begins.
    ///
    /// - Throws: ``KernelError``.
    package mutating func forgetLastReserved(rangeSet number: Int) throws(KernelError) {
        try files.directory.remove("last_reserved_ip.\(number)")
    }
}
