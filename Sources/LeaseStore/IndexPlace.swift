// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// Where the index of a lease directory is: `<run directory>/ipam/<hash of the path>.sqlite`, and the log beside it.
///
/// On tmpfs, so that a reboot empties it, as it empties the kernel.
struct IndexPlace {
    private let directory: String
    private let name: String

    init(runDirectory: String, leases path: String) {
        directory = "\(runDirectory)/ipam"
        name = SHA512(of: path).hexadecimal(digits: 16)
    }

    var database: String { "\(directory)/\(name).sqlite" }

    var log: String { "\(directory)/\(name).log" }

    /// Makes an empty log in the place of the one that is there; if it cannot be made, there is none.
    func makeLog(_ meta: LeaseIndex.Meta, _ windows: [LeaseLogHeader.Window], _ containers: [String]) {
        do throws(KernelError) {
            let place = try Directory(path: directory)
            do throws(KernelError) {
                try LeaseLog.make("\(name).log", in: place, meta, windows, containers)
            } catch {
                try place.remove("\(name).log.new")
                try place.remove("\(name).log")
            }
        } catch {
            // Nobody believes a log that has another stamp than the directory.
        }
    }

    /// Opens the index that is there; nil when there is none.
    ///
    /// - Throws: ``IndexError`` when what is there is of no use.
    func open() throws(IndexError) -> LeaseIndex? {
        let status = try IndexError.onFiles { () throws(KernelError) in try FileStatus.of(database) }
        guard let status, status.size > 0 else { return nil }
        return try LeaseIndex(file: database, isNew: false)
    }

    /// Makes an empty index, in the place of what is there.
    ///
    /// - Throws: ``IndexError`` when there cannot be one.
    func make() throws(IndexError) -> LeaseIndex {
        do throws(KernelError) {
            let place = try Directory(creating: directory, mode: 0o700)
            try remove(from: place)
        } catch {
            throw .unavailable(error.description)
        }
        return try LeaseIndex(file: database, isNew: true)
    }

    /// Removes the index, as far as that is possible: what stays does not match the directory any more.
    func remove() {
        do throws(KernelError) {
            try remove(from: try Directory(path: directory))
        } catch {
            // Nobody believes an index that has another stamp than the directory.
        }
    }

    /// The database before its journal: a journal without database is nothing, but not the other way round.
    private func remove(from place: borrowing Directory) throws(KernelError) {
        try place.remove("\(name).sqlite")
        try place.remove("\(name).sqlite-journal")
        try place.remove("\(name).log")
    }
}
