// SPDX-License-Identifier: Apache-2.0
import Addressing
import JSON
import Netlink
import Pools
import SwitchControl
import Testing

@testable import Topology

@Suite("What switches know")
struct SwitchReportTests {
    private let look = Look()

    private func bridge() throws -> KernelSwitch {
        var facts = try SomeHost.ordinary()
        var links = facts.links
        var counters = LinkCounters()
        (counters.receivedPackets, counters.sentPackets, counters.receivedDrops) = (7, 8, 2)
        for index in links.indices where links[index].name == "veth1" { links[index].counters = counters }
        facts = TopologyFacts(links: links, attachments: facts.attachments)
        return KernelSwitch(try #require(links.first { $0.name == "br0" }), in: facts, [])
    }

    private func daemon() -> SwitchView {
        var counters = SwitchPortCounters()
        counters.receivedFrames = 3
        counters.drops = [.init(reason: "isolated", explanation: "both ports are isolated", frames: 4)]
        counters.fullDrops = 1
        let port = SwitchPortView(
            name: "web:eth0",
            number: 2,
            kind: .container,
            network: "lan",
            container: "web",
            interface: "eth0",
            isUp: true,
            native: 1,
            tagged: [20...30, 40...40],
            flags: ["isolated"],
            mirror: "",
            counters: counters
        )
        return SwitchView(name: "vs0", ports: [port], stations: 1, maximumStations: 4096)
    }

    @Test("A bridge of the kernel and a switch of the daemon have the same columns")
    func ports() throws {
        let report = SwitchReport(kernel: [try bridge()], daemon: [daemon()])
        #expect(
            report.lines(look, isWide: false) == [
                "SWITCH  KIND    PORTS  STATIONS  ROOM", "br0     kernel      4         0     -",
                "vs0     daemon      1         1  4096", "",
                "SWITCH  PORT      IS         CONTAINER  INTERFACE  LINK  VLAN               FLAGS      RX FRAMES  TX FRAMES  DROPS",
                "br0     stray     container  -          -          up    -                  no-record          0          0      0",
                "br0     up0.5     uplink     -          -          up    -                  -                  0          0      0",
                "br0     veth1     container  web        eth0       up    10                 isolated           7          8      2",
                "br0     veth2     container  db         eth0       down  -                  -                  0          0      0",
                "vs0     web:eth0  container  web        eth0       up    20-30,40 native 1  isolated           3          0      5",
                "", "SWITCH  PORT      DROPPED  REASON    WHICH MEANS",
                "br0     veth1           2  kernel    the kernel dropped it, and does not say why",
                "vs0     web:eth0        4  isolated  both ports are isolated",
                "vs0     web:eth0        1  full      there was no room on the way out",
            ]
        )
        #expect(report.names == ["br0", "vs0"])
    }

    @Test("Programs are told which kind a switch is")
    func json() throws {
        let reader = JSONReader(SwitchReport(kernel: [try bridge()], daemon: [daemon()]).json)
        let switches = try #require(try reader.array("switches"))
        #expect(try switches.map { try $0.string("kind") } == ["kernel", "daemon"])
        #expect(try switches[0].member("maximumStations") == nil)
        #expect(try SwitchView(switches[1]) == daemon())
    }

    @Test("A station is shown with its container, and those of other VLANs are left out when one is asked for")
    func stations() throws {
        let stations = [
            SwitchStationView(
                switchName: "vs0",
                address: "02:00:00:00:00:01",
                vlan: 1,
                port: "web:eth0",
                isStatic: false,
                age: 75
            ),
            SwitchStationView(
                switchName: "vs0",
                address: "02:00:00:00:00:02",
                vlan: 20,
                port: "",
                isStatic: true,
                age: 0
            ),
        ]
        let report = SwitchReport(kernel: [], daemon: [daemon()], stations: stations)
        let lines = report.stationLines(look)
        #expect(
            lines.prefix(2) == [
                "SWITCH  VLAN  MAC                PORT      CONTAINER  INTERFACE  FLAGS     AGE",
                "vs0     1     02:00:00:00:00:01  web:eth0  web        eth0       -      \(Moment.age(seconds: 75).leftPadded(6))",
            ]
        )
        #expect(report.stationLines(look, inVLAN: 20).count == 2 && report.addresses(inVLAN: 20).count == 1)
        #expect(report.stationLines(look, inVLAN: 30) == [])
        let first = try #require(try JSONReader(report.stationJSON()).array("stations")?.first)
        #expect(try first.string("containerID") == "web" && first.string("ifname") == "eth0")
    }

    @Test("A way is told step by step, down to the ports")
    func trace() {
        let view = SwitchTraceView(
            switchName: "vs0",
            port: "web:eth0",
            verdict: "forward",
            reason: "",
            explanation: "it goes to db:eth0",
            vlan: 10,
            outputs: [
                .init(port: "db:eth0", change: "without its tag", isCopy: false),
                .init(port: "look", change: "", isCopy: true),
            ],
            steps: ["it is taken", "it is known"]
        )
        #expect(
            view.lines(look) == [
                "from web:eth0 of vs0, VLAN 10: forward, it goes to db:eth0", "  1. it is taken", "  2. it is known",
                "  to db:eth0, without its tag", "  a copy to look",
            ]
        )
    }
}

@Suite("Frames to ask about")
struct FrameSketchTests {
    private func sketch() throws -> FrameSketch {
        FrameSketch(
            from: try #require(MACAddress("02:00:00:00:00:01")),
            to: try #require(MACAddress("02:00:00:00:00:02"))
        )
    }

    @Test("Without a packet a frame is for experiments, and as long as Ethernet wants it")
    func bare() throws {
        let octets = try sketch().octets
        #expect(octets.count == 60)
        #expect(octets.prefix(14) == [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5])
    }

    @Test("A tag stands behind the addresses")
    func tag() throws {
        var sketch = try sketch()
        sketch.vlan = 0x123
        #expect(sketch.octets[12..<18] == [0x81, 0, 0x01, 0x23, 0x88, 0xb5])
    }

    @Test("Between addresses of IPv4 it is a ping whose checksums are right")
    func ping() throws {
        var sketch = try sketch()
        let addresses = [try #require(IPAddress("192.0.2.1")), try #require(IPAddress("192.0.2.2"))]
        sketch.packet = FrameSketch.Packet(from: addresses[0], to: addresses[1])
        let octets = sketch.octets
        #expect(octets[12..<14] == [0x08, 0x00] && octets[23] == 1)
        // RFC 1071: with the checksum in its place the sum of all words is all ones.
        func sum(_ part: ArraySlice<UInt8>) -> UInt32 {
            var sum: UInt32 = 0
            for place in stride(from: part.startIndex, to: part.endIndex, by: 2) {
                sum += UInt32(part[place]) << 8 | UInt32(part[place + 1])
            }
            while sum > 0xffff { sum = (sum & 0xffff) + sum >> 16 }
            return sum
        }
        #expect(sum(octets[14..<34]) == 0xffff && sum(octets[34..<42]) == 0xffff)
    }
}

extension String {
    fileprivate func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
