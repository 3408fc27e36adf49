// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import TestSupport
import Testing

@testable import PacketFilter

private let table = Table(.inet, "t")
private let ports = NamedSet(table, "ports", key: [.inetService, .inetService], content: .values([.mark]))

private func element(_ number: Int) -> SetElement {
    SetElement(
        key: [.port(UInt16(number >> 16)), .port(UInt16(truncatingIfNeeded: number))],
        values: [.mark(UInt32(number))],
        comment: "element \(number)"
    )
}

@Suite("Several writers, and many elements", .enabled(if: canUnshare, "needs root"))
struct ConcurrencyKernelTests {
    @Test("A batch for a generation that is over is refused, and changes nothing")
    func stale() throws {
        let (refusal, tables) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            let generation = try socket.generation()
            try PacketFilterSocket().apply { $0.add(Table(.ip, "faster")) }
            let refusal = objection(socket, at: generation) { $0.add(table) }
            return (refusal, try socket.tables().map(\.table))
        }
        #expect(refusal == KernelError("change the packet filter", .restart))
        #expect(tables == [Table(.ip, "faster")])
    }

    @Test("An update begins again, with an empty batch, when somebody else was faster", arguments: [0, 1, 5])
    func again(others: Int) throws {
        let (calls, tables) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            let other = try PacketFilterSocket()
            var calls = 0
            try socket.update { (batch) throws(KernelError) in
                calls += 1
                batch.add(Table(.ip, "mine\(calls)"))
                guard calls <= others else { return }
                var theirs = Batch()
                theirs.add(Table(.ip, "theirs\(calls)"))
                try other.apply(theirs)
            }
            return (calls, try socket.tables().map(\.table.name))
        }
        #expect(calls == others + 1)
        #expect(Set(tables) == Set((1..<(others + 1)).map { "theirs\($0)" } + ["mine\(others + 1)"]))
    }

    @Test("An update that always comes second gives up")
    func never() throws {
        let (failure, tables) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            let other = try PacketFilterSocket()
            var failure: KernelError?
            do throws(KernelError) {
                try socket.update { (batch) throws(KernelError) in
                    batch.add(table)
                    var theirs = Batch()
                    theirs.add(Table(.ip, "theirs"))
                    theirs.flush(Table(.ip, "theirs"))
                    theirs.add(Chain(Table(.ip, "theirs"), "c"))
                    theirs.add(Rule(Chain(Table(.ip, "theirs"), "c"), [.accept]))
                    try other.apply(theirs)
                }
            } catch {
                failure = error
            }
            return (failure, try socket.tables().map(\.table.name))
        }
        #expect(failure?.errno == .restart)
        #expect(tables == ["theirs"])
    }

    @Test("What a body throws comes through, and nothing is changed")
    func bodyThrows() throws {
        let (failure, tables) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            var failure: KernelError?
            do throws(KernelError) {
                try socket.update { (batch) throws(KernelError) in
                    batch.add(table)
                    throw KernelError("think twice", .permissionDenied)
                }
            } catch {
                failure = error
            }
            return (failure, try socket.tables().count)
        }
        #expect(failure == KernelError("think twice", .permissionDenied))
        #expect(tables == 0)
    }

    @Test("Four writers that read before they write lose nothing")
    func writers() throws {
        let marks = try inNewNamespace {
            try PacketFilterSocket().apply { batch in
                batch.add(table)
                batch.add(ports)
            }
            // A new thread is in the namespace of the one that starts it.
            let threads = try (0..<4).map { writer in
                try OwnThread {
                    let socket = try PacketFilterSocket()
                    for _ in 0..<25 {
                        try socket.update { (batch) throws(KernelError) in
                            // How many there are: two that saw the same number would write the same key.
                            let count = try socket.elements(of: ports).count
                            batch.create([element(count)], in: ports)
                        }
                    }
                    return writer
                }
            }
            for thread in threads { _ = try thread.join() }
            return try PacketFilterSocket().elements(of: ports).map(\.content)
        }
        #expect(Set(marks) == Set((0..<100).map { SetElement.Content.values([.mark(UInt32($0))]) }))
    }

    @Test("Twenty thousand elements go in one batch, and are found, listed and taken away again")
    func many() throws {
        let numbers = 0..<20_000
        let seen = try inNewNamespace {
            let socket = try PacketFilterSocket()
            try socket.apply { batch in
                batch.add(table)
                batch.add(ports)
                batch.add(numbers.map { element($0) }, to: ports)
            }
            let elements = try socket.elements(of: ports)
            let middle = try socket.element(element(12_345).key, of: ports)
            // The rest of the list is on its way; other answers come through, and other lists.
            let isEmpty = try socket.isEmpty(ports)
            let single = try socket.table(table)?.useCount
            let again = try socket.elements(of: ports).count
            _ = try socket.isEmpty(ports)
            try socket.apply { $0.delete(numbers.map { element($0) }, from: ports) }
            return (
                elements, middle, [isEmpty, try socket.isEmpty(ports)], single, again,
                try socket.elements(of: ports).count
            )
        }
        #expect(Set(seen.0) == Set(numbers.map { element($0) }))
        #expect(seen.1 == element(12_345))
        #expect(seen.2 == [false, true])
        #expect(seen.3 == 1 && seen.4 == 20_000 && seen.5 == 0)
    }

    @Test("However many commands are refused, the first one is named, and the next batch is not confused")
    func manyRefusals() throws {
        let (refusal, after) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            try socket.apply { $0.add(table) }
            let refusal = objection(socket) { batch in
                for number in 0..<20_000 { batch.delete(Chain(table, "gone\(number)")) }
            }
            try socket.apply { $0.add(Chain(table, "c")) }
            return (refusal, try socket.chains(of: table).map(\.chain.name))
        }
        #expect(refusal == KernelError("delete chain inet t gone0", .noSuchFileOrDirectory))
        #expect(after == ["c"])
    }

    @Test("The socket stays in the namespace it was opened in")
    func namespaces() throws {
        let counts = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let socket = try other.run(from: home) { () throws(KernelError) in try PacketFilterSocket() }
            try socket.apply { $0.add(table) }
            return [try socket.tables().count, try PacketFilterSocket().tables().count]
        }
        #expect(counts == [1, 0])
    }
}
