// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing
import Wiring

@Suite("What containers share", .enabled(if: canUnshare, "needs root"))
struct SharedChangeTests {
    /// Applies changes where a bridge `br0` has some addresses already.
    private static func change(
        _ existing: [String],
        _ changes: @escaping @Sendable () throws -> [Change]
    ) throws -> (failure: PlanFailure?, scene: Scene) {
        try inNewNamespace {
            let stage = try Stage()
            try stage.host.execute(.addBridge("br0", address: mac(9), mtu: 1400, filtersVLANs: false))
            guard let bridge = try stage.host.link(named: "br0") else { throw Malformed(text: "br0") }
            for text in existing {
                try stage.host.execute(.addAddress(try cidr(text), to: bridge.index, name: "br0"))
            }
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: [.bridge(Plan().bridge)] + (try changes()))
            transaction.commit()
            return (failure, try stage.look())
        }
    }

    @Test("A bridge that is there is taken as it is, and brought up")
    func existingBridge() throws {
        let (failure, scene) = try Self.change([]) { [] }
        #expect(failure == nil)
        #expect(scene.bridge?.address == mac(9) && scene.bridge?.mtu == 1400)
        #expect(scene.bridge?.isUp == true && scene.bridge?.isPromiscuous == false)
    }

    @Test("A bridge that is down gives up looking for others with its address; one that is up is left alone")
    func duplicates() throws {
        let values = try inNewNamespace {
            let stage = try Stage()
            for name in ["br0", "br1"] {
                try stage.host.execute(.addBridge(name, address: mac(9), mtu: 0, filtersVLANs: false))
            }
            guard let other = try stage.host.link(named: "br1") else { throw Malformed(text: "br1") }
            try stage.host.execute(.setUp(true, link: other.index, name: "br1"))
            var transaction = try stage.transaction()
            let bridges = ["br0", "br1"].map { name in
                Change.bridge(
                    BridgeSpecification(name: name, address: mac(1), mtu: 0, isPromiscuous: false, filtersVLANs: false)
                )
            }
            guard transaction.failure(of: bridges) == nil else { throw Malformed(text: "bridges") }
            transaction.commit()
            return try ["br0", "br1"].map { try Sysctl("ipv6", link: $0, "accept_dad").read() }
        }
        #expect(values == ["0", "1"])
    }

    @Test("A bridge becomes promiscuous when it has to")
    func promiscuous() throws {
        let bridge = BridgeSpecification(
            name: "br0",
            address: mac(1),
            mtu: 0,
            isPromiscuous: true,
            filtersVLANs: false
        )
        let (failure, scene) = try Self.change([]) { [.bridge(bridge), .bridge(bridge)] }
        #expect(failure == nil)
        #expect(scene.bridge?.isPromiscuous == true)
    }

    @Test(
        "A bridge that is to tell VLANs apart and does not is refused with the command that helps, or the kernel's lack"
    )
    func filtering() throws {
        let bridge = BridgeSpecification(
            name: "br0",
            address: mac(1),
            mtu: 0,
            isPromiscuous: false,
            filtersVLANs: true
        )
        let (failure, scene) = try Self.change([]) { [.bridge(bridge)] }
        #expect(failure?.cause.operation == "use VLANs on bridge br0")
        #expect(failure?.cause.errno == .notSupported)
        let explanation = try #require(failure?.cause.explanation)
        #expect(explanation.contains("vlan_filtering 1") || explanation.contains("CONFIG_BRIDGE_VLAN_FILTERING"))
        #expect(scene.bridge != nil)
    }

    @Test("A new bridge tells VLANs apart as wanted, or is refused and not left behind")
    func newFiltering() throws {
        let (failure, link) = try inNewNamespace {
            let stage = try Stage()
            var transaction = try stage.transaction()
            let bridge = BridgeSpecification(
                name: "br0",
                address: mac(1),
                mtu: 0,
                isPromiscuous: false,
                filtersVLANs: true
            )
            let failure = transaction.failure(of: [.bridge(bridge)])
            transaction.commit()
            return (failure, try stage.host.link(named: "br0"))
        }
        #expect((failure == nil) == (link != nil))
        #expect(link == nil || link?.bridge?.filtersVLANs == true)
        #expect(failure == nil || failure?.cause.errno == .notSupported)
    }

    @Test(
        "An address that is in nobody's way joins the others",
        arguments: [
            ([], "10.1.2.1/24"), (["10.1.2.1/24"], "10.1.2.1/24"), (["fd00::1/64"], "10.1.2.1/24"),
            (["10.1.2.1/24"], "fd00::1/64"), (["fd00::1/64"], "fd01::1/64"), (["fd00::1/64"], "fd00::1/64"),
        ]
    )
    func joins(existing: [String], address: String) throws {
        let (failure, scene) = try Self.change(existing) {
            [.sharedAddress(SharedAddress(try cidr(address), link: "br0", replacesOthers: false))]
        }
        #expect(failure == nil)
        #expect(scene.gateways == Set(existing + [address]).sorted())
    }

    @Test(
        "A conflicting address is refused, and the bridge keeps what it had",
        arguments: [
            (["10.7.7.1/24"], "10.1.2.1/24", "10.7.7.1/24"), (["10.1.2.9/24"], "10.1.2.1/24", "10.1.2.9/24"),
            (["10.1.2.1/16"], "10.1.2.1/24", "10.1.2.1/16"), (["fd00::9/64"], "fd00::1/64", "fd00::9/64"),
            (["fd00::9/32", "10.1.2.1/24"], "fd00::1/64", "fd00::9/32"),
        ]
    )
    func conflicts(existing: [String], address: String, culprit: String) throws {
        let (failure, scene) = try Self.change(existing) {
            [.sharedAddress(SharedAddress(try cidr(address), link: "br0", replacesOthers: false))]
        }
        let expected = KernelError(
            "add address \(address) to br0",
            .addressInUse,
            explanation: "\"br0\" already has an IP address different from \(address): \(culprit)"
        )
        #expect(failure == PlanFailure(cause: expected))
        #expect(scene.gateways == existing.sorted())
    }

    @Test(
        "A conflicting address is replaced where that is wanted, and the others stay",
        arguments: [
            (["10.7.7.1/24"], "10.1.2.1/24", ["10.1.2.1/24"]), (["10.1.2.9/24"], "10.1.2.1/24", ["10.1.2.1/24"]),
            (["10.1.2.9/24", "10.1.2.8/24", "10.7.7.1/24"], "10.1.2.1/24", ["10.1.2.1/24"]),
            (["10.7.7.1/24", "fd00::1/64"], "10.1.2.1/24", ["10.1.2.1/24", "fd00::1/64"]),
            (["fd00::9/64", "fd01::1/64"], "fd00::1/64", ["fd00::1/64", "fd01::1/64"]),
        ]
    )
    func replaces(existing: [String], address: String, expected: [String]) throws {
        let (failure, scene) = try Self.change(existing) {
            [.sharedAddress(SharedAddress(try cidr(address), link: "br0", replacesOthers: true))]
        }
        #expect(failure == nil)
        #expect(scene.gateways == expected)
    }

    @Test("Many make the same bridge with the same address at the same moment")
    func race() throws {
        let (failures, scene) = try inNewNamespace {
            let stage = try Stage()
            let failures = try onThreads(6) { _ in
                var transaction = try Stage().transaction()
                let failure = transaction.failure(of: Array(try Plan().changes()[..<4]))
                transaction.commit()
                return failure
            }
            return (failures, try stage.look())
        }
        #expect(failures.allSatisfy { $0 == nil })
        #expect(scene.bridge?.isUp == true)
        #expect(scene.gateways == ["10.1.2.1/24"])
    }
}
