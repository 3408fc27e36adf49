// SPDX-License-Identifier: Apache-2.0
import Addressing
import JSON
import Testing
import Wiring

@testable import SwitchControl

private let key = AttachmentKey(network: "net", containerID: "c1", interfaceName: "eth0")

private func order(_ configuration: String) throws -> SwitchPortOrder {
    SwitchPortOrder(
        key,
        in: "/run/netns/c1",
        identity: "4:77",
        try SwitchKeys(JSONReader(try JSONValue(parsing: configuration))),
        mac: MACAddress("02:00:00:00:00:05"),
        addresses: [try #require(IPAddress("10.1.0.5")), try #require(IPAddress("fd00::5"))]
    )
}

@Suite("Questions to a switch")
struct SwitchQuestionTests {
    @Test("Each is read as it was written, on one line")
    func roundTrip() throws {
        let port = SwitchPortReference(switchName: "vs0", port: "c1:eth0")
        let full = """
            {"type": "vswitch", "switch": "vs7", "vlan": 7, "vlanTrunk": [{"id": 9}, {"minID": 20, "maxID": 29}],
             "portIsolation": true, "hairpinMode": true, "preserveDefaultVlan": true, "macspoofchk": true,
             "ipspoofchk": true, "isGateway": true, "uplink": "eth1", "daemonSocketPath": "/run/a"}
            """
        let questions: [SwitchQuestion] = [
            .attach(try order("{}")), .attach(try order(full)), .detach(key), .check(key), .status,
            .show(switchName: ""), .show(switchName: "vs7"), .stations(switchName: "vs7"),
            .trace(port, frame: [0, 1, 0xab]), .mirror(port, to: "c2:eth0"), .mirror(port, to: nil), .copies(port),
            .metrics,
        ]
        for question in questions {
            let line = question.line
            #expect(line.last == 10 && !line.dropLast().contains(10))
            #expect(try SwitchQuestion(JSONReader(try JSONValue(parsing: line))) == question)
        }
    }

    @Test(
        "What is none is refused",
        arguments: [
            "[]", "{}", #"{"culvertSwitch": 2, "verb": "status"}"#, #"{"culvertSwitch": 1}"#,
            #"{"culvertSwitch": 1, "verb": "attach"}"#,
            #"{"culvertSwitch": 1, "verb": "detach", "network": "..", "containerID": "c", "ifname": "e"}"#,
            #"{"culvertSwitch": 1, "verb": "check", "network": "n", "containerID": "a/b", "ifname": "e"}"#,
            #"{"culvertSwitch": 1, "verb": "trace", "port": "a", "frame": "0"}"#,
            #"{"culvertSwitch": 1, "verb": "trace", "port": "a", "frame": "zz"}"#,
            #"{"culvertSwitch": 1, "verb": "trace", "port": "a"}"#, #"{"culvertSwitch": 1, "verb": "copies"}"#,
        ]
    )
    func refused(text: String) throws {
        let reader = JSONReader(try JSONValue(parsing: text))
        #expect(throws: JSONTypeError.self) { try SwitchQuestion(reader) }
    }

    @Test("Frames are read in the ways people write them")
    func frames() {
        #expect(SwitchFrameText.octets("00:1A-2b 3c\n") == [0, 0x1a, 0x2b, 0x3c])
        #expect(SwitchFrameText.octets("") == [] && SwitchFrameText.octets("0") == nil)
        #expect(SwitchFrameText.text([0, 0x9f, 0xa0]) == "009fa0")
    }
}

@Suite("Ports of a switch, as networks want them")
struct SwitchKeysTests {
    private func keys(_ text: String) throws -> SwitchKeys {
        try SwitchKeys(JSONReader(try JSONValue(parsing: text)))
    }

    @Test("A network that says nothing is in VLAN 1 of the usual switch, and checks nothing")
    func defaults() throws {
        let order = try order("{}")
        #expect(order.switchName == "vs0" && order.native == 1 && order.trunk.isEmpty && !order.keepsDefaultVLAN)
        #expect(order.source == nil && order.addresses == nil && order.gateway.isEmpty && order.uplink.isEmpty)
        #expect(order.socketPath == SwitchLink.usualPath && order.portName == "c1:eth0")
    }

    @Test("Sources count where they are checked, and the gateway's link is named after the VLAN")
    func sources() throws {
        let order = try order(#"{"macspoofchk": true, "ipspoofchk": true, "isDefaultGateway": true, "vlan": 12}"#)
        #expect(order.source == MACAddress("02:00:00:00:00:05") && order.addresses?.count == 2)
        #expect(order.gateway == "vs0.12" && order.native == 12)
    }

    @Test(
        "What is none is refused with its place",
        arguments: [
            (#"{"switch": "a/b"}"#, "switch"), (#"{"switch": "a-very-long-name"}"#, "switch"),
            (#"{"uplink": "a b"}"#, "uplink"), (#"{"vlan": 4095}"#, "vlan"), (#"{"vlanTrunk": [{}]}"#, "vlanTrunk[0]"),
            (#"{"vlanTrunk": [{"minID": 9, "maxID": 8}]}"#, "vlanTrunk[0]"),
            (#"{"switch": "twelve-bytes", "vlan": 100, "isGateway": true}"#, "switch"),
            (#"{"macspoofchk": 1}"#, "macspoofchk"),
        ]
    )
    func refused(text: String, place: String) throws {
        let error = #expect(throws: JSONTypeError.self) { try keys(text) }
        #expect(error?.path == place)
    }
}

@Suite("Ports of a switch, as records say")
struct SwitchRecordTests {
    private func record(_ configuration: String, state: AttachmentRecord.State = .attached) throws -> AttachmentRecord {
        let result = """
            {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:05", "sandbox": "/n"}],
             "ips": [{"address": "10.1.0.5/24", "interface": 0}, {"address": "fd00::5/64", "interface": 0}]}
            """
        return AttachmentRecord(
            key: key,
            state: state,
            namespacePath: "/run/netns/c1",
            namespaceIdentity: "4:77",
            intendedNanoseconds: 1,
            configuration: try JSONValue(parsing: configuration),
            result: try JSONValue(parsing: result)
        )
    }

    @Test("A record means the port that ADD asked for")
    func same() throws {
        let text = #"{"type": "vswitch", "macspoofchk": true, "ipspoofchk": true, "vlan": 7}"#
        #expect(SwitchPortOrder(try record(text)) == (try order(text)))
    }

    @Test("Records of other plugins, and of what is not attached, mean none")
    func others() throws {
        #expect(SwitchPortOrder(try record(#"{"type": "tap"}"#)) == nil)
        #expect(SwitchPortOrder(try record(#"{"type": "vswitch"}"#, state: .intended)) == nil)
        #expect(SwitchPortOrder(try record(#"{"type": "vswitch", "vlan": "x"}"#)) == nil)
    }
}

@Suite("Answers of a switch")
struct SwitchViewTests {
    @Test("Each is read as it was written")
    func roundTrip() throws {
        var counters = SwitchPortCounters()
        counters.receivedFrames = 7
        counters.fullDrops = 8
        counters.drops = [.init(reason: "isolated", explanation: "words", frames: 9)]
        let port = SwitchPortView(
            name: "c1:eth0",
            number: 3,
            kind: .gateway,
            network: "net",
            container: "c1",
            interface: "eth0",
            isUp: true,
            native: nil,
            tagged: [7...9],
            flags: ["isolated"],
            mirror: "c2:eth0",
            counters: counters
        )
        let view = SwitchView(name: "vs0", ports: [port], stations: 4, maximumStations: 8192)
        let answer: JSONValue = ["switches": .array([view.json])]
        #expect(try SwitchView.all(in: answer) == [view])
        let station = SwitchStationView(
            switchName: "vs0",
            address: "02:00:00:00:00:05",
            vlan: 7,
            port: "c1:eth0",
            isStatic: true,
            age: 12
        )
        #expect(try SwitchStationView.all(in: ["stations": .array([station.json])]) == [station])
        let trace = SwitchTraceView(
            switchName: "vs0",
            port: "c1:eth0",
            verdict: "drop",
            reason: "isolated",
            explanation: "words",
            vlan: 7,
            outputs: [.init(port: "c2:eth0", change: "without its tag", isCopy: true)],
            steps: ["one", "two"]
        )
        #expect(try SwitchTraceView(JSONReader(trace.json)) == trace)
    }
}
