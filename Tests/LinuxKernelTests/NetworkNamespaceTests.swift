// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import TestSupport
import Testing

@Suite("Network namespaces", .enabled(if: canUnshare, "needs root"))
struct NetworkNamespaceTests {
    @Test("A body runs inside, and the thread returns home with what it made there")
    func run() throws {
        let seen = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let inside = try other.run(from: home) { () throws(KernelError) in
                try NetworkNamespace.current().identity
            }
            return [home.identity, try NetworkNamespace.current().identity, other.identity, inside]
        }
        #expect(seen[0] == seen[1])
        #expect(seen[2] == seen[3])
        #expect(seen[0] != seen[2])
    }

    @Test("The thread returns home also from a body that throws")
    func runThrowing() throws {
        let expected = KernelError("do what must fail", .noSuchDevice)
        let (isHome, refusal) = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            var refusal: KernelError?
            do throws(KernelError) {
                try other.run(from: home) { () throws(KernelError) in
                    throw expected
                }
            } catch {
                refusal = error
            }
            return (try NetworkNamespace.current().identity == home.identity, refusal)
        }
        #expect(isHome)
        #expect(refusal == expected)
    }

    @Test("A pipe is no namespace, and nobody waits for its writer")
    func pipe() throws {
        try withTemporaryDirectory { path in
            #expect(mkfifo("\(path)/pipe", 0o600) == 0)
            #expect {
                _ = try NetworkNamespace(path: "\(path)/pipe")
            } throws: { ($0 as? KernelError)?.errno == .invalidArgument }
        }
    }

    @Test("A namespace lives as long as its handle, and is found by any path to it")
    func paths() throws {
        let same = try inNewNamespace {
            let other = try anotherNamespace()
            let byPath = try NetworkNamespace(path: other.path)
            return byPath.identity == other.identity && byPath.rawDescriptor != other.rawDescriptor
        }
        #expect(same)
    }

    @Test("A thread's own namespace is nobody else's")
    func current() throws {
        let here = try NetworkNamespace.current().identity
        let there = try onThreads(2) { _ in try inNewNamespace { try NetworkNamespace.current().identity } }
        #expect(Set(there + [here]).count == 3)
    }

    @Test("A plain file is refused, as is nothing at all")
    func refusals() throws {
        try withTemporaryDirectory { directory in
            let plain = "\(directory)/plain"
            try writeFile(plain, "")
            let refusal = #expect(throws: KernelError.self) { _ = try NetworkNamespace(path: plain) }
            #expect(refusal?.errno == .invalidArgument)
            #expect(refusal?.explanation == "it is not a network namespace")
            #expect(refusal?.isMissingNamespace == true)
            for path in ["\(directory)/gone", "\(plain)/below", ""] {
                let refusal = #expect(throws: KernelError.self) { _ = try NetworkNamespace(path: path) }
                #expect(refusal?.isMissingNamespace == true, "\(path)")
            }
        }
    }

    @Test("A namespace of another kind is refused")
    func otherKind() throws {
        let refusal = #expect(throws: KernelError.self) { _ = try NetworkNamespace(path: "/proc/thread-self/ns/mnt") }
        #expect(refusal?.errno == .invalidArgument)
        #expect(refusal?.explanation == "it is not a network namespace")
    }

    @Test("The living namespaces are those of processes and those that a mount keeps")
    func living() throws {
        let own = try #require(try FileStatus.of("/proc/self/ns/net")).identity.inode
        let living = try #require(LivingNamespaces.found())
        #expect(living.contains(own))
        #expect(living.namespace(own)?.identity.inode == own)
        #expect(!living.contains(own &- 1 << 40))
    }

    @Test("Files of /proc/net are read as they are inside of a namespace, by a thread that is elsewhere")
    func networkFile() throws {
        let own = try #require(try FileStatus.of("/proc/self/ns/net")).identity.inode
        let (links, home, after) = try inNewNamespace {
            let home = try NetworkNamespace.current().identity
            let table = LivingNamespaces.found()?.networkFile("dev", of: own) ?? []
            return (table, home, try NetworkNamespace.current().identity)
        }
        let here = try Descriptor(opening: "/proc/self/net/dev", 0).readAll("dev")
        // Counters grow meanwhile.
        let names = [links, here].map { table in
            String(decoding: table, as: UTF8.self).split(separator: "\n").dropFirst(2).map { $0.prefix { $0 != ":" } }
        }
        #expect(names[0] == names[1] && !names[0].isEmpty)
        #expect(home == after)
    }
}
