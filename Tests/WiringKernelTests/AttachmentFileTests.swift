// SPDX-License-Identifier: Apache-2.0
import JSON
import Linux
import TestSupport
import Testing
import Wiring

@Suite("Attachment files")
struct AttachmentFileTests {
    private static let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")
    private static let fileName = "c1:eth0.json"

    private static func record(_ state: AttachmentRecord.State = .intended, _ host: String = "") -> AttachmentRecord {
        AttachmentRecord(
            key: key,
            state: state,
            namespacePath: "/run/netns/c1",
            namespaceIdentity: "4:5",
            intendedNanoseconds: 17,
            hostInterface: host,
            configuration: ["name": "blue"]
        )
    }

    private static func open(_ root: String, _ bound: Duration = .seconds(20)) throws(KernelError) -> AttachmentFile {
        try AttachmentFile(opening: key, in: AttachmentStore(root: root), waitingAtMost: bound)
    }

    private static func openExisting(
        _ root: String,
        _ bound: Duration = .seconds(20)
    ) throws(KernelError) -> AttachmentFile {
        try AttachmentFile(existing: key, in: AttachmentStore(root: root), waitingAtMost: bound)
    }

    /// What an open file says.
    private static func content(of file: borrowing AttachmentFile) -> (record: AttachmentRecord?, existed: Bool) {
        (file.record, file.existed)
    }

    /// Why the record cannot be opened now; nil when it can.
    private static func refusal(_ root: String, _ bound: Duration = .zero) -> Errno? {
        do throws(KernelError) {
            _ = try openExisting(root, bound)
            return nil
        } catch {
            return error.errno
        }
    }

    @Test("A new file says nothing, a written one what was written, whoever opens it")
    func roundTrip() throws {
        try withTemporaryDirectory { root in
            do {
                var file = try Self.open(root)
                #expect(Self.content(of: file) == (nil, false))
                try file.write(Self.record())
                #expect(Self.content(of: file) == (Self.record(), false))
                try file.write(Self.record(.attached, "veth0"))
            }
            #expect(try listDirectory("\(root)/attachments/blue") == [Self.fileName])
            let again = try Self.open(root)
            #expect(Self.content(of: again) == (Self.record(.attached, "veth0"), true))
        }
    }

    @Test("Nobody else opens the record before it is closed, also after it was replaced")
    func exclusion() throws {
        try withTemporaryDirectory { root in
            do {
                var file = try Self.open(root)
                #expect(Self.refusal(root) == .wouldBlock)
                for _ in 0..<3 {
                    try file.write(Self.record())
                    #expect(Self.refusal(root) == .wouldBlock)
                }
                #expect(Self.content(of: file).existed == false)
            }
            #expect(Self.refusal(root, .seconds(20)) == nil)
        }
    }

    @Test("Another attachment's record is another lock")
    func neighbours() throws {
        try withTemporaryDirectory { root in
            let file = try Self.open(root)
            for (network, container, interface) in [
                ("red", "c1", "eth0"), ("blue", "c2", "eth0"), ("blue", "c1", "eth1"),
            ] {
                let key = AttachmentKey(network: network, containerID: container, interfaceName: interface)
                let other = try AttachmentFile(
                    opening: key,
                    in: AttachmentStore(root: root),
                    waitingAtMost: .seconds(20)
                )
                #expect(Self.content(of: other) == (nil, false))
            }
            #expect(Self.content(of: file) == (nil, false))
        }
    }

    @Test("Without a record there is nothing to open, with or without its directory")
    func missing() throws {
        try withTemporaryDirectory { root in
            #expect(Self.refusal(root) == .noSuchFileOrDirectory)
            try Self.open(root).remove()
            #expect(Self.refusal(root) == .noSuchFileOrDirectory)
            #expect(try listDirectory("\(root)/attachments/blue") == [])
        }
    }

    @Test("What a dead writer left is in nobody's way and goes with the record", arguments: ["", "{", "half"])
    func leftovers(content: String) throws {
        try withTemporaryDirectory { root in
            try Self.open(root).remove()
            let directory = "\(root)/attachments/blue"
            try writeFile("\(directory)/\(Self.fileName)", content)
            try writeFile(
                "\(directory)/\(Self.fileName).tmp",
                "half of a record that is longer than the next one: "
                    + String(repeating: "x", count: 4000)
            )
            do {
                var file = try Self.openExisting(root)
                #expect(Self.content(of: file) == (nil, true))
                try file.write(Self.record())
            }
            #expect(Self.content(of: try Self.openExisting(root)) == (Self.record(), true))
            #expect(try listDirectory(directory) == [Self.fileName])
            try writeFile("\(directory)/\(Self.fileName).tmp", "half")
            try Self.openExisting(root).remove()
            #expect(try listDirectory(directory) == [])
        }
    }

    @Test("A symbolic link is no record")
    func symbolicLink() throws {
        try withTemporaryDirectory { root in
            try Self.open(root).remove()
            try writeFile("\(root)/elsewhere", "precious")
            try makeSymbolicLink("\(root)/attachments/blue/\(Self.fileName)", to: "\(root)/elsewhere")
            #expect(throws: KernelError.self) { _ = try Self.open(root) }
            #expect(Self.refusal(root) == .tooManySymbolicLinkLevels)
            #expect(try readFile("\(root)/elsewhere") == "precious")
        }
    }

    @Test("The keys of a network are those of its records, whole or half")
    func keys() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            #expect(try store.keys(of: "blue") == [])
            try Self.open(root).remove()
            let directory = "\(root)/attachments/blue"
            for name in [
                "c1:eth0.json", "c1:eth0.json.tmp", "c2:eth0.5.json", "c3:a.json.tmp", "README", "c4.json", "c5:eth0",
                "c6:eth0.txt", ".json", "c7:eth0.tmp",
            ] {
                try writeFile("\(directory)/\(name)", "")
            }
            #expect(try store.keys(of: "blue").map(\.description) == ["blue/c1:eth0", "blue/c2:eth0.5", "blue/c3:a"])
            #expect(try store.keys(of: "red") == [])
        }
    }

    @Test("However many open, write and remove a record at once, one at a time owns it", arguments: 0..<4)
    func race(round: Int) throws {
        try withTemporaryDirectory { root in
            let owner = "\(root)/owner"
            try writeFile(owner, "")
            let violations = try onThreads(6) { thread in
                var violations = 0
                for number in 0..<60 {
                    var file = try Self.open(root, .seconds(60))
                    // Nobody but the owner of the record touches this file.
                    try writeFile(owner, "\(thread)")
                    if number % 3 != 0 { try file.write(Self.record(.attached, "veth\(thread)")) }
                    if try readFile(owner) != "\(thread)" { violations += 1 }
                    if number % 3 == 1, file.record?.hostInterface != "veth\(thread)" { violations += 1 }
                    if number % 2 == 0 { try file.remove() }
                }
                return violations
            }
            #expect(violations == [0, 0, 0, 0, 0, 0])
        }
    }
}
