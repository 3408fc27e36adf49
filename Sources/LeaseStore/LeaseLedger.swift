// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
package import Addressing
package import Linux

/// The leases of one network, locked, with an index that answers without looking at all of them.
///
/// The directory is the record: a lease exists if and only if its file does. The index is believed as long as the
/// directory's stamp is the one we left; otherwise names are compared first. If there can be no index, everything is
/// read from the directory, which is slow but right. Most calls do not even open it: ``LeaseLog``.
///
/// What changed is in the directory at once; ``commit()`` tells the index. Without it the next one who opens the
/// directory compares.
package struct LeaseLedger: ~Copyable {
    let files: LeaseDirectory
    let place: IndexPlace
    var index: LeaseIndex?
    var meta: LeaseIndex.Meta
    /// Which index is used, or tried next.
    var level = IndexLevel.found
    /// What is known without the index, once it was asked for.
    var log: LeaseLog?
    var hasLookedForLog = false
    /// Whether the log is all that is needed so far: it knows the directory, and the index was not opened.
    var isQuick = false
    /// Whether the log's filter knows all containers but those of ``fresh``.
    var isLogOfUse = false
    /// What was entered into the index, and the log does not know.
    var fresh: [LeaseRecord] = []
    var windows: [LeaseLogHeader.Window] = []
    /// What operators keep, once it was asked for.
    var kept: KeptAddresses?
    /// What of it is the caller's to take; see ``claim(_:)``.
    var claimed = AddressSet()

    /// From the best to the worst.
    enum IndexLevel {
        /// The one that is there.
        case found
        /// A new one in its place.
        case new
        /// One that is forgotten afterwards.
        case inMemory
    }

    /// Opens and locks the leases of a network.
    ///
    /// - Parameters:
    ///   - path: `<dataDir>/<network>`.
    ///   - runDirectory: the index is in `ipam` below it.
    ///   - bound: how long to wait for another holder of the lock.
    /// - Throws: ``KernelError``; `ENOENT` without the directory, `EWOULDBLOCK` when the lock was held all the time.
    package init(path: String, runDirectory: String, waitingAtMost bound: Duration) throws(KernelError) {
        self.init(try LeaseDirectory(path: path, waitingAtMost: bound), runDirectory)
    }

    /// As ``init(path:runDirectory:waitingAtMost:)``, making the directory first when it is missing.
    package init(creating path: String, runDirectory: String, waitingAtMost bound: Duration) throws(KernelError) {
        self.init(try LeaseDirectory(creating: path, waitingAtMost: bound), runDirectory)
    }

    /// As ``init(path:runDirectory:waitingAtMost:)``, for somebody who changes no file; ``commit()`` tells only the index.
    package init(reading path: String, runDirectory: String, waitingAtMost bound: Duration) throws(KernelError) {
        self.init(try LeaseDirectory(reading: path, waitingAtMost: bound), runDirectory)
    }

    private init(_ files: consuming LeaseDirectory, _ runDirectory: String) {
        place = IndexPlace(runDirectory: runDirectory, leases: files.path)
        meta = LeaseIndex.Meta(path: files.path, stamp: .none, generation: 0, folded: 0)
        self.files = files
    }

    package var path: String { files.path }

    // MARK: - Asking

    /// The leases of an owner, and those without an interface of the same container.
    ///
    /// - Throws: ``KernelError``.
    package mutating func leases(of owner: LeaseOwner) throws(KernelError) -> [LeaseRecord] {
        if let log = try quickly() {
            guard log.mayHold(owner.containerID) else { return [] }
            // Who is given an address without a look into the index has no other.
            if let leases = log.leases(of: owner.containerID) {
                return leases.filter { $0.hasFile && $0.owner.covers(owner) }
            }
        }
        let found = try use { index throws(IndexError) in try index.leases(ofContainer: owner.containerID) }
        return found.filter { $0.hasFile && $0.owner.covers(owner) }
    }

    /// Who has an address, or why it is not to be given; nil when it is free.
    ///
    /// - Throws: ``KernelError``.
    package mutating func lease(of address: IPAddress) throws(KernelError) -> LeaseRecord? {
        if let lease = try quickly()?.lease(of: address) { return lease }
        return try use { index throws(IndexError) in try index.lease(of: address) }
    }

    /// Hands over everything that is known, in the order of addresses, what is in quarantine or reserved included.
    ///
    /// - Throws: ``KernelError``.
    package mutating func all() throws(KernelError) -> [LeaseRecord] {
        try use { index throws(IndexError) in
            var records: [LeaseRecord] = []
            try index.forEachLease { record throws(IndexError) in records.append(record) }
            return records
        }
    }

    /// The address reserved last from a range set; nil when there is none, or nothing that can be read.
    package func lastReserved(rangeSet number: Int) -> IPAddress? { files.lastReserved(rangeSet: number) }

    // MARK: - Changing

    /// Gives an address to somebody: the file appears whole or not at all.
    ///
    /// `state`: active when nothing is to follow that could fail.
    /// - Returns: false when the address is taken.
    /// - Throws: ``KernelError``; then nothing has changed.
    package mutating func take(
        _ address: IPAddress,
        for claimant: LeaseClaimant,
        as state: LeaseRecord.State = .provisional
    ) throws(KernelError) -> Bool {
        var made = try files.make(address, for: claimant.owner)
        if made == nil, claimed.contains(address), case .lease(let owner, _) = try files.read(address),
            owner.isReservation
        {
            made = try files.replace(address, with: claimant.owner)
        }
        guard let file = made else {
            // Somebody ignores the lock, or something bears the name that is no lease.
            try look(at: address)
            return false
        }
        var lease = try record(address, claimant, file)
        lease.state = state
        try put(lease)
        return true
    }

    private mutating func record(
        _ address: IPAddress,
        _ claimant: LeaseClaimant,
        _ file: LeaseFileMark
    ) throws(KernelError) -> LeaseRecord {
        let now = Machine.wallNanoseconds
        var last = try quickly()?.header.generation
        if last == nil {
            _ = try opened()
            last = meta.generation
        }
        meta.generation = max((last ?? 0) + 1, now)
        return LeaseRecord(
            address: address,
            owner: claimant.owner,
            state: .provisional,
            generation: meta.generation,
            file: file,
            namespacePath: claimant.namespacePath,
            namespaceIdentity: claimant.namespaceIdentity,
            workload: claimant.workload,
            identity: claimant.identity,
            createdNanoseconds: now,
            sinceNanoseconds: Machine.bootNanoseconds
        )
    }

    /// Makes a lease as young as a new one, for an owner that takes it again.
    ///
    /// It is another instance from then on.
    ///
    /// - Throws: ``KernelError``.
    package mutating func renew(_ lease: LeaseRecord, for claimant: LeaseClaimant) throws(KernelError) {
        try files.renew(lease.address)
        guard let status = try files.directory.status("\(lease.address)") else { return try look(at: lease.address) }
        var renewed = try record(lease.address, claimant, LeaseFileMark(status))
        // A file without an interface stays one of the whole container.
        renewed.owner = lease.owner
        try put(renewed)
    }

    /// Frees a lease, unless its address has a later one by now.
    ///
    /// An address that we gave rests from then on: it is given again when it has rested long enough, or nothing else is
    /// left. What others gave is at once free again, as they expect. What an operator keeps is his again.
    ///
    /// - Parameter lease: which one, as it was found.
    /// - Returns: whether it was freed by this.
    /// - Throws: ``KernelError``.
    @discardableResult
    package mutating func release(_ lease: LeaseRecord) throws(KernelError) -> Bool {
        guard try self.lease(of: lease.address)?.instance == lease.instance else { return false }
        // The index may be right about the name and wrong about who bears it: somebody wrote over a file.
        guard case .lease(let owner, _) = try files.read(lease.address), owner == lease.owner else {
            try look(at: lease.address)
            return false
        }
        if try restoreReservation(of: lease.address) { return true }
        try files.release(lease.address)
        try forgetAllocation(of: lease.address)
        guard lease.generation != 0 else {
            try drop(lease.address)
            return true
        }
        var resting = lease
        resting.state = lease.identity.isEmpty ? .quarantined : .remembered
        resting.file = .none
        resting.sinceNanoseconds = Machine.bootNanoseconds
        try put(resting)
        return true
    }

    /// Frees a lease as if it had never been: the address need not rest.
    ///
    /// - Throws: ``KernelError``.
    package mutating func takeBack(_ address: IPAddress) throws(KernelError) {
        if try restoreReservation(of: address) { return }
        try files.release(address)
        try drop(address)
    }

    /// Makes sure that a lease is still what the index says, and notes that somebody relies on it.
    ///
    /// - Returns: false when the address has another lease by now, or none.
    /// - Throws: ``KernelError``.
    package mutating func confirm(_ lease: LeaseRecord) throws(KernelError) -> Bool {
        guard case .lease(let owner, _) = try files.read(lease.address), owner == lease.owner else {
            try look(at: lease.address)
            return false
        }
        guard lease.state != .active else { return true }
        var confirmed = lease
        confirmed.state = .active
        confirmed.sinceNanoseconds = Machine.bootNanoseconds
        try put(confirmed)
        return true
    }

    /// Enters what became known of a lease without a change of its file: its state, or who keeps an address.
    ///
    /// - Throws: ``KernelError``.
    package mutating func note(_ record: LeaseRecord) throws(KernelError) {
        try put(record)
    }

    /// Remembers where the next search in a range set begins.
    ///
    /// - Throws: ``KernelError``.
    package func setLastReserved(_ address: IPAddress, rangeSet number: Int) throws(KernelError) {
        try files.setLastReserved(address, rangeSet: number)
    }

    /// Removes what a writer left that died.
    ///
    /// - Throws: ``KernelError``.
    package func removeLeftovers() throws(KernelError) {
        try files.removeLeftovers()
    }

    /// Looks again who bears the name of an address.
    mutating func look(at address: IPAddress) throws(KernelError) {
        let known = try lease(of: address)
        let boot = Machine.earliestBootNanoseconds
        guard let found = try files.record(of: address, known: known, bootedBy: boot) else {
            if known?.hasFile == true { try drop(address) }
            return
        }
        try put(found)
    }

    // MARK: - The index

    mutating func put(_ record: LeaseRecord) throws(KernelError) {
        if let log = try quickly() { return log.append(record) }
        fresh.append(record)
        windows.take(record.address)
        try use { index throws(IndexError) in try index.put(record) }
    }

    mutating func drop(_ address: IPAddress) throws(KernelError) {
        try use { index throws(IndexError) in try index.drop(address) }
    }

    /// Does something with the index; if that cannot be used, with a new one, which knows what the directory says.
    mutating func use<Value>(
        _ body: (LeaseIndex) throws(IndexError) -> Value
    ) throws(KernelError) -> Value {
        while true {
            let index = try opened()
            do throws(IndexError) {
                return try body(index)
            } catch {
                try giveUp(because: error)
            }
        }
    }
}
