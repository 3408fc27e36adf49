// SPDX-License-Identifier: Apache-2.0
import Attachments
import JSON
import Pools
import Testing
import Wiring

@Suite("States of attachments")
struct AttachmentStateTests {
    @Test(
        "An attachment is as far as the least of its records",
        arguments: [
            ([("", AttachmentRecord.State.attached)], AttachmentFacts.State.whole),
            ([("", .attached), ("portmap", .attached)], .whole), ([("", .attached), ("portmap", .intended)], .begun),
            ([("", .attached), ("firewall", .removing)], .pending), ([("", .intended)], .begun),
            ([("", .removing)], .pending), ([("portmap", .attached)], .whole),
        ] as [([(String, AttachmentRecord.State)], AttachmentFacts.State)]
    )
    func states(records: [(String, AttachmentRecord.State)], state: AttachmentFacts.State) {
        #expect(facts("c1", states: records.map { ($0.0, $0.1) }).state == state)
    }

    @Test("Half a record is one whose ADD was cut off, and whoever holds the lock is at work")
    func halves() {
        #expect(facts("c1", states: [("", nil)]).state == .begun)
        #expect(facts("c1", states: [("", .attached)], isBusy: true).state == .busy)
    }
}

@Suite("Rows of attachments")
struct AttachmentRowTests {
    private let result: JSONValue = [
        "cniVersion": "1.1.0",
        "interfaces": [
            ["name": "veth1", "mac": "02:00:00:00:00:01"],
            ["name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": "/run/netns/c1", "mtu": 1400],
        ],
        "ips": [
            ["address": "10.77.0.2/24", "gateway": "10.77.0.1", "interface": 1],
            ["address": "fd77::2/64", "interface": 1],
        ],
    ]

    private var row: AttachmentRow {
        let end = HostEndFacts(
            name: "veth1",
            isThere: true,
            bridge: "cni0",
            counters: ["rx_bytes": 1234, "tx_bytes": 56, "rx_dropped": 2, "tx_dropped": 1]
        )
        return AttachmentRow(facts("c1", result: result), hostEnd: end)
    }

    @Test("A table's row says network, container, interface, plugin, addresses, state, life and age")
    func narrow() {
        let texts = row.cells(isWide: false, now: 65_000_000_000).map { $0.text }
        #expect(texts == ["net", "c1", "eth0", "bridge", "10.77.0.2,fd77::2", "whole", "alive", "1m"])
    }

    @Test("A wide row goes on with chain, MAC, MTU, the host's end and its counters, and the namespace")
    func wide() {
        let texts = row.cells(isWide: true, now: 0).map { $0.text }
        #expect(texts.count == AttachmentRow.columns(isWide: true).count)
        let rest = ["-", "bridge", "02:00:00:00:00:02", "1400", "veth1", "1.2 kB", "56 B", "3", "/run/netns/c1"]
        #expect(texts.dropFirst(7) == rest[...])
    }

    @Test("What went past the bridge is counted where the link does not count it, and named")
    func shortcut() {
        let end = HostEndFacts(
            name: "veth1",
            isThere: true,
            bridge: "cni0",
            counters: ["rx_bytes": 1000, "rx_packets": 10, "tx_bytes": 200, "tx_packets": 2],
            shortcut: ["rx_bytes": 900, "rx_packets": 9, "tx_bytes": 700, "tx_packets": 7]
        )
        let counts = ["rx_bytes", "rx_packets", "tx_bytes", "tx_packets"].map { end.count($0) }
        #expect(counts == [1000, 10, 900, 9])
        let document = String(decoding: end.json.serialized(), as: UTF8.self)
        let past = #""shortcut":{"rxBytes":900,"rxPackets":9,"txBytes":700,"txPackets":7}"#
        #expect(document.contains(past) && document.contains(#""txBytes":900,"txPackets":9,"#))
    }

    @Test("Programs get keys that stay, and nothing of what is not known")
    func json() {
        let document = String(decoding: row.json(now: 0).serialized(), as: UTF8.self)
        #expect(document.contains(#""hostInterface":{"name":"veth1","isThere":true,"bridge":"cni0","rxBytes":1234,"#))
        #expect(document.contains(#""addresses":["10.77.0.2/24","fd77::2/64"]"#))
        #expect(!document.contains("began"))
        let half = AttachmentRow(facts("c1", states: [("", nil)]), hostEnd: nil)
        let bare = String(decoding: half.json(now: 0).serialized(), as: UTF8.self)
        #expect(bare.contains(#""state":"begun""#) && !bare.contains("mac") && !bare.contains("hostInterface"))
    }

    @Test(
        "Octets are said with two or three digits",
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9950, "10 kB"),
            (999_499, "999 kB"), (999_500, "1.0 MB"),
        ]
    )
    func octets(octets: Int64, text: String) {
        #expect(HostEndFacts.text(ofOctets: octets) == text)
    }
}
