// SPDX-License-Identifier: Apache-2.0
package import Linux

/// What operators ask for.
extension PluginDirectory {
    /// Puts programs under their names, all in one moment.
    ///
    /// What bore a name before is kept, to be given back. Programs of an earlier installation that are not among these
    /// give their names back at once. What bears other names is left alone.
    /// - Parameters:
    ///   - source: the programs.
    ///   - release: whose they are, to be remembered.
    /// - Returns: whether anything had to be changed.
    /// - Throws: ``InstallationFailure``; then all names are what they were, unless it says otherwise.
    package mutating func install(_ source: ProgramSource, release: String) throws(InstallationFailure) -> Bool {
        var taken: [String] = []
        do throws(KernelError) {
            let digests = try source.digests()
            if try isInstalled(digests, release: release) { return false }
            taken = try unsuitable(digests.keys.sorted())
            if taken.isEmpty { try install(source, digests, release) }
        } catch {
            try takeBack(error, doing: "install into \(path)")
        }
        guard taken.isEmpty else {
            throw InstallationFailure(
                "\(taken.map { "\(path)/\($0)" }.joined(separator: ", ")): not a file",
                advice: "a plugin shall bear this name: move what is there elsewhere"
            )
        }
        return true
    }

    private mutating func install(
        _ source: ProgramSource,
        _ digests: [String: String],
        _ release: String
    ) throws(KernelError) {
        let number = (record.installed?.number ?? 0) + 1
        try Files.makeDirectory(store)
        try Files.removeTree(directory(number))
        try Files.makeDirectory(directory(number))
        try Files.makeDirectory("\(directory(number))/new")
        try source.copy(into: "\(directory(number))/new")
        var names = Swift.Set(digests.keys)
        for name in record.installed?.programs.keys.sorted() ?? [] where try isOurs(name) { names.insert(name) }
        let change = InstallationRecord.Change(number: number, names: names.sorted())
        try prepare(change, keepingOriginals: false)
        record.wanted = InstallationRecord.Set(number: number, release: release, programs: digests)
        record.change = change
        try carryOut()
    }

    /// Whether this very set is there, whole.
    private func isInstalled(_ digests: [String: String], release: String) throws(KernelError) -> Bool {
        guard let installed = record.installed, installed.release == release, installed.programs == digests
        else { return false }
        return try conditions().values.allSatisfy { $0 == .whole }
    }

    /// Names that are borne by something that is no program.
    private func unsuitable(_ names: [String]) throws(KernelError) -> [String] {
        var unsuitable: [String] = []
        for name in names {
            guard let found = try NamedFile.at("\(path)/\(name)") else { continue }
            if found.kind != .file && found.kind != .symbolicLink { unsuitable.append(name) }
        }
        return unsuitable
    }

    /// Gives all names back to what bore them before, in one moment.
    ///
    /// A name that somebody else has taken since stays with them.
    /// - Returns: whose names were given back; nil when nothing is installed.
    /// - Throws: ``InstallationFailure``; then all names are what they were, unless it says otherwise.
    package mutating func uninstall() throws(InstallationFailure) -> [String]? {
        guard let installed = record.installed else { return nil }
        var names: [String] = []
        do throws(KernelError) {
            for name in installed.programs.keys.sorted() where try isOurs(name) { names.append(name) }
            let change = InstallationRecord.Change(number: installed.number, names: names)
            try prepare(change, keepingOriginals: true)
            record.wanted = nil
            record.change = change
            try carryOut()
        } catch {
            try takeBack(error, doing: "uninstall from \(path)")
        }
        return names
    }

    /// After a refusal: back to what was, or on to the end if the moment of the change is over.
    private mutating func takeBack(_ refusal: KernelError, doing intention: String) throws(InstallationFailure) {
        let wanted = record.wanted
        guard isBegun else {
            (record.wanted, record.change) = (nil, nil)
            tidyUp()
            throw InstallationFailure(refusal, intention: "cannot \(intention), where nothing has changed")
        }
        do throws(KernelError) {
            try comeToRest()
        } catch {
            throw InstallationFailure(
                "cannot \(intention): \(refusal); nor could that be taken back: \(error)",
                advice: "all programs work; mend this and call the installer again, which will take it back or end it"
            )
        }
        guard record.installed == wanted else {
            throw InstallationFailure(refusal, intention: "cannot \(intention), where nothing has changed")
        }
    }
}

/// Looking.
extension PluginDirectory {
    /// What became of an installed program.
    package enum Condition: String, Hashable, Sendable {
        /// It is there as it was installed.
        case whole
        /// Somebody has written into it: all names of the same file are changed alike.
        case changed
        /// Somebody has put another file in its place.
        case replaced
        case missing
    }

    /// What became of each installed program.
    func conditions() throws(KernelError) -> [String: Condition] {
        try PluginDirectory.conditions(of: record, in: path)
    }

    /// What became of each installed program, as seen by who only looks.
    ///
    /// - Throws: ``KernelError``.
    package static func conditions(
        of record: InstallationRecord,
        in path: String
    ) throws(KernelError) -> [String: Condition] {
        var digests: [FileStatus.Identity: String] = [:]
        var conditions: [String: Condition] = [:]
        guard let installed = record.installed else { return conditions }
        for (name, digest) in installed.programs {
            let kept = try NamedFile.at("\(store(in: path))/\(self.name(installed.number))/new/\(name)")
            guard let here = try NamedFile.at("\(path)/\(name)") else {
                conditions[name] = .missing
                continue
            }
            guard here.identity == kept?.identity else {
                conditions[name] = .replaced
                continue
            }
            let found: String
            if let known = digests[here.identity] { found = known } else { found = try Files.digest("\(path)/\(name)") }
            digests[here.identity] = found
            conditions[name] = found == digest ? .whole : .changed
        }
        return conditions
    }
}
