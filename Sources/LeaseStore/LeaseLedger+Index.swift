// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import Linux

// Where the index comes from, and how it is brought into agreement with the directory.
extension LeaseLedger {
    /// The index, complete.
    ///
    /// - Throws: ``KernelError`` when the directory cannot be read.
    mutating func opened() throws(KernelError) -> LeaseIndex {
        while true {
            if let index { return index }
            do throws(IndexError) {
                let index = try complete()
                self.index = index
                return index
            } catch {
                try giveUp(because: error)
            }
        }
    }

    /// Goes on to the next best index.
    ///
    /// - Throws: ``KernelError`` when there is none, or when it would not help.
    mutating func giveUp(because error: IndexError) throws(KernelError) {
        index = nil
        if case .files(let cause) = error { throw cause }
        switch level {
        case .found: level = .new
        case .new: level = .inMemory
        case .inMemory: throw KernelError("index \(path)", .noMemory, explanation: "\(error)")
        }
    }

    private mutating func complete() throws(IndexError) -> LeaseIndex {
        let stamp = try IndexError.onFiles { () throws(KernelError) in try DirectoryStamp(of: files.directory) }
        let found = level == .found ? try place.open() : nil
        if let found {
            let known = try found.meta()
            guard known.path == path else { throw .nonsense("read the path") }
            meta = known
            if known.stamp != stamp { try compare(found) }
            return found
        }
        let made = level == .inMemory ? try LeaseIndex(file: nil, isNew: true) : try place.make()
        try compare(made)
        return made
    }

    /// Believes the directory: one pass over the names, and a look into the files that the index does not know.
    private func compare(_ index: LeaseIndex) throws(IndexError) {
        let names = try IndexError.onFiles { () throws(KernelError) in try files.addresses() }
        let known = try index.sightings()
        var taken: [IPAddress] = []
        var changes = 0
        var position = 0
        for address in names {
            while position < known.count, known[position].address < address {
                try settle(known[position], index, &taken, &changes)
                position += 1
            }
            var sighting: LeaseIndex.Sighting?
            if position < known.count, known[position].address == address {
                sighting = known[position]
                position += 1
            }
            if try look(at: address, sighting, index, &changes) { taken.append(address) }
        }
        while position < known.count {
            try settle(known[position], index, &taken, &changes)
            position += 1
        }
        if changes > 0 { try index.setRuns(AddressSet(taken)) }
    }

    /// What is known and has no file: a lease is gone then.
    private func settle(
        _ sighting: LeaseIndex.Sighting,
        _ index: LeaseIndex,
        _ taken: inout [IPAddress],
        _ changes: inout Int
    ) throws(IndexError) {
        guard sighting.file != nil else { return taken.append(sighting.address) }
        try index.erase(sighting.address)
        changes += 1
    }

    /// Looks into a file, unless it is the one that is known.
    ///
    /// - Returns: whether the address is taken.
    private func look(
        at address: IPAddress,
        _ sighting: LeaseIndex.Sighting?,
        _ index: LeaseIndex,
        _ changes: inout Int
    ) throws(IndexError) -> Bool {
        if let file = sighting?.file {
            let status = try IndexError.onFiles { () throws(KernelError) in
                try files.directory.status("\(address)")
            }
            if let status, LeaseFileMark(status) == file { return true }
        }
        let known = sighting == nil ? nil : try index.lease(of: address)
        let found = try IndexError.onFiles { () throws(KernelError) in try files.record(of: address, known: known) }
        changes += 1
        guard let found else {
            if known?.hasFile == false { return true }
            if known != nil { try index.erase(address) }
            return false
        }
        try index.write(found)
        return true
    }

    /// Tells the index what was done, so that the next one need not compare.
    ///
    /// That it cannot be told is no error: then the directory will not match it.
    package mutating func commit() {
        guard let index, level != .inMemory else { return }
        do throws(KernelError) {
            let stamp = try DirectoryStamp(of: files.directory)
            guard stamp != meta.stamp || index.isChanging else { return }
            if stamp != meta.stamp { meta.stamp = DirectoryStamp.leave(on: files.directory) }
            do throws(IndexError) {
                try index.commit(meta)
            } catch {
                self.index = nil
                place.remove()
            }
        } catch {
            self.index = nil
        }
    }
}
