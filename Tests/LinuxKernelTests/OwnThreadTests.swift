// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import TestSupport
import Testing

@Suite("Threads of their own")
struct OwnThreadTests {
    @Test("A thread begins with three descriptors, whatever the process has open")
    func table() throws {
        let other = try Descriptor(opening: "/dev/null", O_RDONLY)
        #expect(try OwnThread { openDescriptors().map(\.number) }.join() == [0, 1, 2])
        #expect(other.rawValue > 2)
    }

    @Test("A descriptor that a body forgets is told")
    func leak() throws {
        let leaked = try #require(throws: LeakedDescriptors.self) {
            try OwnThread { open("/dev/null", O_RDONLY | O_CLOEXEC) }.join()
        }
        #expect(leaked.files == ["/dev/null"])
    }

    @Test("What a body throws comes out")
    func failure() {
        let expected = KernelError("do it", .noSuchDevice)
        #expect(throws: expected) { try OwnThread { throw expected }.join() }
    }
}
