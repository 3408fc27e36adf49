// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Testing

@Suite("Routing switches")
struct RoutingSwitchTests {
    private let inside = InterfaceID(index: 0)
    private let outside = InterfaceID(index: 1)

    private func makeSwitch() -> VirtualSwitch {
        var theSwitch = VirtualSwitch()
        for vlan: UInt16 in [1, 2] {
            var interface = VirtualInterface("vlan\(vlan)")
            interface.vlans = vlan == 1 ? .access(1) : .trunk(VLANSet([2, 3]), native: 2)
            _ = theSwitch.addInterface(interface)
        }
        theSwitch.setGateway(mac(0xa), vlan: 1, now: 0)
        theSwitch.setGateway(mac(0xb), vlan: 2, now: 0)
        return theSwitch
    }

    @Test("A packet to the gateway leaves by its route, one hop older, its checksum right", arguments: [true, false])
    func routed(isOld: Bool) {
        var theSwitch = makeSwitch()
        let (from, to) = (ip(isOld ? "10.0.1.5" : "fd00:1::5"), ip(isOld ? "10.0.2.7" : "fd00:2::7"))
        let route = Route(destination: net(isOld ? "10.0.2.0/24" : "fd00:2::/64"), outputInterface: outside)
        let frame = Frames.udp(from: (mac(1), from, 5), to: (mac(0xa), to, 6))
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).dropReason == .noRoute)
        let id = theSwitch.addRoute(route)
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).dropReason == .neighbourUnknown)
        theSwitch.setNeighbour(to, mac(7), at: outside)
        let decision = theSwitch.forward(frame.span, from: inside, now: 0)
        guard case .route(let used, outside) = decision.verdict else {
            Issue.record("\(decision)")
            return
        }
        #expect(used != id)
        #expect(decision.vlan == 2)
        var output = [UInt8](repeating: 0, count: 100)
        var length: Int?
        theSwitch.forEachDelivery(of: decision) {
            var span = output.mutableSpan
            length = $0.rewrite.write(frame.span, into: &span)
        }
        #expect(length == frame.count)
        let sent = Array(output.prefix(frame.count))
        let ethernet = EthernetHeader(reading: sent.span)
        #expect(ethernet?.source == mac(0xb))
        #expect(ethernet?.destination == mac(7))
        let packet = sent.span.extracting(14..<sent.count)
        if isOld {
            let (hops, isRight) = (IPv4View(packet)?.timeToLive, IPv4View(packet)?.hasRightChecksum)
            #expect(hops == 63)
            #expect(isRight == true)
        } else {
            let hops = IPv6View(packet)?.hopLimit
            #expect(hops == 63)
        }
        theSwitch.removeNeighbour(to, at: outside)
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).dropReason == .neighbourUnknown)
        theSwitch.removeRoute(id)
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).dropReason == .noRoute)
    }

    @Test("A gateway behind an interface may become known before its routes or after them")
    func gateways() {
        var theSwitch = makeSwitch()
        let frame = Frames.udp(from: (mac(1), ip("10.0.1.5"), 5), to: (mac(0xa), ip("8.8.8.8"), 53))
        let router = ip("10.0.2.1")
        let route = Route(destination: net("0.0.0.0/0"), outputInterface: outside, gateway: router)
        let first = theSwitch.addRoute(route)
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).dropReason == .neighbourUnknown)
        theSwitch.setNeighbour(router, mac(8), at: outside)
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).verdict == .route(first, outside))
        theSwitch.removeRoute(first)
        let second = theSwitch.addRoute(route)
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).verdict == .route(second, outside))
    }

    @Test("A gateway that is gone or has another address is a station like any other")
    func withoutGateway() {
        var theSwitch = makeSwitch()
        let route = Route(destination: net("10.0.2.0/24"), outputInterface: outside, nextHop: mac(7))
        theSwitch.addRoute(route)
        let frame = Frames.udp(from: (mac(1), ip("10.0.1.5"), 5), to: (mac(0xa), ip("10.0.2.7"), 53))
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).dropReason == nil)
        theSwitch.removeGateway(vlan: 2)
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).dropReason == .neighbourUnknown)
        theSwitch.setGateway(mac(0xc), vlan: 1, now: 0)
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).dropReason == .nobodyThere)
        theSwitch.removeGateway(vlan: 1)
        let known = theSwitch.stations.count
        #expect(known == 1)
    }

    @Test("What cannot be routed says why")
    func refusals() {
        var theSwitch = makeSwitch()
        var route = Route(destination: net("10.0.2.0/24"), outputInterface: outside, nextHop: mac(7))
        route.mtu = 40
        theSwitch.addRoute(route)
        var hole = Route(destination: net("10.0.3.0/24"), outputInterface: outside)
        hole.kind = .blackhole
        theSwitch.addRoute(hole)
        func frame(_ to: String, timeToLive: UInt8 = 64, payload: Int = 12) -> [UInt8] {
            Frames.udp(
                from: (mac(1), ip("10.0.1.5"), 5),
                to: (mac(0xa), ip(to), 6),
                timeToLive: timeToLive,
                payload: [UInt8](repeating: 0, count: payload)
            )
        }
        func reason(_ frame: [UInt8]) -> DropReason? { theSwitch.forward(frame.span, from: inside, now: 0).dropReason }
        #expect(reason(frame("10.0.2.7")) == nil)
        #expect(reason(frame("10.0.2.7", payload: 13)) == .packetTooBig)
        #expect(reason(frame("10.0.2.7", timeToLive: 1)) == .timeExceeded)
        #expect(reason(frame("10.0.3.7")) == .blackhole)
        #expect(reason(frame("10.0.4.7")) == .noRoute)
        var damaged = frame("10.0.2.7")
        damaged[14 + 10] ^= 1
        #expect(reason(damaged) == .notRoutable)
        #expect(reason(Frames.ethernet(from: mac(1), to: mac(0xa))) == .notRoutable)
        theSwitch.update(outside) { $0.bringDown() }
        #expect(reason(frame("10.0.2.7")) == .outputDown)
    }

    @Test("A route for one interface counts for its packets only")
    func scoped() {
        var theSwitch = makeSwitch()
        var general = Route(destination: net("10.0.2.0/24"), outputInterface: outside, nextHop: mac(7))
        general.priority = 5
        let all = theSwitch.addRoute(general)
        var special = general
        special.interface = inside
        special.priority = 9
        let one = theSwitch.addRoute(special)
        theSwitch.setGateway(mac(0xa), vlan: 2, now: 0)
        let frame = Frames.udp(from: (mac(1), ip("10.0.2.5"), 5), to: (mac(0xa), ip("10.0.2.7"), 6))
        #expect(theSwitch.forward(frame.span, from: inside, now: 0).verdict == .route(one, outside))
        #expect(theSwitch.forward(frame.span, from: outside, now: 0).verdict == .route(all, outside))
    }
}
