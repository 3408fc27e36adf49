// SPDX-License-Identifier: Apache-2.0
import CLinux
import FastPath
import Linux
import TestSupport
import Testing

@Suite("The shortcut as a filter of clsact", .enabled(if: canUnshare, "needs root"))
struct FilterKernelTests {
    /// The filters of a port and what holds them, as tc(8) lists them.
    private static func listed(_ containers: Containers) throws -> String {
        try containers.run("tc qdisc show dev veth0; tc filter show dev veth0 ingress; tc filter show dev veth0 egress")
    }

    @Test("Frames between two containers go by the shortcut, and are counted at both ends")
    func passes() throws {
        let (flow, isFilter, again) = try withFastPath(isFilter: true) { fastPath in
            let containers = try Containers(2)
            for index in 0..<2 { try containers.join(fastPath, containers.port(index)) }
            return (try containers.flow(fastPath), fastPath.isFilter, try FastPath.existing()?.isFilter)
        }
        #expect(isFilter && again == true)
        #expect(flow.received == many)
        #expect(flow.sentByShortcut > most && flow.sentByShortcut == flow.receivedByShortcut)
    }

    @Test("Attached a second time it is there once, and detached it leaves nobody else's filters changed")
    func strangers() throws {
        let found = try withFastPath(isFilter: true) { fastPath in
            let containers = try Containers(1)
            try containers.run("tc qdisc add dev veth0 clsact")
            for way in ["ingress", "egress"] {
                try containers.run(
                    "tc filter add dev veth0 \(way) priority 9 protocol ip u32 match ip protocol 252 0xff flowid 1:1"
                )
            }
            let before = try FilterKernelTests.listed(containers)
            let link = containers.port(0).link
            var states = [try fastPath.isAttached(to: link)]
            try fastPath.attach(to: link)
            let once = try FilterKernelTests.listed(containers)
            try fastPath.attach(to: link)
            states.append(try fastPath.isAttached(to: link))
            let twice = try FilterKernelTests.listed(containers)
            try fastPath.detach(from: link)
            try fastPath.detach(from: link)
            states.append(try fastPath.isAttached(to: link))
            return (before, once, twice, try FilterKernelTests.listed(containers), states)
        }
        #expect(found.4 == [false, true, false])
        #expect(found.0 != found.1 && found.1 == found.2)
        #expect(found.0 == found.3)
    }

    @Test("A stranger's filter in the shortcut's place is left alone, and said")
    func taken() throws {
        let (error, before, after) = try withFastPath(isFilter: true) { fastPath in
            let containers = try Containers(1)
            try containers.run(
                "tc qdisc add dev veth0 clsact && "
                    + "tc filter add dev veth0 ingress priority 49153 protocol all u32 match u32 0 0 flowid 1:1"
            )
            let before = try FilterKernelTests.listed(containers)
            var refusal: KernelError?
            do throws(KernelError) {
                try fastPath.attach(to: containers.port(0).link)
            } catch {
                refusal = error
            }
            try fastPath.detach(from: containers.port(0).link)
            return (refusal, before, try FilterKernelTests.listed(containers))
        }
        #expect(error?.operation.contains("attach our program") == true)
        #expect(before == after)
    }

    @Test("What another version attached is replaced")
    func replaced() throws {
        let (before, after) = try withFastPath(isFilter: true) { fastPath in
            let containers = try Containers(1)
            let link = containers.port(0).link
            try fastPath.attach(to: link)
            // The same once more, from another file system: another program of the same name.
            try unmount(FastPath.fileSystem)
            let mounted = culvert_mount_programs(FastPath.fileSystem)
            guard mounted == 0 else { throw KernelError("mount a BPF file system", Errno(rawValue: mounted)) }
            let other = try FastPath(isFilter: true)
            let before = [try fastPath.isAttached(to: link), try other.isAttached(to: link)]
            try other.attach(to: link)
            return (before, [try fastPath.isAttached(to: link), try other.isAttached(to: link)])
        }
        #expect(before == [true, false])
        #expect(after == [false, true])
    }

    @Test("A link that is gone has no program, and detaching from it is no error")
    func gone() throws {
        let isAttached = try withFastPath(isFilter: true) { fastPath in
            try fastPath.detach(from: 4711)
            return try fastPath.isAttached(to: 4711)
        }
        #expect(!isAttached)
    }
}
