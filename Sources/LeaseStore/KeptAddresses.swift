// SPDX-License-Identifier: Apache-2.0
package import AddressPools
package import Addressing

/// What operators said about addresses of one network while it was in use: the content of `.culvert.kept`.
///
/// One entry a line: addresses, purpose, key and note, with tabs between. Nobody takes the file for a lease, since its
/// name is no address.
package struct KeptAddresses: Hashable, Sendable {
    /// What is kept, and why.
    package struct Entry: Hashable, Sendable {
        package enum Purpose: String, Hashable, Sendable {
            /// Given to no container, or only to those of the identity ``Entry/key``; stands again when they are gone.
            case reserved
            /// Given by hand to ``Entry/key``: nobody but a release ends it, whatever becomes of any namespace.
            case allocated
        }

        package let run: AddressRun
        package let purpose: Purpose
        /// Whom for, may be empty; of something allocated, the owner as ``LeaseOwner/description`` has it.
        package let key: String
        /// What the operator wants to read later; may be empty.
        package let note: String

        package init(_ run: AddressRun, _ purpose: Purpose, key: String, note: String = "") {
            self.run = run
            self.purpose = purpose
            self.key = key
            self.note = note
        }

        /// Whether a text can stand in the file: it has no control characters, such as line feed and tab.
        package static func canHold(_ text: String) -> Bool {
            text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
        }

        fileprivate func with(_ run: AddressRun) -> Entry { Entry(run, purpose, key: key, note: note) }
    }

    /// In the order of their addresses; no address is in two of them.
    package private(set) var entries: [Entry] = []
    /// How many lines made no sense; they are lost when the file is written again.
    package private(set) var damagedLineCount = 0

    package init() {}

    /// So many addresses can be kept by one entry: each of them has a file.
    package static let largestRun = 65_536
    /// So many can be kept by one entry for somebody.
    package static let largestRunForSomebody = 256

    package var isEmpty: Bool { entries.isEmpty }

    /// The entry of an address.
    package func entry(of address: IPAddress) -> Entry? { entries.first { $0.run.contains(address) } }

    /// Everything that is reserved, for whomever.
    package var reserved: AddressSet { AddressSet(entries.filter { $0.purpose == .reserved }.map { $0.run }) }

    /// Whether a lease was given by hand: not if its address was, to somebody who has it no more.
    package func isAllocated(_ lease: LeaseRecord) -> Bool {
        guard let entry = entry(of: lease.address) else { return false }
        return entry.purpose == .allocated && entry.key == lease.owner.description
    }

    /// Whether it is still to be said that an address was given by hand: it is not, and it is not reserved.
    package func canAllocate(_ address: IPAddress, to owner: LeaseOwner) -> Bool {
        guard let entry = entry(of: address) else { return true }
        return entry.purpose == .allocated && entry.key != owner.description
    }

    /// Adds an entry, in the place of what was said of its addresses before.
    package mutating func add(_ entry: Entry) {
        remove(entry.run) { _ in true }
        let place = entries.firstIndex { entry.run.first < $0.run.first } ?? entries.endIndex
        entries.insert(entry, at: place)
    }

    /// Forgets what was said of addresses for a purpose; what an entry says of others stays.
    ///
    /// - Returns: the addresses of which something was forgotten.
    @discardableResult
    package mutating func remove(_ run: AddressRun, _ purpose: Entry.Purpose) -> [AddressRun] {
        remove(run) { $0.purpose == purpose }
    }

    @discardableResult
    private mutating func remove(_ run: AddressRun, where isMeant: (Entry) -> Bool) -> [AddressRun] {
        var removed: [AddressRun] = []
        var rest: [Entry] = []
        for entry in entries {
            guard isMeant(entry), let common = entry.run.intersection(run) else {
                rest.append(entry)
                continue
            }
            removed.append(common)
            rest += AddressSet([entry.run]).subtracting(AddressSet([common])).runs.map { entry.with($0) }
        }
        entries = rest
        return removed
    }
}

// MARK: - The file

extension KeptAddresses {
    /// Reads the file; lines that make no sense are only counted.
    init(content: [UInt8]) {
        for line in content.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: "\t"), maxSplits: 3, omittingEmptySubsequences: false)
            guard let entry = KeptAddresses.entry(fields.map { String(decoding: $0, as: UTF8.self) }) else {
                damagedLineCount += 1
                continue
            }
            add(entry)
        }
    }

    private static func entry(_ fields: [String]) -> Entry? {
        guard fields.count == 4, let purpose = Entry.Purpose(rawValue: fields[1]) else { return nil }
        do throws(PoolError) {
            return Entry(try AddressRun(parsing: fields[0]), purpose, key: fields[2], note: fields[3])
        } catch {
            return nil
        }
    }

    var content: [UInt8] {
        var text: [UInt8] = []
        for entry in entries {
            text += Array("\(entry.run)\t\(entry.purpose.rawValue)\t\(entry.key)\t\(entry.note)\n".utf8)
        }
        return text
    }
}
