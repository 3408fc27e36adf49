// SPDX-License-Identifier: Apache-2.0
import CNI
import Linux
import Testing

@testable import Tuning

@Suite("Keys and values of sysctls")
struct SysctlSettingTests {
    @Test(
        "A key is a path below net, however it was written",
        arguments: [
            ("net.ipv4.conf.IFNAME.arp_notify", "net/ipv4/conf/eth0.5/arp_notify"),
            ("net/ipv4/conf/IFNAME/arp_notify", "net/ipv4/conf/eth0.5/arp_notify"),
            ("net/ipv4.conf/IFNAME.arp_notify", "net/ipv4/conf/eth0.5/arp_notify"),
            ("net.ipv4.conf.eth1.7.arp_notify", "net/ipv4/conf/eth1.7/arp_notify"),
            ("net/ipv6/neigh/eth1.7/app_solicit", "net/ipv6/neigh/eth1.7/app_solicit"),
            ("/net/core/somaxconn", "net/core/somaxconn"), ("net.core.somaxconn", "net/core/somaxconn"),
            ("net.ipv4.conf.vethIFNAME.IFNAME", "net/ipv4/conf/vetheth0.5/IFNAME"),
        ]
    )
    func resolved(key: String, path: String) throws {
        #expect(try SysctlSetting(key: key, value: "1").resolved(for: "eth0.5").description == path)
    }

    @Test(
        "A key that leads elsewhere is refused",
        arguments: [
            "", "net", "net.ipv4", "kernel.hostname", "net/../kernel/hostname", "net/ipv4/./x", "net//core/x",
            "//net/x/y",
            "netfilter/x/y", "NET/core/somaxconn", "net/core/somaxconn/", "net.core.a\nb", "..net.core.x",
        ]
    )
    func refused(key: String) {
        let error = #expect(throws: CNIError.self) { try SysctlSetting(key: key, value: "").resolved(for: "eth0") }
        #expect(error?.message == "invalid net sysctl key: \"\(key)\"")
        #expect(error?.code == CNIError.Code.invalidConfiguration.rawValue)
    }

    @Test(
        "Whatever an interface may be called, the path stays in its place",
        arguments: ["...", "a..b", ".x", "x.", "IFNAME"]
    )
    func oddInterfaces(name: String) throws {
        let sysctl = try SysctlSetting(key: "net.ipv4.conf.IFNAME.arp_notify", value: "").resolved(for: name)
        #expect(sysctl.path == "/proc/sys/net/ipv4/conf/\(name)/arp_notify")
    }

    @Test(
        "A key written twice is found in the text, and only there where it counts",
        arguments: [
            (#"{"sysctl": {"a": "1", "a": "2"}}"#, "a"), (#"{"SYSCTL":{"a":"1","\u0061":"2"}}"#, "a"),
            (#"{"args": {"cni": {"sysctl": {"b": null, "c": [1, {"x": 2}], "b": ""}}}}"#, "b"),
            (#"{"sysctl": {"a": "a\"", "b": "}"}, "x": {"a": 1, "a": 2}}"#, nil),
            (#"{"x": {"sysctl": {"a": 1, "a": 1}}, "y": [{"sysctl": {"a": 1, "a": 1}}]}"#, nil),
            (#"{"sysctl": {}, "n": -1.5e3, "t": true}"#, nil), ("", nil), ("{", nil), (#"{"sysctl": {"a"#, nil),
        ] as [(String, String?)]
    )
    func repeated(text: String, key: String?) {
        #expect(SysctlKeys.firstRepeated(in: Array(text.utf8)) == key)
    }

    @Test(
        "A value is the same however the kernel prints it",
        arguments: [
            ("1", "1", true), ("1", "2", false), ("2000\t3000", "2000 3000", true), ("2000\t3000", "2000", false),
            ("16", "0x10", true), ("8", "010", true), ("1", " 1\n", true), ("-1", "-1", true), ("cubic", "cubic", true),
            ("cubic", "reno", false), ("", "", true), ("08", "8", false), ("0", "", false),
        ]
    )
    func same(read: String, wanted: String, isSame: Bool) {
        #expect(SysctlChange.isSame(read, wanted) == isSame)
    }
}
