// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import Linux

/// What can be said of a network's leases without opening the database.
struct LeaseLogHeader: Hashable {
    /// Free addresses, the first of which is the next one to be given from a range set.
    struct Window: Hashable {
        /// The place of the range set in the configuration.
        let rangeSet: Int
        /// Of what the configuration says about the set; another configuration has another search.
        let key: UInt64
        /// What is left of them.
        var run: AddressRun
    }

    /// The directory when the log was complete.
    var stamp: DirectoryStamp
    /// The last one that was given.
    var generation: Int64
    /// How many lines there were before those in the file; the database has them.
    var base: Int64
    /// How many lines there are, and how many octets they take.
    var lineCount: Int64 = 0
    var length: Int64 = 0
    /// How many blocks the filter of containers has, and how many containers were entered.
    var blockCount: Int64
    var containerCount: Int64 = 0
    var windows: [Window] = []

    static let length = 512
    static let windowLimit = 6
    /// Raised whenever the form changes.
    private static let form: Int64 = 0x6375_6c76_0001

    init(stamp: DirectoryStamp, generation: Int64, base: Int64, blockCount: Int64) {
        self.stamp = stamp
        self.generation = generation
        self.base = base
        self.blockCount = blockCount
    }

    /// Reads a header; nil when it is none, of another form, or damaged.
    init?(_ octets: [UInt8]) {
        guard octets.count == LeaseLogHeader.length else { return nil }
        var reader = LogReader(octets)
        guard reader.number() == LeaseLogHeader.form, let sum = reader.number(),
            LogWriter.sum(octets[16...]) == UInt64(bitPattern: sum)
        else { return nil }
        var numbers: [Int64] = []
        for _ in 0..<10 {
            guard let number = reader.number() else { return nil }
            numbers.append(number)
        }
        let identity = FileStatus.Identity(
            device: UInt64(bitPattern: numbers[0]),
            inode: UInt64(bitPattern: numbers[1])
        )
        stamp = DirectoryStamp(identity: identity, modifiedNanoseconds: numbers[2])
        (generation, base, lineCount, length) = (numbers[3], numbers[4], numbers[5], numbers[6])
        (blockCount, containerCount) = (numbers[7], numbers[8])
        guard blockCount > 0, lineCount >= 0, length >= 0 else { return nil }
        for _ in 0..<numbers[9] {
            guard let rangeSet = reader.number(), let key = reader.number(), let first = reader.address(),
                let last = reader.address(), let run = AddressRun(first: first, last: last)
            else { return nil }
            windows.append(Window(rangeSet: Int(rangeSet), key: UInt64(bitPattern: key), run: run))
        }
    }

    var octets: [UInt8] {
        var body = LogWriter()
        body.append(Int64(bitPattern: stamp.identity.device))
        body.append(Int64(bitPattern: stamp.identity.inode))
        for number in [stamp.modifiedNanoseconds, generation, base, lineCount, length, blockCount, containerCount] {
            body.append(number)
        }
        body.append(Int64(windows.count))
        for window in windows {
            body.append(Int64(window.rangeSet))
            body.append(Int64(bitPattern: window.key))
            body.append(window.run.first.sortKey)
            body.append(window.run.last.sortKey)
        }
        body.fill(to: LeaseLogHeader.length - 16)
        var whole = LogWriter()
        whole.append(LeaseLogHeader.form)
        whole.append(Int64(bitPattern: LogWriter.sum(body.octets[...])))
        return whole.octets + body.octets
    }
}

extension [LeaseLogHeader.Window] {
    /// Takes an address out.
    mutating func take(_ address: IPAddress) {
        for position in indices.reversed() where self[position].run.contains(address) {
            let run = self[position].run
            let rest = address.advanced(by: 1).flatMap { AddressRun(first: $0, last: run.last) }
            if run.first == address, let rest {
                self[position].run = rest
            } else {
                remove(at: position)
            }
        }
    }

    /// Enters what is free behind the last address given from a set; what was known of it before is forgotten.
    mutating func enter(_ window: LeaseLogHeader.Window) {
        removeAll { $0.rangeSet == window.rangeSet }
        append(window)
        if count > LeaseLogHeader.windowLimit { removeFirst() }
    }
}
