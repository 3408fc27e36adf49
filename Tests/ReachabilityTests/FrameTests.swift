// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Reachability
import Testing

@Suite("Frames at a container's port")
struct FrameTests {
    /// A SYN from the first container of a small host, as it is on the wire.
    private func frame(to station: UInt8, _ destination: String, _ port: UInt8, tag: UInt8 = 0) throws -> [UInt8] {
        let ends = try [#require(IPAddress("10.0.0.2")), #require(IPAddress(destination))].flatMap { $0.octets }
        let header: [UInt8] = [0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0] + ends
        let segment: [UInt8] = [0x9c, 0x40, 0, port, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]
        let mark: [UInt8] = tag == 0 ? [] : [0x81, 0, 0, tag]
        return [2, 0, 0, 0, 0, station, 2, 0, 0, 0, 0, 16] + mark + [8, 0] + header + segment
    }

    private func verdict(_ frame: [UInt8], _ small: SmallHost) throws -> TraceVerdict {
        try #require(Trace(frame: frame, by: "veth1", of: 0, on: small.model)).verdict
    }

    @Test("Who is behind the port gets the answer, whoever gives it")
    func answered() throws {
        let small = try SmallHost()
        let heard = try verdict(frame(to: 17, "10.0.0.3", 80), small)
        #expect((heard.outcome, heard.place) == (.connected, "c2"))
        #expect(try verdict(frame(to: 17, "10.0.0.3", 81), small).outcome == .refused)
        #expect(try verdict(frame(to: 1, "10.0.0.1", 9), small).outcome == .refused)
    }

    @Test("An error goes to who is behind the port as well")
    func refused() throws {
        var small = try SmallHost()
        var route = try small.route("198.51.100.0/24", nil)
        route.kind = .unreachable
        small.model.namespaces[0].routes.append(route)
        #expect(try verdict(frame(to: 1, "198.51.100.1", 80), small).outcome == .unreachable)
    }

    @Test("The answer to an address of somebody else goes to him, and to one of nobody nowhere")
    func foreign() throws {
        var small = try SmallHost()
        small.model.namespaces[1].addresses.removeLast()
        small.model.namespaces[1].routes.removeLast()
        let lost = try verdict(frame(to: 1, "10.0.0.1", 9), small)
        #expect(lost.outcome == .dropped)
        #expect(lost.reason.contains("nobody answers for 10.0.0.2"))
        let other = HostModel.Address(try #require(CIDR("10.0.0.2/24")), link: 2)
        small.model.namespaces[2].addresses.append(other)
        var own = try small.route("10.0.0.2/32", 2)
        (own.kind, own.table) = (.local, 255)
        small.model.namespaces[2].routes.append(own)
        #expect(try verdict(frame(to: 1, "10.0.0.1", 9), small).reason.contains("goes to container c2"))
    }

    /// Both containers use VLAN 5 of their ports.
    private func tagged(_ isTagged: Bool) throws -> SmallHost {
        var small = try SmallHost()
        small.change("br0") { $0.filtersVLANs = true }
        for name in ["veth1", "veth2"] {
            small.change(name) { link in
                link.port?.vlans = VLANSet([5])
                guard !isTagged, name == "veth1" else { return }
                link.port?.native = 5
                link.port?.untagged = VLANSet([5])
            }
        }
        for number in [1, 2] {
            var upper = small.model.namespaces[number].links[1]
            (upper.index, upper.name, upper.kind) = (5, "eth0.5", "vlan")
            (upper.peer, upper.isPeerAbroad, upper.vlan) = (2, false, 5)
            small.model.namespaces[number].links.append(upper)
            for index in small.model.namespaces[number].addresses.indices.dropFirst() {
                small.model.namespaces[number].addresses[index].link = 5
            }
            for index in small.model.namespaces[number].routes.indices
            where small.model.namespaces[number].routes[index].link == 2 {
                small.model.namespaces[number].routes[index].link = 5
            }
        }
        return small
    }

    @Test("What came with a tag is answered with it")
    func tags() throws {
        let question = try frame(to: 17, "10.0.0.3", 80, tag: 5)
        #expect(try verdict(question, tagged(true)).outcome == .connected)
        let stripped = try verdict(question, tagged(false))
        #expect(stripped.outcome == .dropped)
        #expect(stripped.reason.contains("leaves the host by veth1 without a tag"))
    }
}
