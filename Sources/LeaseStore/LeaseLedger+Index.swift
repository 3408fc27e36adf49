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

    /// The log, as long as nothing else is needed; nil otherwise.
    ///
    /// - Throws: ``KernelError``.
    mutating func quickly() throws(KernelError) -> LeaseLog? {
        if !hasLookedForLog {
            hasLookedForLog = true
            log = LeaseLog(path: place.log)
            if let log { isQuick = log.header.stamp == (try DirectoryStamp(of: files.directory)) }
        }
        return isQuick ? log : nil
    }

    private mutating func complete() throws(IndexError) -> LeaseIndex {
        _ = try IndexError.onFiles { () throws(KernelError) in try quickly() }
        let wasQuick = isQuick
        isQuick = false
        fresh += log?.handOver() ?? []
        if level == .found, let found = try place.open() {
            meta = try found.meta()
            guard meta.path == path else { throw .nonsense("read the path") }
            isLogOfUse = try takeOver(found) && wasQuick
            if !isLogOfUse {
                let stamp = try IndexError.onFiles { () throws(KernelError) in try DirectoryStamp(of: files.directory) }
                if meta.stamp != stamp { try compare(found) }
            }
            windows = isLogOfUse ? log?.header.windows ?? [] : []
            return found
        }
        let made = level == .inMemory ? try LeaseIndex(file: nil, isNew: true) : try place.make()
        (isLogOfUse, windows) = (false, [])
        try compare(made)
        try restore(made)
        return made
    }

    /// Enters what the log says since the index was told last.
    ///
    /// - Returns: false when the log and the index have nothing to do with each other.
    mutating func takeOver(_ index: LeaseIndex) throws(IndexError) -> Bool {
        guard let log, let lines = log.lines() else { return false }
        let known = meta.folded - log.header.base
        guard known >= 0, known <= Int64(lines.count) else { return false }
        for line in lines.dropFirst(Int(known)) + fresh { try index.put(line) }
        meta.folded = log.header.base + Int64(lines.count)
        meta.generation = max(meta.generation, log.header.generation)
        return true
    }

    /// Enters what the log still knows of leases of which a new index knows no more than the file.
    private mutating func restore(_ index: LeaseIndex) throws(IndexError) {
        guard let log, let lines = log.lines() else { return }
        for line in lines + fresh where line.hasFile {
            if try index.lease(of: line.address)?.file == line.file { try index.write(line) }
        }
        meta.folded = log.header.base + Int64(lines.count)
        meta.generation = max(meta.generation, log.header.generation)
    }

    /// Believes the directory: one pass over the names, and a look into the files that the index does not know.
    private func compare(_ index: LeaseIndex) throws(IndexError) {
        let names = try IndexError.onFiles { () throws(KernelError) in try files.addresses() }
        let known = try index.sightings()
        let boot = Machine.earliestBootNanoseconds
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
            if try look(at: address, sighting, index, boot, &changes) { taken.append(address) }
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
        _ boot: Int64,
        _ changes: inout Int
    ) throws(IndexError) -> Bool {
        if let file = sighting?.file {
            let status = try IndexError.onFiles { () throws(KernelError) in
                try files.directory.status("\(address)")
            }
            if let status, LeaseFileMark(status) == file { return true }
        }
        let known = sighting == nil ? nil : try index.lease(of: address)
        let found = try IndexError.onFiles { () throws(KernelError) in
            try files.record(of: address, known: known, bootedBy: boot)
        }
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
        do throws(KernelError) {
            if isQuick, let log {
                guard try !commit(log) else { return }
                _ = try opened()
            }
            guard let index, level != .inMemory else { return }
            let stamp = try DirectoryStamp(of: files.directory)
            let isKnown = stamp == (isLogOfUse ? log?.header.stamp : nil)
            guard !isKnown || index.isChanging else { return }
            // A reader leaves debris, which is not known as such: whoever comes to change something looks again.
            if files.isForReading, hasDebris(index) { return }
            // Also when no name has changed: who dies before the log is told leaves it out of date.
            meta.stamp = DirectoryStamp.leave(
                on: files.directory,
                after: stamp,
                unlike: [meta.stamp, log?.header.stamp ?? .none]
            )
            do throws(IndexError) {
                try index.commit(meta)
                try renewLog(index)
            } catch {
                self.index = nil
                place.remove()
            }
        } catch {
            // The next one finds another stamp.
            index = nil
        }
    }

    /// Whether something bears the name of an address and names nobody.
    private func hasDebris(_ index: LeaseIndex) -> Bool {
        do throws(IndexError) {
            return try !index.leases(ofContainer: "").isEmpty
        } catch {
            return true
        }
    }

    /// Adds lines, unless there are too many.
    private func commit(_ log: LeaseLog) throws(KernelError) -> Bool {
        if log.isFull { return false }
        let stamp = try DirectoryStamp(of: files.directory)
        let last = log.header.stamp
        if stamp == last && log.pending.isEmpty { return true }
        try log.write(
            stamp == last ? stamp : DirectoryStamp.leave(on: files.directory, after: stamp, unlike: [last])
        )
        return true
    }

    private mutating func renewLog(_ index: LeaseIndex) throws(IndexError) {
        if isLogOfUse, let log, log.empty(meta, windows, fresh) {
            fresh = []
            return
        }
        place.makeLog(meta, windows, try index.containers())
        log = LeaseLog(path: place.log)
        isLogOfUse = log != nil
        fresh = []
    }
}
