// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Linux
import Netlink
import Plugin
import TestSupport
import Testing
import Wiring

@testable import Tuning

@Suite("What a configuration of tuning says")
struct TuningConfigurationTests {
    private static func read(_ members: String, _ changes: [String: String] = [:]) throws -> TuningConfiguration {
        try TuningConfiguration(Request("{\"cniVersion\": \"1.0.0\", \"name\": \"net\"\(members)}", changes))
    }

    @Test("Without options there is nothing to do", arguments: ["", #", "mac": "", "mtu": 0, "promisc": false"#])
    func empty(members: String) throws {
        let configuration = try Self.read(members)
        #expect(configuration.isEmpty)
        #expect(configuration.dataDirectory == "/run/cni/tuning")
    }

    @Test("Of four places for a MAC the later wins, and an empty one says nothing")
    func macs() throws {
        let places = [
            #", "mac": "0a:00:00:00:00:01""#, #", "runtimeConfig": {"mac": "0a:00:00:00:00:03"}"#,
            #", "args": {"cni": {"mac": "0A-00-00-00-00-04"}}"#,
        ]
        let arguments = ["CNI_ARGS": "MAC=0a:00:00:00:00:02"]
        func last(_ members: String, _ changes: [String: String] = [:]) throws -> String {
            try Self.read(members, changes).adjustment.address.map { "\($0)" } ?? ""
        }
        #expect(try last(places[0]) == "0a:00:00:00:00:01")
        #expect(try last(places[0], arguments) == "0a:00:00:00:00:02")
        #expect(try last(places[0] + places[1], arguments) == "0a:00:00:00:00:03")
        #expect(try last(places.joined(), arguments) == "0a:00:00:00:00:04")
        #expect(try last(places[0] + #", "args": {"cni": {"mac": ""}}"#) == "0a:00:00:00:00:01")
    }

    @Test("Arguments win whatever they say")
    func arguments() throws {
        let members = #", "mtu": 1300, "promisc": true, "allmulti": true, "txQLen": 5, "args": {"cni": "#
        let unchanged = try Self.read(members + "{}}").adjustment
        #expect(unchanged.mtu == 1300 && unchanged.isPromiscuous == true && unchanged.transmitQueueLength == 5)
        let overridden = #"{"mtu": 0, "promisc": false, "allmulti": false, "txQLen": 0}}"#
        let changed = try Self.read(members + overridden).adjustment
        #expect(changed.mtu == nil && changed.isPromiscuous == nil)
        #expect(changed.isAllMulticast == false && changed.transmitQueueLength == 0)
    }

    @Test("Sysctls of the arguments replace those of the configuration, in whatever spelling")
    func sysctls() throws {
        let configuration = try Self.read(
            #", "sysctl": {"net.core.a": "1", "net.core.b": "2"}, "args": {"cni": {"sysctl": {"net/core/b": "3", "net.core.c": "4"}}}"#
        )
        #expect(
            configuration.sysctls.map { "\($0.key)=\($0.value)" } == ["net.core.a=1", "net/core/b=3", "net.core.c=4"]
        )
    }

    @Test("DEL reads the directory out of any configuration", arguments: [("\"/x\"", "/x"), ("7", nil), ("\"\"", nil)])
    func directory(value: String, path: String?) throws {
        let request = try Request("{\"name\": \"net\", \"mtu\": \"x\", \"dataDir\": \(value)}")
        #expect(TuningConfiguration.dataDirectory(request) == path ?? "/run/cni/tuning")
    }
}

@Suite("Backups of what an interface had")
struct TuningBackupTests {
    private static func origin(link: Int32 = 5, identity: String = "4:1") -> TuningBackup.Origin {
        TuningBackup.Origin(
            key: AttachmentKey(network: "net", containerID: "c1", interfaceName: "eth0"),
            namespacePath: "/run/netns/c1",
            namespaceIdentity: identity,
            link: link,
            intendedNanoseconds: 17
        )
    }

    private static func adjustment(mtu: Int?, isPromiscuous: Bool? = nil) -> LinkAdjustment {
        var adjustment = LinkAdjustment()
        adjustment.mtu = mtu
        adjustment.isPromiscuous = isPromiscuous
        return adjustment
    }

    @Test("A backup comes back as it was written")
    func roundTrip() throws {
        var before = Self.adjustment(mtu: 1500, isPromiscuous: false)
        before.address = MACAddress("0a:00:00:00:00:01")
        before.isAllMulticast = true
        before.transmitQueueLength = 0
        let backup = TuningBackup(before: before, origin: Self.origin())
        #expect(TuningBackup(content: backup.content) == backup)
    }

    @Test("Without our own part the text is the reference's, octet by octet")
    func text() {
        var before = Self.adjustment(mtu: 1500, isPromiscuous: false)
        before.address = MACAddress("0a:00:00:00:00:01")
        let text = "{\n \"mac\": \"0a:00:00:00:00:01\",\n \"promisc\": false,\n \"mtu\": 1500\n}"
        #expect(String(decoding: TuningBackup(before: before, origin: nil).content, as: UTF8.self) == text)
        #expect(TuningBackup(content: Array(text.utf8)) == TuningBackup(before: before, origin: nil))
    }

    @Test("What makes no sense says nothing", arguments: ["", "{", "[]", #"{"mtu": "1500"}"#, #"{"culvert": 7}"#])
    func nonsense(text: String) {
        #expect(TuningBackup(content: Array(text.utf8)) == nil)
    }

    @Test("An earlier backup counts for the same link, and for no other one")
    func earlier() {
        let now = TuningBackup(before: Self.adjustment(mtu: 1400, isPromiscuous: true), origin: Self.origin())
        let same = TuningBackup(before: Self.adjustment(mtu: 1500), origin: Self.origin())
        #expect(now.preceded(by: same).before == Self.adjustment(mtu: 1500, isPromiscuous: true))
        let strangers = [
            TuningBackup(before: Self.adjustment(mtu: 1500), origin: Self.origin(link: 6)),
            TuningBackup(before: Self.adjustment(mtu: 1500), origin: Self.origin(identity: "4:2")),
            TuningBackup(before: Self.adjustment(mtu: 1500), origin: nil),
        ]
        for stranger in strangers { #expect(now.preceded(by: stranger) == now) }
    }
}
