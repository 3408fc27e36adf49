// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Linux
import Netlink
import Testing

@testable import Wiring

private let pair = VethPair(
    host: VethPair.End(name: "veth0", address: .zero),
    container: VethPair.End(name: "eth0", address: .zero),
    mtu: 0
)

@Suite("Changes")
struct ChangeTests {
    @Test("A pair is taken back by its name on the host")
    func inverse() {
        #expect(Change.pair(pair, bridge: "br0").inverse == .noLink("veth0"))
    }

    @Test(
        "What is shared stays, and what goes with the pair needs no taking back",
        arguments: [
            Change.bridge(
                BridgeSpecification(name: "br0", address: .zero, mtu: 0, isPromiscuous: false, filtersVLANs: false)
            ),
            .vlanInterface(
                VLANInterface(
                    gateway: VethPair.End(name: "br0.5", address: .zero),
                    port: VethPair.End(name: "veth5", address: .zero),
                    bridge: "br0",
                    vlan: 5,
                    keepsDefaultVLAN: false
                )
            ),
            .sharedAddress(SharedAddress(CIDR.host(IPAddress(v4: 1)), link: "br0", replacesOthers: true)),
            .forwarding(.v4), .sharedTap(SharedTap(name: "vs0", mtu: 0)),
            .port(PortSpecification(VirtualInterface("veth0"), of: "br0", knowsVLANs: false)),
            .interface(
                InterfaceSpecification(name: "eth0", addresses: [], routes: [], isUp: true, detectsDuplicates: false)
            ),
            .operational(port: "veth0"), .noLink("veth0"),
        ]
    )
    func nothing(change: Change) {
        #expect(change.inverse == nil)
    }
}

@Suite("Plan failures")
struct PlanFailureTests {
    private static let cause = KernelError("add veth veth0", .fileExists)

    @Test("A failure is told with what it left behind")
    func description() {
        #expect("\(PlanFailure(cause: Self.cause))" == "add veth veth0: File exists")
        #expect(
            "\(PlanFailure(cause: Self.cause, leftovers: ["link a (busy)", "link b (busy)"]))"
                == "add veth veth0: File exists; left behind: link a (busy); link b (busy)"
        )
    }
}
