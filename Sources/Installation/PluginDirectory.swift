// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import JSON
internal import Linux

/// A directory in which runtimes look for plugins, while an installer works in it.
///
/// What it needs lies in `.culvert` below the directory, hence on the same file system, which must have hard links: the
/// record of what is installed, and for each set of programs the set itself and what its names stood for before.
///
/// All names change from one set to another in one moment, although each is a file of its own. While nothing changes
/// they are ordinary files. For a change each name becomes, one by one, a symbolic link through `.culvert/current` to
/// what it was, which nobody notices; then `current` is renamed, and that is the moment; then each becomes an ordinary
/// file again. Whoever is killed leaves names that work, all old or all new; whoever comes next, whatever for, makes
/// files of them: the old ones before the moment, the new ones after it.
package struct PluginDirectory: ~Copyable {
    /// As the operator named it.
    package let path: String
    /// Held as long as this lives: of several installers one works.
    private let lock: Descriptor
    package internal(set) var record: InstallationRecord
    /// Whether the disk knows of the change in the record: before that, no name has been touched.
    var isBegun = false
    /// What could not be tidied up, which does no harm, and is tried again by whoever comes next.
    package internal(set) var leftovers: [String] = []

    private init(path: String, lock: consuming Descriptor, record: InstallationRecord) {
        self.path = path
        self.lock = lock
        self.record = record
        isBegun = record.change != nil
    }

    /// Waits for other installers, and brings to its end what one of them left half done.
    ///
    /// - Throws: ``InstallationFailure``.
    package static func open(
        _ path: String,
        waitingAtMost bound: Duration
    ) throws(InstallationFailure) -> PluginDirectory {
        let lock = try lock(path, waitingAtMost: bound)
        let record = try record(in: path) ?? InstallationRecord()
        var directory = PluginDirectory(path: path, lock: lock, record: record)
        do throws(KernelError) {
            try directory.comeToRest()
        } catch {
            throw InstallationFailure(
                error,
                intention: "an installation in \(path) was cut off, and cannot be brought to its end"
            )
        }
        return directory
    }

    private static func lock(_ path: String, waitingAtMost bound: Duration) throws(InstallationFailure) -> Descriptor {
        do throws(KernelError) {
            let descriptor = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY)
            try descriptor.lock(path, waitingAtMost: bound)
            return descriptor
        } catch {
            throw InstallationFailure(error, intention: "cannot work in \(path)")
        }
    }

    /// Where what the installer needs is, in a directory of plugins.
    static func store(in path: String) -> String { "\(path)/.culvert" }

    var store: String { PluginDirectory.store(in: path) }

    /// What is remembered of a directory; nil when nothing is.
    ///
    /// - Throws: ``InstallationFailure`` when it cannot be read or makes no sense.
    package static func record(in path: String) throws(InstallationFailure) -> InstallationRecord? {
        let file = "\(store(in: path))/record"
        let octets: [UInt8]
        do throws(KernelError) {
            octets = try Descriptor(opening: file, O_RDONLY | O_NOFOLLOW).readAll(file, limit: 1 << 20)
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return nil }
            throw InstallationFailure(error, intention: "cannot read what is installed in \(path)")
        }
        let value = try InstallationFailure.parsing(octets, in: file)
        do throws(JSONTypeError) {
            return try InstallationRecord(JSONReader(value))
        } catch {
            throw InstallationFailure(
                "\(file) is not understood: \(error)",
                advice: "a later release may have written it: use that one"
            )
        }
    }

    /// Remembers what is installed, and what is going on.
    func write(_ record: InstallationRecord) throws(KernelError) {
        try Files.replace("\(store)/record", with: record.json.serialized(indent: 2) + [UInt8(ascii: "\n")])
    }

    /// The files of a set.
    func directory(_ number: Int) -> String { "\(store)/\(PluginDirectory.name(number))" }

    static func name(_ number: Int) -> String { "set-\(number)" }

    /// Whether a name still is what was installed under it.
    func isOurs(_ name: String) throws(KernelError) -> Bool {
        guard let installed = record.installed, installed.programs[name] != nil,
            let here = try NamedFile.at("\(path)/\(name)"),
            let kept = try NamedFile.at("\(directory(installed.number))/new/\(name)")
        else { return false }
        return here.identity == kept.identity
    }

    /// Whether each name is what was installed under it, by a cheap look.
    ///
    /// - Throws: ``InstallationFailure``.
    package func isWhole(since looks: [String: NamedFile]) throws(InstallationFailure) -> Bool {
        try looks == self.looks()
    }

    /// What the installed names look like now: that changes when somebody writes to one.
    ///
    /// - Throws: ``InstallationFailure``.
    package func looks() throws(InstallationFailure) -> [String: NamedFile] {
        var looks: [String: NamedFile] = [:]
        do throws(KernelError) {
            for name in record.installed?.programs.keys.sorted() ?? [] {
                looks[name] = try NamedFile.at("\(path)/\(name)")
            }
        } catch {
            throw InstallationFailure(error, intention: "cannot look at the programs in \(path)")
        }
        return looks
    }
}
