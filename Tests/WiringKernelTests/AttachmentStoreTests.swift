// SPDX-License-Identifier: Apache-2.0
import Glibc
import JSON
import Linux
import TestSupport
import Testing
import Wiring

@Suite("Attachment records on disk")
struct AttachmentStoreTests {
    private static func record(_ key: AttachmentKey, intended: Int64 = 17) -> AttachmentRecord {
        AttachmentRecord(
            key: key,
            state: .attached,
            namespacePath: "/run/netns/c1",
            namespaceIdentity: "4:5",
            intendedNanoseconds: intended,
            configuration: ["name": .string(key.network)]
        )
    }

    private static func write(_ key: AttachmentKey, of plugin: String = "", in store: AttachmentStore) throws {
        var file = try AttachmentFile(opening: key, of: plugin, in: store, waitingAtMost: .seconds(20))
        try file.write(record(key))
    }

    @Test("Records of plugins stand side by side, and each is listed by its plugin alone")
    func plugins() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            #expect(try store.networks() == [] && store.keys(of: "blue") == [])
            try Self.write(attachment("c1"), in: store)
            try Self.write(attachment("c1"), of: "portmap", in: store)
            try Self.write(attachment("c2"), of: "portmap", in: store)
            try Self.write(attachment("c3", of: "red"), of: "firewall", in: store)
            let names = try listDirectory("\(root)/attachments/blue")
            #expect(names == ["c1:eth0.json", "c1:eth0:portmap.json", "c2:eth0:portmap.json"])
            #expect(try store.networks() == ["blue", "red"])
            #expect(try store.keys(of: "blue") == [attachment("c1")])
            #expect(try store.keys(of: "blue", plugin: "portmap") == [attachment("c1"), attachment("c2")])
            #expect(try store.keys(of: "blue", plugin: "firewall") == [])
            #expect(try store.keys(of: "red", plugin: "firewall") == [attachment("c3", of: "red")])
        }
    }

    @Test("A plugin's record is another lock than that of the plugin before it")
    func locks() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            var file = try AttachmentFile(opening: attachment("c1"), in: store, waitingAtMost: .seconds(20))
            try file.write(Self.record(attachment("c1")))
            try Self.write(attachment("c1"), of: "portmap", in: store)
            let error = #expect(throws: KernelError.self) {
                _ = try AttachmentFile(existing: attachment("c1"), in: store, waitingAtMost: .zero)
            }
            #expect(error?.errno == .wouldBlock)
            #expect(try AttachmentStore(root: root).record(of: attachment("c1")) == Self.record(attachment("c1")))
        }
    }

    @Test("Half a record is listed and says nothing; what is no record is not listed")
    func halves() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            try Self.write(attachment("c1"), in: store)
            for name in ["c2:eth0.json", "c3:eth0.json.tmp", "c4:eth0:portmap.json.tmp", "c1:eth0.json.tmp"] {
                try writeFile("\(root)/attachments/blue/\(name)", "{")
            }
            for name in ["README", "c5.json", "c6:eth0", "c7:eth0.json.bak", "a:b:c:d.json", ".json"] {
                try writeFile("\(root)/attachments/blue/\(name)", "{}")
            }
            #expect(try store.keys(of: "blue") == [attachment("c1"), attachment("c2"), attachment("c3")])
            #expect(try store.keys(of: "blue", plugin: "portmap") == [attachment("c4")])
            #expect(try store.record(of: attachment("c1")) == Self.record(attachment("c1")))
            for containerID in ["c2", "c3", "c9"] { #expect(try store.record(of: attachment(containerID)) == nil) }
        }
    }

    @Test("What is no file says nothing, and hides neither records nor networks beside it")
    func strangers() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            try Self.write(attachment("c1"), in: store)
            let directory = "\(root)/attachments/blue"
            #expect(mkdir("\(directory)/c2:eth0.json", 0o700) == 0)
            #expect(symlink("c1:eth0.json", "\(directory)/c3:eth0.json") == 0)
            #expect(mkfifo("\(directory)/c4:eth0.json", 0o600) == 0)
            try writeFile("\(root)/attachments/green", "no directory")
            #expect(try store.networks() == ["blue", "green"] && store.keys(of: "green") == [])
            #expect(try store.keys(of: "blue").map { $0.containerID } == ["c1", "c2", "c3", "c4"])
            for key in ["c2", "c3", "c4"].map({ attachment($0) }) {
                #expect(try store.record(of: key) == nil)
                #expect(try store.isAlive(key, since: .min) == false)
                let error = #expect(throws: KernelError.self) {
                    _ = try AttachmentFile(opening: key, in: store, waitingAtMost: .zero)
                }
                #expect(error?.explanation == "it is no regular file; remove it")
            }
            #expect(try store.record(of: attachment("c1")) == Self.record(attachment("c1")))
        }
    }

    @Test("An attachment is alive when it is young or somebody works on it")
    func alive() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            #expect(try store.isAlive(attachment("c1"), since: 0) == false)
            try Self.write(attachment("c1"), in: store)
            #expect(try store.isAlive(attachment("c1"), since: 17) == true)
            #expect(try store.isAlive(attachment("c1"), since: 18) == false)
            let file = try AttachmentFile(existing: attachment("c1"), in: store, waitingAtMost: .seconds(20))
            let isAlive = try store.isAlive(attachment("c1"), since: 18)
            #expect(isAlive && file.record != nil)
        }
    }

    @Test("The networks where a container has an interface of the same name are found")
    func otherNetworks() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            #expect(try store.otherNetworks(of: attachment("c1")) == [])
            for network in ["blue", "red"] { try Self.write(attachment("c1", of: network), in: store) }
            try Self.write(attachment("c2", of: "green"), in: store)
            #expect(try store.otherNetworks(of: attachment("c1")) == ["red"])
            #expect(try store.otherNetworks(of: attachment("c2")) == ["green"])
        }
    }

    @Test("Whether a container has a record is known, and where it is not, it may have one")
    func mayHold() throws {
        try withTemporaryDirectory { root in
            let store = AttachmentStore(root: root)
            #expect(!store.mayHold(containerID: "c1", of: "blue"))
            try Self.write(attachment("c1"), in: store)
            #expect(store.mayHold(containerID: "c1", of: "blue"))
            #expect(!store.mayHold(containerID: "c1", of: "blue", plugin: "portmap"))
            #expect(!store.mayHold(containerID: "c", of: "blue") && !store.mayHold(containerID: "c1", of: "red"))
            try writeFile("\(root)/attachments/green", "no directory")
            #expect(store.mayHold(containerID: "c1", of: "green"))
        }
    }

    @Test("A container is dead when its namespace is gone or another, and not when nobody can tell")
    func death() throws {
        try withTemporaryDirectory { root in
            let path = "\(root)/netns"
            try writeFile(path, "")
            let identity = try #require(try FileStatus.of(path)).identity
            var record = Self.record(attachment("c1"))
            func isDead(_ path: String, _ identity: String) -> Bool {
                record.namespacePath = path
                record.namespaceIdentity = identity
                return record.isOfDeadContainer
            }
            #expect(!isDead(path, "\(identity)"))
            #expect(isDead(path, "4:5"))
            #expect(isDead("\(root)/gone", "\(identity)"))
            #expect(!isDead("", "\(identity)") && !isDead("\(root)/gone", ""))
            // A loop of links leads nowhere, but says nothing of the namespace.
            try makeSymbolicLink("\(root)/loop", to: "\(root)/loop")
            #expect(!isDead("\(root)/loop", "4:5"))
        }
    }
}
