// SPDX-License-Identifier: Apache-2.0
import CLinux
import Linux
import SeededNumbers
import Testing

@testable import SwitchDaemon

/// Two ends of a connection that keeps messages apart, and calls that use them.
private final class Line {
    private let memory: UnsafeMutableRawPointer
    let calls: FrameCalls
    private(set) var ends: [CInt] = [-1, -1]

    static let room = 4096

    init(isSingle: Bool) {
        let size = FrameCalls.most * Line.room
        memory = .allocate(byteCount: size, alignment: 4096)
        calls = FrameCalls(UnsafeMutableRawBufferPointer(start: memory, count: size), isSingle: isSingle)
        ends.withUnsafeMutableBufferPointer { ends in
            let kind = CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
            if socketpair(AF_UNIX, kind, 0, ends.baseAddress) != 0 { fatalError("socketpair") }
        }
    }

    deinit {
        calls.close()
        for end in ends where end >= 0 { close(end) }
        memory.deallocate()
    }

    func place(_ index: Int) -> UnsafeMutableRawPointer {
        memory + index * Line.room
    }

    func message(_ index: Int, _ count: Int) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: place(index), count: count))
    }

    func fill(_ index: Int, _ octets: [UInt8]) {
        place(index).copyMemory(from: octets, byteCount: octets.count)
    }

    /// Writes messages at once, and returns which of them failed.
    func write(_ messages: [[UInt8]], to descriptor: CInt? = nil) -> [Int: Errno] {
        for (index, message) in messages.enumerated() {
            fill(index, message)
            calls.write(descriptor ?? ends[0], place(index), message.count, mark: index)
        }
        var failures: [Int: Errno] = [:]
        calls.make { failures[$0.mark] = $0.error }
        return failures
    }

    /// Reads at once, and returns the messages, and what the others failed with.
    func read(_ count: Int) -> (messages: [[UInt8]], failures: Set<CInt>) {
        for index in 0..<count { calls.read(ends[1], place(index), Line.room, mark: index) }
        var messages: [[UInt8]] = []
        var failures: Set<CInt> = []
        calls.make { outcome in
            if let error = outcome.error {
                failures.insert(error.rawValue)
            } else {
                messages.append(message(outcome.mark, outcome.result))
            }
        }
        return (messages, failures)
    }

    func hangUp(_ end: Int) {
        close(ends[end])
        ends[end] = -1
    }
}

@Suite("Reads and writes that are made together")
struct FrameCallsTests {
    @Test("What is there comes in its order, and then nothing more, without waiting", arguments: [false, true])
    func reading(isSingle: Bool) {
        let line = Line(isSingle: isSingle)
        let messages = (1...5).map { [UInt8](repeating: UInt8($0), count: $0 * 30) }
        #expect(line.write(messages).isEmpty)
        let first = line.read(3)
        #expect(first.messages == Array(messages.prefix(3)) && first.failures.isEmpty)
        let second = line.read(8)
        #expect(second.messages == Array(messages.suffix(2)) && second.failures == [EAGAIN])
    }

    @Test("Of writes only failures are told, each by its mark, and the others are made", arguments: [false, true])
    func failing(isSingle: Bool) {
        let line = Line(isSingle: isSingle)
        for (index, descriptor) in [line.ends[0], -1, line.ends[0], 9999].enumerated() {
            line.fill(index, [UInt8(index)])
            line.calls.write(descriptor, line.place(index), 1, mark: 40 + index)
        }
        var failures: [Int: CInt] = [:]
        line.calls.make { failures[$0.mark] = $0.error?.rawValue }
        #expect(failures == [41: EBADF, 43: EBADF])
        #expect(line.read(4).messages == [[0], [2]])
    }

    @Test("A message of two parts is one, from whatever memory", arguments: [false, true])
    func parts(isSingle: Bool) {
        let line = Line(isSingle: isSingle)
        line.fill(0, [3, 4, 5])
        var head: [UInt8] = [1, 2]
        head.withUnsafeMutableBytes { head in
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: 4) { parts in
                guard let base = parts.baseAddress else { return }
                for index in 0..<2 {
                    base[index * 2] = iovec(iov_base: head.baseAddress, iov_len: 2)
                    base[index * 2 + 1] = iovec(iov_base: line.place(0), iov_len: 3 - index)
                    line.calls.write(line.ends[0], base + index * 2, mark: index)
                }
                line.calls.make { Issue.record("\($0)") }
            }
        }
        #expect(line.read(2).messages == [[1, 2, 3, 4, 5], [1, 2, 3, 4]])
    }

    @Test("Where there is no room any more the kernel is not asked, and says so", arguments: [false, true])
    func full(isSingle: Bool) {
        let line = Line(isSingle: isSingle)
        var failures: [Int: Errno] = [:]
        var written = 0
        while failures.isEmpty, written < 1_000_000 {
            failures = line.write([[UInt8]](repeating: [UInt8](repeating: 0, count: 1000), count: 16))
            written += 16 - failures.count
        }
        #expect(Set(failures.values.map(\.rawValue)) == [EAGAIN])
        var read = 0
        while true {
            let messages = line.read(16).messages
            if messages.isEmpty { break }
            read += messages.count
        }
        #expect(read == written)
    }

    @Test("As many calls as there is room for are made, and none twice", arguments: [false, true])
    func most(isSingle: Bool) {
        let line = Line(isSingle: isSingle)
        for round in 0..<3 {
            for index in 0..<FrameCalls.most { line.calls.read(line.ends[1], line.place(index), 9, mark: index) }
            #expect(line.calls.count == FrameCalls.most)
            line.calls.read(line.ends[1], line.place(0), 9, mark: 99)
            #expect(line.calls.count == FrameCalls.most)
            var marks: Set<Int> = []
            line.calls.make { marks.insert($0.mark) }
            #expect(marks.isSubset(of: Set(0..<FrameCalls.most)), "round \(round)")
            #expect(line.calls.count == 0)
        }
        line.calls.make { Issue.record("\($0)") }
    }

    @Test("What is forgotten is closed with its last descriptor", arguments: [false, true])
    func forgetting(isSingle: Bool) {
        let line = Line(isSingle: isSingle)
        line.calls.remember(line.ends[0])
        #expect(line.write([[1], [2]]).isEmpty)
        line.calls.forget(line.ends[0])
        #expect(line.write([[3], [4]]).isEmpty)
        line.calls.remember(-1)
        line.calls.forget(-1)
        line.calls.forget(1 << 20)
        line.hangUp(0)
        #expect(line.read(5).messages == [[1], [2], [3], [4], []])
    }

    @Test("Both ways of making them do the same", arguments: 0..<20)
    func sameBothWays(seed: Int) {
        var numbers = SeededGenerator(UInt64(seed))
        let (joint, single) = (Line(isSingle: false), Line(isSingle: true))
        for line in [joint, single] { line.calls.remember(line.ends[0]) }
        for _ in 0..<50 {
            if Bool.random(using: &numbers) {
                let messages = (0..<1 + numbers.below(20)).map { _ in
                    [UInt8](repeating: UInt8(numbers.below(256)), count: 1 + numbers.below(900))
                }
                let (one, other) = (joint.write(messages), single.write(messages))
                #expect(one.keys.sorted() == other.keys.sorted())
            } else {
                let count = 1 + numbers.below(FrameCalls.most)
                let (one, other) = (joint.read(count), single.read(count))
                #expect(one.messages == other.messages && one.failures == other.failures)
            }
        }
    }
}
