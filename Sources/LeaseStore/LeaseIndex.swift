// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CSQLite
internal import Linux

/// The leases of a network in a database: what the directory says, sorted, and what only this boot knows.
///
/// A cache, to be believed only as far as its ``Meta`` matches the directory. Whatever in it cannot be is an error,
/// upon which it is thrown away.
struct LeaseIndex {
    /// What the index as a whole is about.
    struct Meta: Hashable {
        /// The lease directory.
        var path: String
        /// What the directory looked like when the index was complete.
        var stamp: DirectoryStamp
        /// The last one that was given.
        var generation: Int64
        /// Up to which line the log has been taken over.
        var folded: Int64
    }

    /// An address as it was seen last.
    struct Sighting {
        let address: IPAddress
        /// Nil when no file keeps the address.
        let file: LeaseFileMark?
    }

    private static let version: Int64 = 1

    let database: IndexDatabase

    /// Opens the index of a file, or makes an empty one there; nil means in memory.
    ///
    /// - Throws: ``IndexError`` when what is there is no index, or nothing can be there.
    init(file: String?, isNew: Bool) throws(IndexError) {
        database = try IndexDatabase(path: file)
        if isNew || file == nil {
            try database.begin()
            try database.run(IndexQuery.schema)
        }
    }

    /// Whether something was changed that is not in the file yet.
    var isChanging: Bool { database.isChanging }

    /// Makes everything since the last time true at once.
    func commit(_ meta: Meta) throws(IndexError) {
        try database.begin()
        try write(meta)
        try database.end()
    }

    // MARK: - The whole

    func meta() throws(IndexError) -> Meta {
        let row = try database.statement(.readMeta)
        guard try row.step(), row.number(0) == LeaseIndex.version else { throw .nonsense("read the version") }
        let identity = FileStatus.Identity(
            device: UInt64(bitPattern: row.number(2)),
            inode: UInt64(bitPattern: row.number(3))
        )
        return Meta(
            path: row.text(1),
            stamp: DirectoryStamp(identity: identity, modifiedNanoseconds: row.number(4)),
            generation: row.number(5),
            folded: row.number(6)
        )
    }

    private func write(_ meta: Meta) throws(IndexError) {
        let row = try database.statement(.writeMeta)
        try row.bind(1, LeaseIndex.version)
        try row.bind(2, meta.path)
        try row.bind(3, Int64(bitPattern: meta.stamp.identity.device))
        try row.bind(4, Int64(bitPattern: meta.stamp.identity.inode))
        try row.bind(5, meta.stamp.modifiedNanoseconds)
        try row.bind(6, meta.generation)
        try row.bind(7, meta.folded)
        _ = try row.step()
    }

    // MARK: - Leases

    func lease(of address: IPAddress) throws(IndexError) -> LeaseRecord? {
        let row = try database.statement(.lease)
        try row.bind(1, address.sortKey)
        return try row.step() ? try LeaseIndex.record(row) : nil
    }

    /// All leases of a container, whatever the interface.
    func leases(ofContainer container: String) throws(IndexError) -> [LeaseRecord] {
        let row = try database.statement(.leasesOfContainer)
        try row.bind(1, container)
        var records: [LeaseRecord] = []
        while try row.step() { records.append(try LeaseIndex.record(row)) }
        return records
    }

    /// Hands over all leases in the order of their addresses.
    ///
    /// The body may not change the index.
    func forEachLease(_ body: (LeaseRecord) throws(IndexError) -> Void) throws(IndexError) {
        let row = try database.statement(.leasesBehind)
        try row.bind(1, [] as [UInt8])
        while try row.step() { try body(try LeaseIndex.record(row)) }
    }

    /// What was given back before a moment, by ``Machine/bootNanoseconds``.
    func addresses(restingSince moment: Int64) throws(IndexError) -> [IPAddress] {
        let row = try database.statement(.rested)
        try row.bind(1, moment)
        var addresses: [IPAddress] = []
        while try row.step() {
            guard let address = IPAddress(sortKey: row.octets(0)) else { throw .nonsense("read a resting address") }
            addresses.append(address)
        }
        return addresses
    }

    /// The address of a family that was given back next after another; see ``PoolLedger``.
    func resting(_ family: AddressFamily, after previous: RestingAddress?) throws(IndexError) -> RestingAddress? {
        let row = try database.statement(.resting)
        let kind: UInt8 = family == .v4 ? 4 : 6
        try row.bind(1, previous?.freedNanoseconds ?? .min)
        try row.bind(2, previous?.address.sortKey ?? [])
        try row.bind(3, [kind])
        try row.bind(4, [kind + 1])
        guard try row.step() else { return nil }
        guard let address = IPAddress(sortKey: row.octets(0)) else { throw .nonsense("read a resting address") }
        return RestingAddress(address, freedNanoseconds: row.number(1))
    }

    /// Enters a lease, or what is new about it.
    func put(_ record: LeaseRecord) throws(IndexError) {
        try write(record)
        var runs = self
        try runs.insert(record.address)
    }

    /// Enters a lease whose address the runs hold already, or will.
    func write(_ record: LeaseRecord) throws(IndexError) {
        try database.begin()
        let row = try database.statement(.putLease)
        try row.bind(1, record.address.sortKey)
        try row.bind(2, record.owner.containerID)
        try row.bind(3, record.owner.interfaceName)
        try row.bind(4, record.state.rawValue)
        try row.bind(5, record.generation)
        try row.bind(6, Int64(bitPattern: record.file.inode))
        try row.bind(7, record.file.modifiedNanoseconds)
        try row.bind(8, record.namespacePath)
        try row.bind(9, Int64(bitPattern: record.namespaceIdentity?.device ?? 0))
        try row.bind(10, Int64(bitPattern: record.namespaceIdentity?.inode ?? 0))
        try row.bind(11, record.workload.namespace)
        try row.bind(12, record.workload.name)
        try row.bind(13, record.workload.uid)
        try row.bind(14, record.identity)
        try row.bind(15, record.createdNanoseconds)
        try row.bind(16, record.sinceNanoseconds)
        _ = try row.step()
    }

    /// Forgets a lease, and that its address is taken.
    func drop(_ address: IPAddress) throws(IndexError) {
        try erase(address)
        var runs = self
        try runs.remove(address)
    }

    /// Forgets a lease whose address the runs do not hold any more, or will not.
    func erase(_ address: IPAddress) throws(IndexError) {
        try database.begin()
        let row = try database.statement(.dropLease)
        try row.bind(1, address.sortKey)
        _ = try row.step()
    }

    /// What is known of each address, in order, as far as it tells whether to look again.
    func sightings() throws(IndexError) -> [Sighting] {
        let row = try database.statement(.sightings)
        var sightings: [Sighting] = []
        while try row.step() {
            let state = LeaseRecord.State(rawValue: row.number(1))
            guard let address = IPAddress(sortKey: row.octets(0)), let state else { throw .nonsense("read a lease") }
            let file = LeaseFileMark(inode: UInt64(bitPattern: row.number(2)), modifiedNanoseconds: row.number(3))
            sightings.append(Sighting(address: address, file: state.hasFile ? file : nil))
        }
        return sightings
    }

    /// All containers, each once.
    func containers() throws(IndexError) -> [String] {
        let row = try database.statement(.containers)
        var containers: [String] = []
        while try row.step() { containers.append(row.text(0)) }
        return containers
    }

    /// Makes these, and no others, the addresses that are taken.
    func setRuns(_ taken: AddressSet) throws(IndexError) {
        try database.begin()
        try database.run("DELETE FROM run")
        for run in taken.runs { try append(run) }
    }

    static func record(_ row: borrowing IndexStatement) throws(IndexError) -> LeaseRecord {
        guard let address = IPAddress(sortKey: row.octets(0)), let state = LeaseRecord.State(rawValue: row.number(3))
        else { throw .nonsense("read a lease") }
        let device = UInt64(bitPattern: row.number(8))
        let inode = UInt64(bitPattern: row.number(9))
        return LeaseRecord(
            address: address,
            owner: LeaseOwner(containerID: row.text(1), interfaceName: row.text(2)),
            state: state,
            generation: row.number(4),
            file: LeaseFileMark(inode: UInt64(bitPattern: row.number(5)), modifiedNanoseconds: row.number(6)),
            namespacePath: row.text(7),
            namespaceIdentity: inode == 0 ? nil : FileStatus.Identity(device: device, inode: inode),
            workload: Workload(namespace: row.text(10), name: row.text(11), uid: row.text(12)),
            identity: row.text(13),
            createdNanoseconds: row.number(14),
            sinceNanoseconds: row.number(15)
        )
    }
}

extension LeaseIndex: AddressRunStorage {
    typealias Failure = IndexError

    func run(startingAtOrBefore address: IPAddress) throws(IndexError) -> AddressRun? {
        try run(.runAtOrBefore, address)
    }

    func run(startingAfter address: IPAddress) throws(IndexError) -> AddressRun? {
        try run(.runAfter, address)
    }

    private func run(_ query: IndexQuery, _ address: IPAddress) throws(IndexError) -> AddressRun? {
        let row = try database.statement(query)
        try row.bind(1, address.sortKey)
        guard try row.step() else { return nil }
        guard let first = IPAddress(sortKey: row.octets(0)), let last = IPAddress(sortKey: row.octets(1)),
            let run = AddressRun(first: first, last: last)
        else { throw .nonsense("read a run") }
        return run
    }

    func add(_ run: AddressRun) throws(IndexError) {
        try append(run)
    }

    fileprivate func append(_ run: AddressRun) throws(IndexError) {
        let row = try database.statement(.addRun)
        try row.bind(1, run.first.sortKey)
        try row.bind(2, run.last.sortKey)
        _ = try row.step()
    }

    func drop(startingAt first: IPAddress) throws(IndexError) {
        let row = try database.statement(.dropRun)
        try row.bind(1, first.sortKey)
        _ = try row.step()
        guard database.changes == 1 else { throw .nonsense("drop a run") }
    }

    func replace(startingAt first: IPAddress, with run: AddressRun) throws(IndexError) {
        let row = try database.statement(.replaceRun)
        try row.bind(1, run.first.sortKey)
        try row.bind(2, run.last.sortKey)
        try row.bind(3, first.sortKey)
        _ = try row.step()
        guard database.changes == 1 else { throw .nonsense("change a run") }
    }
}
