// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// The change of all names in one moment. Everything here may be cut off between any two calls, and begun anew.
extension PluginDirectory {
    /// Through which name a program is found during a change.
    private static func passage(_ name: String) -> String { ".culvert/current/\(name)" }

    private var current: String { "\(store)/current" }

    /// Collects what names stand for now, what they stood for before anything was installed, and what they shall be.
    ///
    /// In the directory of the set: `old` and `before`, which are what was there, and `from` and `to`, which work where
    /// they lie. `new` has been there before.
    func prepare(_ change: InstallationRecord.Change, keepingOriginals: Bool) throws(KernelError) {
        let set = directory(change.number)
        for part in ["before", "from", "to"] { try Files.removeTree("\(set)/\(part)") }
        for part in ["old", "before", "from", "to"] { try Files.makeDirectory("\(set)/\(part)") }
        for name in change.names {
            if !keepingOriginals { try keepOriginal(of: name, in: set) }
            try keep(name, in: set)
            let new = keepingOriginals ? nil : try NamedFile.at("\(set)/new/\(name)")
            try standIn(for: "\(set)/\(new == nil ? "old" : "new")/\(name)", at: "\(set)/to/\(name)")
        }
        for part in ["new", "old", "before", "from", "to"] { try Files.synchronize(directory: "\(set)/\(part)") }
        try Files.synchronize(directory: set)
        try Files.synchronize(directory: store)
    }

    /// What a name stood for before we came: what it is now, unless that is ours.
    private func keepOriginal(of name: String, in set: String) throws(KernelError) {
        var original = "\(path)/\(name)"
        if let installed = record.installed, try isOurs(name) {
            original = "\(directory(installed.number))/old/\(name)"
        }
        guard try NamedFile.at(original) != nil else { return }
        try Files.link(original, as: "\(set)/old/\(name)")
    }

    /// Keeps what a name stands for now.
    private func keep(_ name: String, in set: String) throws(KernelError) {
        guard try NamedFile.at("\(path)/\(name)") != nil else { return }
        try Files.link("\(path)/\(name)", as: "\(set)/before/\(name)")
        try standIn(for: "\(set)/before/\(name)", at: "\(set)/from/\(name)")
    }

    /// Gives what a file is a place to work at; nothing where there is no such file.
    ///
    /// A relative symbolic link counts from the directory of plugins, three levels up from there.
    private func standIn(for file: String, at place: String) throws(KernelError) {
        guard try NamedFile.at(file) != nil else { return }
        guard let target = try Files.target(of: file) else { return try Files.link(file, as: place) }
        try Files.linkSymbolically(place, to: target.hasPrefix("/") ? target : "../../../\(target)")
    }

    /// Changes all names from what they are to what is prepared.
    mutating func carryOut() throws(KernelError) {
        guard let change = record.change else { return }
        let set = PluginDirectory.name(change.number)
        try Files.remove(current)
        try write(record)
        isBegun = true
        try lead(to: "\(set)/from")
        for name in change.names { try pass(name, in: directory(change.number)) }
        // All of them before any of the next: when the power fails as well.
        try Files.synchronize(directory: path)
        try lead(to: "\(set)/to")
        try Files.synchronize(directory: store)
        try settle(isForward: true)
    }

    /// Makes `current` lead elsewhere.
    private func lead(to target: String) throws(KernelError) {
        let temporary = "\(store)/current.new"
        try Files.remove(temporary)
        try Files.linkSymbolically(temporary, to: target)
        try Files.rename(temporary, to: current)
    }

    /// Makes a name lead through `current`.
    private func pass(_ name: String, in set: String) throws(KernelError) {
        let here = try NamedFile.at("\(path)/\(name)")
        if here?.identity != (try NamedFile.at("\(set)/before/\(name)"))?.identity {
            // Somebody else has put another one here meanwhile: that is what was before, then.
            for part in ["before", "from"] { try Files.remove("\(set)/\(part)/\(name)") }
            try keep(name, in: set)
        }
        let temporary = "\(store)/name.new"
        try Files.remove(temporary)
        try Files.linkSymbolically(temporary, to: PluginDirectory.passage(name))
        try Files.rename(temporary, to: "\(path)/\(name)")
    }

    /// Brings what was begun to its end, the one or the other, and tidies up.
    mutating func comeToRest() throws(KernelError) {
        guard let change = record.change else { return tidyUp() }
        try settle(isForward: try Files.target(of: current) == "\(PluginDirectory.name(change.number))/to")
    }

    /// Makes ordinary files of names that lead through `current`: to `to`, or else back to what was before.
    private mutating func settle(isForward: Bool) throws(KernelError) {
        guard let change = record.change else { return }
        let set = directory(change.number)
        for name in change.names {
            let isNew = isForward && record.wanted?.programs[name] != nil
            try finish(name, with: "\(set)/\(isNew ? "new" : isForward ? "old" : "before")/\(name)")
        }
        try Files.synchronize(directory: path)
        var next = record
        if isForward { next.installed = next.wanted }
        (next.wanted, next.change) = (nil, nil)
        if next.installed == nil && next.configuration == nil {
            try Files.remove("\(store)/record")
            try Files.synchronize(directory: store)
        } else {
            try write(next)
        }
        // Only now: as long as the disk says that something is going on, so do we.
        record = next
        isBegun = false
        tidyUp()
    }

    /// Gives a name to a file; what leads nowhere any more is removed, and what somebody else put there stays.
    private func finish(_ name: String, with file: String) throws(KernelError) {
        let place = "\(path)/\(name)"
        let isThere = try NamedFile.at(file) != nil
        if try NamedFile.at(place) != nil {
            guard try Files.target(of: place) == PluginDirectory.passage(name) else { return }
            guard isThere else { return try Files.remove(place) }
        }
        guard isThere else { return }
        let temporary = "\(store)/name.new"
        try Files.remove(temporary)
        try Files.link(file, as: temporary)
        try Files.rename(temporary, to: place)
    }

    /// Removes what nobody needs any more; that it cannot be does no harm.
    mutating func tidyUp() {
        leftovers = []
        do throws(KernelError) {
            guard try NamedFile.at(store) != nil else { return }
            guard record.installed != nil || record.configuration != nil else { return try Files.removeTree(store) }
            for name in try Directory(path: store).names() where name != "record" {
                guard let number = record.installed?.number, name == PluginDirectory.name(number) else {
                    try Files.removeTree("\(store)/\(name)")
                    continue
                }
                for part in ["before", "from", "to"] { try Files.removeTree("\(directory(number))/\(part)") }
            }
        } catch {
            leftovers.append("cannot tidy up: \(error)")
        }
    }
}
