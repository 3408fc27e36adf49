// SPDX-License-Identifier: Apache-2.0
import Linux
import TestSupport
import Testing

@Suite("Work inside of a namespace", .enabled(if: canUnshare, "needs root"))
struct NamespaceWorkTests {
    @Test("A locked namespace is nobody else's, by whatever path, until its handle is closed")
    func lock() throws {
        let refusals = try inNewNamespace {
            func attempt() throws -> Errno? {
                let other = try NetworkNamespace(path: "/proc/thread-self/ns/net")
                do throws(KernelError) {
                    try other.lock("other", waitingAtMost: .milliseconds(10))
                    return nil
                } catch {
                    return error.errno
                }
            }
            func whileLocked() throws -> Errno? {
                let holder = try NetworkNamespace.current()
                try holder.lock("holder", waitingAtMost: .seconds(20))
                let refusal = try attempt()
                // Used once more, so that it is not closed before.
                return holder.rawDescriptor >= 0 ? refusal : nil
            }
            return [try attempt(), try whileLocked(), try attempt()]
        }
        #expect(refusals == [nil, .wouldBlock, nil])
    }

    @Test("A setting for all links is followed by those of each link, and others by none")
    func followers() throws {
        let (all, forwarding, single, plain) = try inNewNamespace {
            (
                try Sysctl("ipv4", link: "all", "rp_filter").followers().map(\.description),
                try Sysctl("ipv4/ip_forward").followers().map(\.description),
                try Sysctl("ipv4", link: "lo", "rp_filter").followers().map(\.description),
                try Sysctl("core/somaxconn").followers().map(\.description)
            )
        }
        #expect(all.contains("net/ipv4/conf/lo/rp_filter") && !all.contains("net/ipv4/conf/all/rp_filter"))
        #expect(
            forwarding.contains("net/ipv4/conf/lo/forwarding") && forwarding.contains("net/ipv4/conf/all/forwarding")
        )
        #expect(single == [] && plain == [])
    }

    @Test("A setting that can only be written is written, and reads as nothing")
    func writeOnly() throws {
        let (before, refusal, missing) = try inNewNamespace {
            let flush = Sysctl("ipv4/route/flush")
            let before = flush.readIfPossible()
            try flush.requireWritable()
            try flush.write("1")
            var refusals: [Errno?] = []
            for sysctl in [Sysctl("core/somaxconn"), Sysctl("core/no_such_thing"), Sysctl("ipv4/conf")] {
                do throws(KernelError) {
                    try sysctl.requireWritable()
                    try sysctl.write("green")
                    refusals.append(nil)
                } catch {
                    refusals.append(error.errno)
                }
            }
            return (before, refusals[0], refusals[1...].map { $0 })
        }
        #expect(before == nil)
        #expect(refusal == .invalidArgument)
        #expect(missing == [.noSuchFileOrDirectory, .isDirectory])
    }
}
