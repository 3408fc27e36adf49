// SPDX-License-Identifier: Apache-2.0
import FastPath
import Forwarding
import Testing

@testable import Wiring

@Suite("VLANs of a bridge that cannot tell them apart")
struct GuardedBridgeTests {
    @Test("The mark stands behind what somebody else wrote, once, and says whether all ports are done")
    func mark() {
        for alias in ["", "uplink of rack 7"] {
            let begun = GuardMark.adding(to: alias, isBegun: true)
            let done = GuardMark.adding(to: begun, isBegun: false)
            #expect(begun.hasPrefix(alias) && done.hasPrefix(alias) && begun != done)
            #expect(!GuardMark.isIn(alias) && GuardMark.isIn(begun) && GuardMark.isIn(done))
            #expect(GuardMark.isBegun(begun) && !GuardMark.isBegun(done))
            #expect(GuardMark.adding(to: done, isBegun: false) == done)
            #expect(GuardMark.adding(to: done, isBegun: true) == begun)
        }
    }

    /// What a network says, and what programs keep of it: IEEE 802.1Q's words, as in a kernel that has them.
    private static var ports: [(VLANMembership?, keepsDefault: Bool, FastPathGuard)] {
        [
            (nil, false, .defaultVLAN),
            (.access(100), false, FastPathGuard(native: 100, members: [100...100], untagged: [100...100])),
            (
                .access(100), true,
                FastPathGuard(native: 100, members: [1...1, 100...100], untagged: [1...1, 100...100])
            ),
            (.access(1), false, .defaultVLAN),
            (
                .trunk(VLANSet(5...6), native: 1), false,
                FastPathGuard(native: 1, members: [1...1, 5...6], untagged: [1...1])
            ),
            // Of a trunk's own, the default VLAN has its tag although it is kept.
            (
                .trunk(VLANSet(1...4094), native: 7), true,
                FastPathGuard(native: 7, members: [1...4094], untagged: [7...7])
            ),
            (.trunk(VLANSet(5...6)), false, FastPathGuard(native: 0, members: [5...6], untagged: [])),
        ]
    }

    @Test("A port's programs keep what the kernel's bridge would be told")
    func guards() {
        for (vlans, keepsDefault, expected) in GuardedBridgeTests.ports {
            var interface = VirtualInterface("veth0")
            if let vlans { interface.vlans = vlans }
            let port = PortSpecification(
                interface,
                of: "br0",
                knowsVLANs: vlans != nil,
                keepsDefaultVLAN: keepsDefault
            )
            #expect(port.vlanGuard == expected)
        }
    }

    @Test("Where programs keep VLANs the kernel's bridge is told nothing of them")
    func requests() {
        var interface = VirtualInterface("veth0")
        interface.vlans = .access(100)
        let port = PortSpecification(interface, of: "br0", knowsVLANs: true)
        #expect(port.requests(guardedPort: 7).isEmpty && !port.requests(port: 7, defaultVLAN: 1).isEmpty)
    }
}
