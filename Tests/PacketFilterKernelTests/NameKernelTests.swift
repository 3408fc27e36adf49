// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import TestSupport
import Testing

@testable import PacketFilter

private let table = Table(.inet, "t")
private let chain = Chain(table, "c")
private let ports = NamedSet(
    table,
    "ports",
    key: [.inetProto, .inetService],
    content: .values([.ipv4Address, .inetService])
)

private func mapping(_ port: UInt16, to backend: UInt16 = 80, comment: String? = nil) -> SetElement {
    SetElement(
        key: [.proto(.tcp), .port(port)],
        values: [.address(IPAddress(v4: 0x0a00_0002)), .port(backend)],
        comment: comment
    )
}

@Suite("Names and comments in the kernel", .enabled(if: canUnshare, "needs root"))
struct NameKernelTests {
    @Test(
        "A name that nothing can have is absent when it is read, and refused before anything is sent",
        arguments: [0, 256, 70_000]
    )
    func impossibleNames(length: Int) throws {
        let name = String(repeating: "n", count: length)
        let (isAbsent, refusals) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            let set = NamedSet(table, name, key: [.mark], content: .verdict)
            let isAbsent = [
                try socket.table(Table(.inet, name)) == nil, try socket.chain(Chain(table, name)) == nil,
                try socket.rules(of: Chain(table, name)).isEmpty, try socket.rule(1, of: Chain(table, name)) == nil,
                try socket.set(named: name, of: table) == nil, try socket.isEmpty(set),
                try socket.elements(of: set).isEmpty, try socket.element([.mark(1)], of: set) == nil,
            ]
            let jump = SetElement(key: [.mark(1)], verdict: .jump(name))
            let map = NamedSet(table, "map", key: [.mark], content: .verdict)
            let refusals = [
                objection(socket) { $0.add(Table(.inet, name)) }, objection(socket) { $0.delete(Table(.inet, name)) },
                objection(socket) { $0.flush(Chain(table, name)) },
                objection(socket) { $0.destroy(Chain(table, name)) },
                objection(socket) { $0.add(Rule(chain, [.jump(name)])) },
                objection(socket) { $0.add(Rule(chain, [.member([.metaMark], .set(set))])) },
                objection(socket) { $0.destroy(set) }, objection(socket) { $0.flush(set) },
                objection(socket) { $0.add([jump], to: map) }, objection(socket) { $0.delete([jump], from: set) },
            ]
            return (isAbsent, refusals)
        }
        #expect(isAbsent == [Bool](repeating: true, count: 8))
        #expect(refusals.map { $0?.errno } == [Errno?](repeating: .invalidArgument, count: 10))
        #expect(refusals.map { $0?.explanation } == [String?](repeating: "a name has 1 to 255 octets", count: 10))
    }

    @Test("Comments of any characters come back; one that is too long is refused before anything is sent")
    func comments() throws {
        let texts = [
            "", "ä€😀", "a \"quoted\" 'word' \\ back", "new\nline", String(repeating: "x", count: 128),
        ]
        let (seen, refusals, generations) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            var seen: [[String?]] = []
            for text in texts {
                let set = NamedSet(table, "ports", key: ports.key, content: ports.content, comment: text)
                try socket.apply { batch in
                    batch.add(table, comment: text)
                    batch.add(chain, comment: text)
                    batch.add(set)
                    batch.add([mapping(1, comment: text)], to: set)
                    batch.add(Rule(chain, [.accept], comment: text))
                }
                seen.append([
                    try socket.table(table)?.comment, try socket.chain(chain)?.comment,
                    try socket.set(named: "ports", of: table)?.set.comment,
                    try socket.element(mapping(1).key, of: set)?.comment,
                    try socket.rules(of: chain).first?.rule.comment,
                ])
                try socket.apply { $0.delete(table) }
            }
            let before = try socket.generation()
            let long = String(repeating: "x", count: 129)
            let refusals = [
                objection(socket) { $0.add(table, comment: long) },
                objection(socket) { batch in
                    batch.add(table)
                    batch.add(chain, comment: "zero \0")
                },
                objection(socket) { batch in
                    batch.add(table)
                    batch.add(Rule(chain, [.accept], comment: long))
                },
                objection(socket) { batch in
                    batch.add([mapping(1, comment: long)], to: ports)
                    batch.add(table)
                },
                objection(socket) { $0.add(Table(.inet, String(repeating: "n", count: 256))) },
            ]
            return (seen, refusals, [before, try socket.generation()])
        }
        #expect(seen == texts.map { [String?](repeating: $0, count: 5) })
        #expect(refusals.map { $0?.errno } == [Errno?](repeating: .invalidArgument, count: 5))
        #expect(refusals[2]?.operation == "add rule inet t c")
        #expect(refusals[2]?.explanation == "a comment of 129 octets, 128 at most")
        #expect(generations[0] == generations[1])
    }
}
