// SPDX-License-Identifier: Apache-2.0
package import AddressPools
package import Addressing
internal import CLinux
package import Linux

// What operators keep while the network is in use.
//
// Twice written down: in `.culvert.kept`, which says for whom, and as a lease file of nobody, which also those respect
// who know nothing of this. The file of names counts: as long as it has a line, our ADD gives the address to nobody
// else, whether the lease file is there or not.
extension LeaseLedger {
    static let keptName = ".culvert.kept"
    /// The longest file that is read.
    private static let keptLimit = 4 << 20

    /// What operators keep of this network.
    ///
    /// - Throws: ``KernelError`` when that cannot be read: who does not know it may not give any address.
    package mutating func keptAddresses() throws(KernelError) -> KeptAddresses {
        if let kept { return kept }
        let found: KeptAddresses
        do throws(KernelError) {
            let file = try files.directory.open(LeaseLedger.keptName, O_RDONLY | O_NOFOLLOW)
            let content = try file.readAll("\(path)/\(LeaseLedger.keptName)", limit: LeaseLedger.keptLimit)
            found = KeptAddresses(content: content)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            found = KeptAddresses()
        }
        kept = found
        return found
    }

    /// Says which of the reserved addresses are the caller's own: those it may choose and take.
    package mutating func claim(_ addresses: AddressSet) { claimed = addresses }

    /// Leases that are in the way of a reservation: those of containers that it is not for.
    ///
    /// - Throws: ``KernelError``.
    /// - Complexity: a question for each address.
    package mutating func obstacles(
        to reservation: KeptAddresses.Entry,
        limit: Int
    ) throws(KernelError) -> [LeaseRecord] {
        var obstacles: [LeaseRecord] = []
        var next: IPAddress? = reservation.run.first
        while let address = next, address <= reservation.run.last, obstacles.count < limit {
            if let lease = try lease(of: address), lease.hasFile, !lease.owner.isReservation,
                !lease.isKnown(as: reservation.key)
            {
                obstacles.append(lease)
            }
            next = address.advanced(by: 1)
        }
        return obstacles
    }

    /// Keeps addresses: first the line, then a file for each that has none.
    ///
    /// - Throws: ``KernelError``; then what was kept before is, and no more.
    package mutating func keep(_ entries: [KeptAddresses.Entry]) throws(KernelError) {
        guard !entries.isEmpty else { return }
        let before = try keptAddresses()
        var after = before
        for entry in entries { after.add(entry) }
        if after != before { try write(after) }
        var made: [IPAddress] = []
        do throws(KernelError) {
            for entry in entries where entry.purpose == .reserved {
                try forEach(entry.run) { ledger, address throws(KernelError) in
                    if try ledger.makeReservation(of: address, for: entry.key) { made.append(address) }
                }
            }
        } catch {
            for address in made {
                try files.release(address)
                try drop(address)
            }
            try write(before)
            throw error
        }
    }

    /// Frees leases as if they had never been, as far as that is possible: what stays is said on standard error.
    package mutating func takeBack(all addresses: [IPAddress]) {
        for address in addresses {
            do throws(KernelError) {
                try takeBack(address)
            } catch {
                Machine.log("left behind: \(path)/\(address) (\(error))")
            }
        }
    }

    /// Says no more that an address was given by hand; its lease stays as it is.
    ///
    /// - Throws: ``KernelError``.
    package mutating func forgetAllocations(_ addresses: [IPAddress]) throws(KernelError) {
        var after = try keptAddresses()
        let before = after
        for address in addresses { after.remove(AddressRun(address), .allocated) }
        if after != before { try write(after) }
    }

    /// Ends reservations: first the lines, then the files.
    ///
    /// - Returns: how many addresses are free again, or not to be reserved when their containers go.
    /// - Throws: ``KernelError``; then some files may be left, which the same call removes.
    package mutating func endReservations(_ run: AddressRun) throws(KernelError) -> Int {
        var after = try keptAddresses()
        var ended = AddressSet(after.remove(run, .reserved))
        if !ended.isEmpty { try write(after) }
        // Also those without a line, of a call that was cut off.
        for orphan in try reservationFiles() where run.contains(orphan.address) {
            try files.release(orphan.address)
            try drop(orphan.address)
            ended.insert(orphan.address)
        }
        return ended.runs.reduce(0) { $0 + Int(clamping: $1.count) }
    }

    /// Completes what a call that was cut off left half done, or others undid: reservations of which only the line is
    /// there get their file, and files without a line get one.
    ///
    /// - Returns: the addresses.
    /// - Throws: ``KernelError``.
    package mutating func completeReservations() throws(KernelError) -> [IPAddress] {
        let before = try keptAddresses()
        var after = before
        var completed: [IPAddress] = []
        let reserved = before.reserved
        for record in try reservationFiles() where !reserved.contains(record.address) {
            after.add(KeptAddresses.Entry(AddressRun(record.address), .reserved, key: record.owner.interfaceName))
            completed.append(record.address)
        }
        for entry in before.entries where entry.purpose == .allocated {
            // Its lease was ended by somebody who does not know of this file.
            let lease = try lease(of: entry.run.first)
            if lease.map({ $0.hasFile && before.isAllocated($0) }) != true { after.remove(entry.run, .allocated) }
        }
        if after != before { try write(after) }
        for entry in before.entries where entry.purpose == .reserved {
            try forEach(entry.run) { ledger, address throws(KernelError) in
                if try ledger.makeReservation(of: address, for: entry.key) { completed.append(address) }
            }
        }
        return completed
    }

    /// Gives an address that is given back to whom it is kept for.
    ///
    /// - Returns: false when it is kept for nobody.
    mutating func restoreReservation(of address: IPAddress) throws(KernelError) -> Bool {
        guard let entry = try keptAddresses().entry(of: address), entry.purpose == .reserved else { return false }
        let owner = LeaseOwner.reservation(for: entry.key)
        let file = try files.replace(address, with: owner)
        try put(LeaseRecord(adopting: address, of: owner, file, bootedBy: .min))
        return true
    }

    /// Forgets that an address was given by hand, when it is given back.
    mutating func forgetAllocation(of address: IPAddress) throws(KernelError) {
        if try keptAddresses().entry(of: address)?.purpose == .allocated { try forgetAllocations([address]) }
    }

    /// Everything that has the file of a reservation.
    private mutating func reservationFiles() throws(KernelError) -> [LeaseRecord] {
        let mark = LeaseOwner.reservation(for: "").containerID
        let found = try use { index throws(IndexError) in try index.leases(ofContainer: mark) }
        return found.filter { $0.hasFile }.sorted { $0.address < $1.address }
    }

    /// - Returns: false when the address has a file already.
    private mutating func makeReservation(of address: IPAddress, for key: String) throws(KernelError) -> Bool {
        let owner = LeaseOwner.reservation(for: key)
        if let lease = try lease(of: address), lease.hasFile {
            guard lease.owner.isReservation, lease.owner != owner else { return false }
            let file = try files.replace(address, with: owner)
            try put(LeaseRecord(adopting: address, of: owner, file, bootedBy: .min))
            return false
        }
        guard let file = try files.make(address, for: owner) else {
            try look(at: address)
            return false
        }
        try put(LeaseRecord(adopting: address, of: owner, file, bootedBy: .min))
        return true
    }

    private mutating func forEach(
        _ run: AddressRun,
        _ body: (inout LeaseLedger, IPAddress) throws(KernelError) -> Void
    ) throws(KernelError) {
        var next: IPAddress? = run.first
        while let address = next, address <= run.last {
            try body(&self, address)
            next = address.advanced(by: 1)
        }
    }

    /// Removes all that a writer left that died, also of ``KeptAddresses``.
    ///
    /// - Throws: ``KernelError``.
    package func removeAllLeftovers() throws(KernelError) {
        try files.removeLeftovers()
        try files.directory.remove(LeaseLedger.keptName + ".new")
    }

    /// Replaces the file as a whole; on disk before anybody relies on it.
    private mutating func write(_ after: KeptAddresses) throws(KernelError) {
        let (name, temporary) = (LeaseLedger.keptName, LeaseLedger.keptName + ".new")
        if after.isEmpty {
            try files.directory.remove(name)
        } else {
            do throws(KernelError) {
                let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW
                let file = try files.directory.open(temporary, flags, mode: 0o600)
                try file.writeAll(after.content, "\(path)/\(temporary)")
                try file.synchronize("\(path)/\(temporary)")
                try files.directory.rename(temporary, to: name)
            } catch {
                try files.directory.remove(temporary)
                throw error
            }
        }
        kept = after
    }
}

extension LeaseRecord {
    /// Whether a key names this lease's container: by its pod, its name, its id, or as whom its address is remembered.
    package func isKnown(as key: String) -> Bool {
        guard !key.isEmpty else { return false }
        if !workload.namespace.isEmpty, key == "\(workload.namespace)/\(workload.name)" { return true }
        return key == owner.containerID || key == identity || (workload.namespace.isEmpty && key == workload.name)
    }
}
