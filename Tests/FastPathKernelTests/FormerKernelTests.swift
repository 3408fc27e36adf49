// SPDX-License-Identifier: Apache-2.0
import CLinux
import FastPath
import Glibc
import Linux
import TestSupport
import Testing

@Suite("Programs whose names are gone", .enabled(if: canUnshare, "needs root"))
struct FormerKernelTests {
    /// What is at a link.
    private struct Sight: Equatable, Sendable {
        var isAttached: Bool
        var hasFormer: Bool
        var count: Int32

        static func now(_ fastPath: borrowing FastPath) throws -> Sight {
            var numbers = [UInt32](repeating: 0, count: 8)
            return Sight(
                isAttached: try fastPath.isAttached(to: 1),
                hasFormer: try fastPath.hasFormer(at: 1),
                count: culvert_attached_programs(1, &numbers, 8)
            )
        }
    }

    /// Forgets the names of what earlier versions left, as an update does.
    private static func forgetNames() throws {
        let family = FastPath.fileSystem + "/culvert"
        for version in try Directory(path: family).names() where version.contains("-") {
            for pin in try Directory(path: family + "/" + version).names() where !pin.hasPrefix(".") {
                let path = family + "/" + version + "/" + pin
                guard unlink(path) == 0 else { throw KernelError("unlink \(path)", Errno.current) }
            }
        }
    }

    @Test("One of another version is known for what it is, and goes; ours and a second time change nothing")
    func former() throws {
        let sights = try withFastPath { fastPath in
            var sights: [Sight] = []
            try fastPath.attach(to: 1)
            sights.append(try Sight.now(fastPath))
            try fastPath.detachFormer(from: 1)
            sights.append(try Sight.now(fastPath))
            try Self.forgetNames()
            let next = try FastPath()
            sights.append(try Sight.now(next))
            try next.attach(to: 1)
            sights.append(try Sight.now(next))
            for _ in 0..<2 {
                try next.detachFormer(from: 1)
                sights.append(try Sight.now(next))
            }
            return sights
        }
        let ours = Sight(isAttached: true, hasFormer: false, count: 1)
        #expect(sights[..<2] == [ours, ours])
        #expect(sights[2] == Sight(isAttached: false, hasFormer: true, count: 1))
        #expect(sights[3] == Sight(isAttached: true, hasFormer: true, count: 2))
        #expect(sights[4...] == [ours, ours])
    }
}
