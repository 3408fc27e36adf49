// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Interfaces
import Netlink
import Plugin
import TestSupport
import Testing
import Wiring

@testable import IPVLAN
@testable import MACVLAN
@testable import PTP
@testable import Tap
@testable import VLAN

/// A request whose configuration has some members.
private func request(_ members: String, arguments: String = "", command: String = "ADD") throws -> Request {
    let rest = members.isEmpty ? "" : ", \(members)"
    let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"any\"\(rest)}"
    return try Request(text, ["CNI_ARGS": arguments, "CNI_COMMAND": command])
}

/// The refusal of a configuration; nil when it is accepted.
private func refusal<Kind: InterfaceKind>(_ kind: Kind.Type, _ members: String, _ arguments: String = "") -> CNIError? {
    do {
        _ = try Kind(request(members, arguments: arguments))
        return nil
    } catch {
        return error as? CNIError
    }
}

@Suite("Configurations of interfaces")
struct InterfaceConfigurationTests {
    /// Members, code, words.
    typealias Bad = (members: String, code: Int, words: String)

    static let badMasters: [Bad] = [
        (#""master": 5"#, 6, "master"), (#""master": "a/b""#, 6, "the name of a link"),
        (#""master": "sixteen-letters-x""#, 6, "the name of a link"),
        (#""master": "m", "linkInContainer": "yes""#, 6, "linkInContainer"),
        (#""master": "m", "mtu": "1500""#, 7, "auto"), (#""master": "m", "mtu": "AUTO""#, 7, "auto"),
        (#""master": "m", "mtu": 67"#, 6, "68 to 65535"), (#""master": "m", "mtu": 70000"#, 6, "mtu"),
        (#""master": "m", "mtu": -1"#, 6, "mtu"), (#""master": "m", "mtu": 1500.5"#, 6, "mtu"),
    ]

    @Test(
        "vlan refuses what makes no sense",
        arguments: badMasters + [
            ("", 7, "master"), (#""master": "m", "vlanId": 4095"#, 6, "0 to 4094"),
            (#""master": "m", "vlanId": -1"#, 6, "vlanId"), (#""master": "m", "vlanId": "5""#, 6, "vlanId"),
        ]
    )
    func vlan(bad: Bad) throws {
        let error = try #require(refusal(VLANLink.self, bad.members))
        #expect(error.code == bad.code && "\(error.message) \(error.details)".contains(bad.words), "\(error)")
    }

    @Test(
        "macvlan refuses what makes no sense",
        arguments: badMasters + [
            (#""mode": "sideways""#, 6, "bridge, private, vepa, passthru"), (#""mode": 1"#, 6, "mode"),
            (#""bcqueuelen": -1"#, 6, "bcqueuelen"), (#""bcqueuelen": 4294967296"#, 6, "bcqueuelen"),
            (#""mac": "green""#, 7, "green"), (#""mac": 5"#, 6, "mac"),
            (#""mac": "01:00:00:00:00:01""#, 7, "single station"),
            (#""runtimeConfig": {"mac": "green"}"#, 7, "green"),
        ]
    )
    func macvlan(bad: Bad) throws {
        let error = try #require(refusal(MACVLANLink.self, bad.members))
        #expect(error.code == bad.code && "\(error.message) \(error.details)".contains(bad.words), "\(error)")
    }

    private static let pool = #""ipam": {"type": "host-local"}"#

    @Test(
        "ipvlan refuses what makes no sense",
        arguments: badMasters.map { ("\($0.members), \(pool)", $0.code, $0.words) } + [
            (#""mode": "l4", \#(pool)"#, 6, "l2, l3, l3s"), ("", 7, "needs addresses"),
            (#""prevResult": {"cniVersion": "1.1.0", "interfaces": [{"name": "a"}]}"#, 7, "needs addresses"),
            (
                #""prevResult": {"cniVersion": "1.1.0", "interfaces": [{"name": "a"}, {"name": "b"}],"#
                    + #" "ips": [{"address": "10.0.0.2/24"}]}"#, 7, "single named interface"
            ),
        ]
    )
    func ipvlan(bad: Bad) throws {
        let error = try #require(refusal(IPVLANLink.self, bad.members))
        #expect(error.code == bad.code && "\(error.message) \(error.details)".contains(bad.words), "\(error)")
    }

    @Test(
        "ptp refuses what makes no sense",
        arguments: [
            (#""mtu": 67"#, 6, "68 to 65535"), (#""mtu": true"#, 6, "mtu"), (#""ipMasq": "yes""#, 6, "ipMasq"),
            (#""ipMasq": true, "ipMasqBackend": "smoke""#, 6, "nftables or iptables"), (#""dns": 5"#, 6, "dns"),
        ]
    )
    func ptp(bad: Bad) throws {
        do {
            _ = try PointToPointLink(request(bad.members))
            Issue.record("accepted")
        } catch {
            let error = try #require(error as? CNIError)
            #expect(error.code == bad.code && "\(error.message) \(error.details)".contains(bad.words), "\(error)")
        }
    }

    @Test(
        "tap refuses what makes no sense",
        arguments: [
            (#""mtu": 67"#, 6, "68 to 65535"), (#""multiQueue": 1"#, 6, "multiQueue"), (#""owner": -1"#, 6, "owner"),
            (#""owner": "root""#, 6, "owner"), (#""group": 4294967295"#, 6, "group"), (#""bridge": 5"#, 6, "bridge"),
            (#""bridge": "a b""#, 6, "the name of a link"), (#""selinuxContext": 5"#, 6, "selinuxContext"),
            (#""mac": "green""#, 7, "green"),
        ]
    )
    func tap(bad: Bad) throws {
        let error = try #require(refusal(TapLink.self, bad.members))
        #expect(error.code == bad.code && "\(error.message) \(error.details)".contains(bad.words), "\(error)")
    }

    @Test(
        "An MTU is a number or auto; upon a master auto is what the kernel makes of the master's",
        arguments: [
            ("", InterfaceMTU.octets(0), 0), (#""mtu": null"#, .octets(0), 0), (#""mtu": 0"#, .octets(0), 0),
            (#""mtu": 68"#, .octets(68), 68), (#""MTU": "auto""#, .automatic, 0),
        ]
    )
    func mtu(members: String, expected: InterfaceMTU, upon: Int) throws {
        #expect(try InterfaceMTU(request(members)) == expected && expected.octetsUponMaster == upon)
    }

    @Test("A text that is no size of packets is refused", arguments: ["1500", "", "Auto", "jumbo"])
    func texts(text: String) throws {
        let error = #expect(throws: CNIError.self) { try InterfaceMTU(request("\"mtu\": \"\(text)\"")) }
        #expect(error?.code == 7 && error?.message.contains("\"\(text)\"") == true)
    }

    @Test("Whoever speaks last says the hardware address of a macvlan")
    func address() throws {
        let all =
            #""mac": "02:00:00:00:00:01", "args": {"cni": {"mac": "02:00:00:00:00:03"}},"#
            + #" "runtimeConfig": {"mac": "02:00:00:00:00:04"}"#
        let configured = #""mac": "02:00:00:00:00:01""#
        #expect(try MACVLANLink(request(configured)).mac == MACAddress("02:00:00:00:00:01"))
        let told = try MACVLANLink(request(configured, arguments: "MAC=02:00:00:00:00:02"))
        #expect(told.mac == MACAddress("02:00:00:00:00:02"))
        #expect(try MACVLANLink(request(all)).mac == MACAddress("02:00:00:00:00:04"))
        #expect(try MACVLANLink(request("")).mac == nil)
    }

    @Test("A chained ipvlan takes addresses and master from the plugin before; CHECK and DEL do not")
    func chained() throws {
        let before =
            #""prevResult": {"cniVersion": "1.1.0", "interfaces": [{"name": "bond0"}],"#
            + #" "ips": [{"address": "10.0.0.2/24"}]}"#
        let link = try IPVLANLink(request(before))
        #expect(link.master.name == "bond0" && link.given?.ips.count == 1)
        let named = try IPVLANLink(request(#"\#(before), "master": "eth1""#))
        #expect(named.master.name == "eth1" && named.given?.ips.count == 1)
        let checked = try IPVLANLink(request(before, command: "CHECK"))
        #expect(checked.master.name == "" && checked.given == nil)
    }

    @Test("Sources are watched at the ports of bridges only")
    func watchers() throws {
        let text = #"{"cniVersion": "1.1.0", "name": "blue", "type": "ptp", "macspoofchk": true, "ipMasq": true}"#
        let link = try PointToPointLink(try Request(text))
        #expect(link.filters.needsKernel)
        let plan = link.filters.plan(
            for: try request("").key,
            port: "veth0",
            address: nil,
            [try #require(CIDR("10.0.0.2/24"))]
        )
        #expect(plan.masquerade != nil && plan.spoofCheck == nil)
    }
}
