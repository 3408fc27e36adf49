// SPDX-License-Identifier: Apache-2.0
import Addressing
import Interfaces
import JSON
import Testing
import Wiring

@Suite("What interfaces want of packet filters")
struct InterfaceFiltersTests {
    @Test("Sources are watched at a port that is there, and nowhere else", arguments: [("veth1", true), ("", false)])
    func watched(port: String, isWatched: Bool) throws {
        let text = #"{"type": "bridge", "macspoofchk": true, "ipspoofchk": true}"#
        let filters = try InterfaceFilters(JSONReader(try JSONValue(parsing: text)))
        let plan = filters.plan(
            for: AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0"),
            port: port,
            address: MACAddress("02:00:00:00:00:01"),
            []
        )
        #expect((plan.spoofCheck != nil) == isWatched)
        #expect(plan.isEmpty == !isWatched)
    }
}
