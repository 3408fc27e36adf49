// SPDX-License-Identifier: Apache-2.0
import Addressing
import FastPath
import TestSupport
import Testing

@Suite("VLANs that programs keep at a bridge's ports", .enabled(if: canUnshare, "needs root"))
struct GuardKernelTests {
    /// Two containers on the shortcut in VLANs of theirs.
    private static func joined(
        _ fastPath: borrowing FastPath,
        _ guards: borrowing VLANGuards,
        _ vlans: [UInt16]
    ) throws -> Containers {
        let containers = try Containers(vlans.count)
        for (index, vlan) in vlans.enumerated() {
            let port = containers.port(index, vlan: vlan)
            try guards.keep(port.link, to: FastPathGuard(native: vlan, members: [vlan...vlan], untagged: [vlan...vlan]))
            try fastPath.setPort(port)
            try fastPath.addStation(FastPathStation(port))
        }
        return containers
    }

    @Test("Within a VLAN frames go by the shortcut, and by the bridge as long as somebody looks where they leave")
    func within() throws {
        let (past, watched, again) = try withFastPath { fastPath in
            let guards = try VLANGuards(fastPath)
            let containers = try GuardKernelTests.joined(fastPath, guards, [100, 100])
            let past = try containers.flow(fastPath)
            let stranger = "priority 9 protocol ip u32 match ip protocol 252 0xff flowid 1:1"
            try containers.run("tc filter add dev veth1 egress \(stranger)")
            let watched = try containers.flow(fastPath)
            try containers.run("tc filter delete dev veth1 egress priority 9")
            return (past, watched, try containers.flow(fastPath))
        }
        #expect(past.received == many && watched.received == many && again.received == many)
        #expect(past.sentByShortcut > most && past.sentByShortcut == past.receivedByShortcut)
        #expect(watched.sentByShortcut == 0 && again.sentByShortcut > most)
    }

    @Test("Between VLANs no frame passes, nor one to or from a port that nothing is known of")
    func between() throws {
        let (other, forgotten, back) = try withFastPath { fastPath in
            let guards = try VLANGuards(fastPath)
            let containers = try GuardKernelTests.joined(fastPath, guards, [100, 200])
            let other = try containers.flow(fastPath, areExpected: false).received
            let link = containers.port(1).link
            try guards.keep(link, to: FastPathGuard(native: 100, members: [100...100], untagged: [100...100]))
            let back = try containers.flow(fastPath).received
            try guards.forget(link)
            try guards.forget(link)
            return (other, try containers.flow(fastPath, areExpected: false).received, back)
        }
        #expect(other == 0 && forgotten == 0 && back == many)
    }

    @Test("Programs that were taken away, or whose names were, are seen to be gone, and put back")
    func repaired() throws {
        let states = try withFastPath { fastPath in
            let containers = try Containers(1)
            let link = containers.port(0).link
            var states: [Bool] = [try VLANGuards.existing() == nil]
            let guards = try VLANGuards(fastPath)
            states.append(try guards.areAttached(to: link))
            for way in ["ingress", "egress"] {
                try guards.keepUnlessKnown(link, to: .defaultVLAN)
                states.append(try guards.areKept(link, to: .defaultVLAN))
                try containers.run("tc filter delete dev veth0 \(way)")
                states.append(try guards.areKept(link, to: .defaultVLAN))
            }
            try guards.keep(link, to: .defaultVLAN)
            // What is known stays so.
            try guards.keepUnlessKnown(link, to: FastPathGuard(native: 7, members: [7...7], untagged: []))
            states.append(try guards.areKept(link, to: .defaultVLAN))
            states.append(try guards.allPorts() == [link])
            try containers.run("rm -r \(FastPath.fileSystem)/culvert")
            let others = try VLANGuards(try FastPath())
            states.append(try others.areAttached(to: link))
            states.append(try others.leavesToOthers(link))
            try others.keep(link, to: .defaultVLAN)
            states.append(try others.areKept(link, to: .defaultVLAN))
            states.append(try others.leavesToOthers(link))
            return states
        }
        #expect(states == [true, false, true, false, true, false, true, true, false, true, true, false])
    }
}
