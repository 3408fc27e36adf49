// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Linux

/// One line of a log, where it lies: a sum, the length of what follows, and a lease.
struct LogLine {
    private let octets: [UInt8]
    private let start: Int
    /// Where the next one begins.
    let end: Int

    private static let head = 16

    /// Finds a line; nil when there cannot be one.
    init?(at start: Int, in octets: [UInt8]) {
        guard let length = LogLine.number(at: start + 8, in: octets), length >= 0,
            length <= octets.count - start - LogLine.head
        else { return nil }
        self.octets = octets
        self.start = start
        end = start + LogLine.head + Int(length)
    }

    /// Whether the lease is of an address; takes nothing apart.
    func isOf(_ address: IPAddress) -> Bool {
        holds(address.sortKey[...], at: start + LogLine.head)
    }

    /// Whether the lease is a container's; takes nothing apart.
    func isOf(_ container: String) -> Bool {
        let position = start + LogLine.head
        guard let length = LogLine.number(at: position, in: octets), length == 5 || length == 17 else { return false }
        return holds(Array(container.utf8)[...], at: position + 8 + Int(length))
    }

    private func holds(_ text: ArraySlice<UInt8>, at position: Int) -> Bool {
        guard LogLine.number(at: position, in: octets) == Int64(text.count), position + 8 + text.count <= end
        else { return false }
        return octets[(position + 8)..<(position + 8 + text.count)] == text
    }

    /// The lease; nil when the line is damaged.
    func record() -> LeaseRecord? {
        let content = octets[(start + LogLine.head)..<end]
        guard LogLine.number(at: start, in: octets) == Int64(bitPattern: LogWriter.sum(content)) else { return nil }
        return LeaseRecord(line: Array(content))
    }

    static func octets(of record: LeaseRecord) -> [UInt8] {
        let content = record.line
        var line = LogWriter()
        line.append(Int64(bitPattern: LogWriter.sum(content[...])))
        line.append(content)
        return line.octets
    }

    private static func number(at position: Int, in octets: [UInt8]) -> Int64? {
        guard position >= 0, position + 8 <= octets.count else { return nil }
        let number = octets.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Int64.self) }
        return Int64(littleEndian: number)
    }
}

extension LeaseRecord {
    /// The record without sum and length.
    var line: [UInt8] {
        var line = LogWriter()
        line.append(address.sortKey)
        for text in [owner.containerID, owner.interfaceName, namespacePath] { line.append(text) }
        for text in [workload.namespace, workload.name, workload.uid, identity] { line.append(text) }
        line.append(state.rawValue)
        line.append(generation)
        line.append(Int64(bitPattern: file.inode))
        line.append(file.modifiedNanoseconds)
        line.append(Int64(bitPattern: namespaceIdentity?.device ?? 0))
        line.append(Int64(bitPattern: namespaceIdentity?.inode ?? 0))
        line.append(createdNanoseconds)
        line.append(sinceNanoseconds)
        return line.octets
    }

    /// Reads a line; nil when it is none.
    init?(line: [UInt8]) {
        var reader = LogReader(line)
        guard let address = reader.address() else { return nil }
        var texts: [String] = []
        for _ in 0..<7 {
            guard let text = reader.text() else { return nil }
            texts.append(text)
        }
        var numbers: [Int64] = []
        for _ in 0..<8 {
            guard let number = reader.number() else { return nil }
            numbers.append(number)
        }
        guard reader.isAtEnd, let state = State(rawValue: numbers[0]) else { return nil }
        let inode = UInt64(bitPattern: numbers[5])
        self.init(
            address: address,
            owner: LeaseOwner(containerID: texts[0], interfaceName: texts[1]),
            state: state,
            generation: numbers[1],
            file: LeaseFileMark(inode: UInt64(bitPattern: numbers[2]), modifiedNanoseconds: numbers[3]),
            namespacePath: texts[2],
            namespaceIdentity: inode == 0
                ? nil : FileStatus.Identity(device: UInt64(bitPattern: numbers[4]), inode: inode),
            workload: Workload(namespace: texts[3], name: texts[4], uid: texts[5]),
            identity: texts[6],
            createdNanoseconds: numbers[6],
            sinceNanoseconds: numbers[7]
        )
    }
}
