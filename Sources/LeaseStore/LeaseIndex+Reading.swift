// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing

// What only operators ask.
extension LeaseIndex {
    /// Counts what becomes of the addresses from one to another.
    ///
    /// - Complexity: one pass over those that are taken, none of which is taken apart.
    func tally(_ bounds: AddressRun, restingSince moment: Int64) throws(IndexError) -> LeaseTally {
        let row = try database.statement(.tally)
        try row.bind(1, moment)
        try row.bind(2, bounds.first.sortKey)
        try row.bind(3, bounds.last.sortKey)
        guard try row.step() else { throw .nonsense("count leases") }
        let (resting, reserved) = (row.number(2), row.number(4))
        return LeaseTally(
            leased: UInt64(clamping: row.number(0) - resting - reserved),
            suspect: UInt64(clamping: row.number(1)),
            quarantined: UInt64(clamping: row.number(3)),
            reserved: UInt64(clamping: reserved)
        )
    }

    /// The leases behind an address, in order; nil means from the beginning.
    func leases(behind address: IPAddress?, atMost limit: Int) throws(IndexError) -> [LeaseRecord] {
        let row = try database.statement(.leasesBehind)
        try row.bind(1, address?.sortKey ?? [])
        var records: [LeaseRecord] = []
        while records.count < limit, try row.step() { records.append(try LeaseIndex.record(row)) }
        return records
    }

    /// The leases of all containers whose ids begin so.
    func leases(ofContainersBeginningWith prefix: String, atMost limit: Int) throws(IndexError) -> [LeaseRecord] {
        let row = try database.statement(.leasesOfContainers)
        try row.bind(1, prefix)
        // Behind whatever begins so: no text in UTF-8 goes on like this.
        try row.bind(2, prefix + "\u{10ffff}")
        try row.bind(3, Int64(limit))
        var records: [LeaseRecord] = []
        while try row.step() { records.append(try LeaseIndex.record(row)) }
        return records
    }
}
