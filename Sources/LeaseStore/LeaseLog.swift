// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CLinux
internal import Linux

/// The latest changes of a network's leases, before the database has them: what keeps it closed most of the time.
///
/// One file: a ``LeaseLogHeader``, a filter that knows of most containers that they have nothing here, and one line
/// for every lease that was given, given back or confirmed since the database was last told. Like the index it is
/// believed only as long as its stamp is the directory's. Lines count as far as the header says, so a writer that dies
/// before the header has written nothing; and what it did to the directory has changed the stamp.
final class LeaseLog {
    private let file: Descriptor
    private(set) var header: LeaseLogHeader
    /// What is to be appended, in order.
    private(set) var pending: [LeaseRecord] = []
    /// The lines of the file, once they were read.
    private var known: [UInt8]?

    /// So many lines are taken over into the database at once.
    static let lineLimit: Int64 = 256

    /// Opens a log; nil when there is none that can be used.
    init?(path: String) {
        do throws(KernelError) {
            file = try Descriptor(opening: path, O_RDWR | O_NOFOLLOW)
            guard let header = LeaseLogHeader(try file.read(LeaseLogHeader.length, at: 0, "log")) else { return nil }
            self.header = header
        } catch {
            return nil
        }
    }

    // MARK: - Asking

    /// Whether a container may have a lease; surely not when false.
    func mayHold(_ container: String) -> Bool {
        let place = ContainerFilter.place(of: container, among: header.blockCount)
        do throws(KernelError) {
            return ContainerFilter.contains(place, try block(of: place))
        } catch {
            return true
        }
    }

    /// What the lines say of a container, the latest of each address; nil when they do not mention it.
    func leases(of container: String) -> [LeaseRecord]? {
        guard let mentioned = lines(where: { $0.isOf(container) }) else { return nil }
        var latest: [LeaseRecord] = []
        var isMentioned = false
        for line in mentioned + pending where line.owner.containerID == container {
            isMentioned = true
            latest.removeAll { $0.address == line.address }
            latest.append(line)
        }
        return isMentioned ? latest : nil
    }

    /// What the lines say of an address; nil when they do not mention it.
    func lease(of address: IPAddress) -> LeaseRecord? {
        if let latest = pending.last(where: { $0.address == address }) { return latest }
        return lines { $0.isOf(address) }?.last
    }

    /// The lines of the file, in order; nil when one of them cannot be read.
    func lines() -> [LeaseRecord]? {
        guard let lines = lines(where: { _ in true }), lines.count == Int(header.lineCount) else { return nil }
        return lines
    }

    /// Some lines of the file; others are neither taken apart nor looked after.
    private func lines(where isMeant: (LogLine) -> Bool) -> [LeaseRecord]? {
        guard let octets = content() else { return nil }
        var lines: [LeaseRecord] = []
        var position = 0
        while position < octets.count {
            guard let line = LogLine(at: position, in: octets) else { return nil }
            if isMeant(line) {
                guard let record = line.record() else { return nil }
                lines.append(record)
            }
            position = line.end
        }
        return lines
    }

    private func content() -> [UInt8]? {
        if let known { return known }
        do throws(KernelError) {
            let octets = try file.read(Int(header.length), at: tail, "log")
            guard octets.count == Int(header.length) else { return nil }
            known = octets
            return octets
        } catch {
            return nil
        }
    }

    // MARK: - Changing

    /// Whether the lines have become too many.
    var isFull: Bool { header.lineCount + Int64(pending.count) > LeaseLog.lineLimit }

    /// Enters what became of a lease.
    func append(_ record: LeaseRecord) {
        pending.append(record)
        header.generation = max(header.generation, record.generation)
        header.windows.take(record.address)
    }

    /// Hands over what was appended, for the database.
    func handOver() -> [LeaseRecord] {
        defer { pending = [] }
        return pending
    }

    /// Writes what was appended, and that all of it is true of a directory with this stamp.
    ///
    /// - Throws: ``KernelError``; then the log says what it said before.
    func write(_ stamp: DirectoryStamp) throws(KernelError) {
        var lines: [UInt8] = []
        for record in pending {
            lines += LogLine.octets(of: record)
        }
        try file.write(lines, at: tail + Int(header.length), "log")
        try enter(pending)
        header.length += Int64(lines.count)
        header.lineCount += Int64(pending.count)
        header.stamp = stamp
        try file.write(header.octets, at: 0, "log")
        pending = []
        known = nil
    }

    /// Says that the database has all lines.
    ///
    /// `latest`: leases that the database got and the log had not.
    /// - Returns: false when the filter is too full, or cannot be written: then a new log has to be made.
    func empty(_ meta: LeaseIndex.Meta, _ windows: [LeaseLogHeader.Window], _ latest: [LeaseRecord]) -> Bool {
        do throws(KernelError) {
            try enter(latest)
            guard header.containerCount <= ContainerFilter.capacity(header.blockCount) else { return false }
            (header.lineCount, header.length) = (0, 0)
            (header.stamp, header.generation, header.base) = (meta.stamp, meta.generation, meta.folded)
            header.windows = windows
            try file.write(header.octets, at: 0, "log")
            pending = []
            known = []
            return true
        } catch {
            return false
        }
    }

    private func enter(_ records: [LeaseRecord]) throws(KernelError) {
        for record in records where record.hasFile {
            let place = ContainerFilter.place(of: record.owner.containerID, among: header.blockCount)
            var block = try block(of: place)
            guard !ContainerFilter.contains(place, block) else { continue }
            ContainerFilter.insert(place, into: &block)
            try file.write(block, at: offset(of: place), "log")
            header.containerCount += 1
        }
    }

    private func block(of place: ContainerFilter.Place) throws(KernelError) -> [UInt8] {
        try file.read(ContainerFilter.blockLength, at: offset(of: place), "log")
    }

    private func offset(of place: ContainerFilter.Place) -> Int {
        LeaseLogHeader.length + place.block * ContainerFilter.blockLength
    }

    private var tail: Int {
        LeaseLogHeader.length + Int(header.blockCount) * ContainerFilter.blockLength
    }

    /// Makes an empty log, in the place of what is there.
    ///
    /// `containers`: all that have leases.
    /// - Throws: ``KernelError``; then there is no log, or the one from before.
    static func make(
        _ name: String,
        in directory: borrowing Directory,
        _ meta: LeaseIndex.Meta,
        _ windows: [LeaseLogHeader.Window],
        _ containers: [String]
    ) throws(KernelError) {
        var header = LeaseLogHeader(
            stamp: meta.stamp,
            generation: meta.generation,
            base: meta.folded,
            blockCount: ContainerFilter.blockCount(for: containers.count)
        )
        header.windows = windows
        header.containerCount = Int64(containers.count)
        var filter = ContainerFilter.empty(header.blockCount)
        for container in containers {
            let place = ContainerFilter.place(of: container, among: header.blockCount)
            ContainerFilter.insert(place, into: &filter, at: place.block * ContainerFilter.blockLength)
        }
        let temporary = "\(name).new"
        let file = try directory.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
        try file.writeAll(header.octets + filter, temporary)
        try directory.rename(temporary, to: name)
    }
}
