// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@Suite("Addresses with prefix lengths")
struct CIDRTests {
    @Test(
        "Every text Go reads is read, host bits kept",
        arguments: [
            ("0.0.0.0/0", "0.0.0.0/0"), ("10.1.2.3/0", "10.1.2.3/0"), ("10.1.2.3/1", "10.1.2.3/1"),
            ("10.1.2.3/8", "10.1.2.3/8"), ("10.1.2.3/9", "10.1.2.3/9"), ("10.1.2.3/10", "10.1.2.3/10"),
            ("10.1.2.3/24", "10.1.2.3/24"), ("10.1.2.0/24", "10.1.2.0/24"), ("10.1.2.3/30", "10.1.2.3/30"),
            ("10.1.2.3/31", "10.1.2.3/31"), ("10.1.2.3/32", "10.1.2.3/32"),
            ("255.255.255.255/32", "255.255.255.255/32"),
            ("192.168.100.1/22", "192.168.100.1/22"), ("172.16.0.0/12", "172.16.0.0/12"),
            ("169.254.0.0/16", "169.254.0.0/16"),
            ("::/0", "::/0"), ("::/128", "::/128"), ("::1/128", "::1/128"), ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:db8:0:0:0::5/64", "2001:db8::5/64"), ("fe80::1/10", "fe80::1/10"), ("fd00::1/7", "fd00::1/7"),
            ("fd00::1/99", "fd00::1/99"), ("fd00::1/100", "fd00::1/100"), ("fd00::1/127", "fd00::1/127"),
            ("ff00::/8", "ff00::/8"), ("::1.2.3.4/96", "::102:304/96"), ("1:2:3:4:5:6:7:8/48", "1:2:3:4:5:6:7:8/48"),
            ("::ffff:10.1.2.3/128", "10.1.2.3/32"), ("::ffff:10.1.2.3/120", "10.1.2.3/24"),
            ("::ffff:10.1.2.3/104", "10.1.2.3/8"), ("::ffff:a01:203/96", "10.1.2.3/0"),
        ]
    )
    func good(text: String, canonical: String) throws {
        let cidr = try #require(CIDR(text))
        #expect(cidr.description == canonical)
        #expect(CIDR(canonical) == cidr)
    }

    @Test(
        "Anything else is refused",
        arguments: [
            "", "/", "//", "10.1.2.3", "10.1.2.3/", "/24", "10.1.2.3//24", "10.1.2.3/24/", "10.1.2.3/24/24",
            "10.1.2.3/33",
            "10.1.2.3/128", "10.1.2.3/240", "10.1.2.3/1000", "10.1.2.3/-1", "10.1.2.3/+24", "10.1.2.3/024",
            "10.1.2.3/00",
            "10.1.2.3/0x18", "10.1.2.3/a", "10.1.2.3/2a", "10.1.2.3/ 24", "10.1.2.3/24 ", " 10.1.2.3/24",
            "10.1.2.3 /24",
            "10.1.2.3/24\n", "10.1.2/24", "10.01.2.3/24", "10.1.2.256/24", "10.1.2.3/255.255.255.0", "::1", "::1/",
            "::1/129", "::1/999", "::1/18446744073709551744", "::1/-0", "::1%eth0/64", "::1/64%eth0", "[::1]/64",
            ":::/64",
            "2001:db8/32", "::ffff:10.0.0.0/95", "::ffff:10.0.0.0/24", "::ffff:10.0.0.0/129", "10.1.2.3/２4",
            "10.1.2.3/4294967320",
        ]
    )
    func bad(text: String) {
        #expect(CIDR(text) == nil)
    }

    @Test(
        "A prefix length fits its family",
        arguments: [("10.0.0.1", 32), ("fd00::1", 128)]
    )
    func lengths(text: String, longest: Int) throws {
        let address = try #require(IPAddress(text))
        #expect(CIDR(address: address, prefixLength: -1) == nil)
        #expect(CIDR(address: address, prefixLength: longest + 1) == nil)
        #expect(CIDR(address: address, prefixLength: .min) == nil)
        #expect(CIDR(address: address, prefixLength: .max) == nil)
        for length in 0...longest {
            #expect(CIDR(address: address, prefixLength: length)?.prefixLength == length)
        }
        #expect(CIDR.host(address) == CIDR(address: address, prefixLength: longest))
        #expect(CIDR.host(address).family == address.family)
    }

    @Test(
        "Network, ends and broadcast address are what the prefix makes of them",
        arguments: [
            ("10.1.2.3/24", "10.1.2.0/24", "10.1.2.255", "10.1.2.255"),
            ("10.1.2.3/0", "0.0.0.0/0", "255.255.255.255", "255.255.255.255"),
            ("10.1.2.3/1", "0.0.0.0/1", "127.255.255.255", "127.255.255.255"),
            ("10.1.2.3/30", "10.1.2.0/30", "10.1.2.3", "10.1.2.3"), ("10.1.2.3/31", "10.1.2.2/31", "10.1.2.3", nil),
            ("10.1.2.3/32", "10.1.2.3/32", "10.1.2.3", nil), ("0.0.0.0/32", "0.0.0.0/32", "0.0.0.0", nil),
            ("255.255.255.255/30", "255.255.255.252/30", "255.255.255.255", "255.255.255.255"),
            ("192.168.103.9/22", "192.168.100.0/22", "192.168.103.255", "192.168.103.255"),
            ("fd00::5/64", "fd00::/64", "fd00::ffff:ffff:ffff:ffff", nil),
            ("fd00::5/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil),
            ("fd00::5/128", "fd00::5/128", "fd00::5", nil), ("fd00::5/127", "fd00::4/127", "fd00::5", nil),
            ("ffff::/1", "8000::/1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil),
        ] as [(String, String, String, String?)]
    )
    func parts(text: String, network: String, last: String, broadcast: String?) throws {
        let cidr = try #require(CIDR(text))
        #expect(cidr.network.description == network)
        #expect(cidr.first == cidr.network.address)
        #expect(cidr.last.description == last)
        #expect(cidr.broadcast?.description == broadcast)
        #expect(cidr.hasHostBits == (text != network))
        #expect(!cidr.network.hasHostBits)
    }

    @Test(
        "Networks overlap exactly when one contains the other",
        arguments: [
            ("10.1.2.0/24", "10.1.2.0/24", true, true), ("10.1.0.0/16", "10.1.2.0/24", true, false),
            ("10.1.2.9/24", "10.1.2.77/24", true, true), ("10.1.2.0/24", "10.1.3.0/24", false, false),
            ("10.1.2.0/25", "10.1.2.128/25", false, false), ("0.0.0.0/0", "255.255.255.255/32", true, false),
            ("10.1.2.3/32", "10.1.2.3/32", true, true), ("10.1.2.3/32", "10.1.2.4/32", false, false),
            ("0.0.0.0/0", "::/0", false, false), ("10.0.0.0/8", "::a00:0/104", false, false),
            ("::/0", "fd00::/64", true, false), ("fd00::/64", "fd00:0:0:1::/64", false, false),
            ("fd00::/63", "fd00:0:0:1::/64", true, false), ("fd00::/127", "fd00::1/128", true, false),
        ]
    )
    func overlaps(left: String, right: String, contains: Bool, isContained: Bool) throws {
        let left = try #require(CIDR(left))
        let right = try #require(CIDR(right))
        #expect(left.contains(right) == contains)
        #expect(right.contains(left) == isContained)
        #expect(left.overlaps(right) == (contains || isContained))
        #expect(right.overlaps(left) == (contains || isContained))
    }

    @Test(
        "A network contains what lies between its ends",
        arguments: ["10.1.2.64/26", "0.0.0.0/0", "fd00::40/122", "::/0"]
    )
    func contains(text: String) throws {
        let cidr = try #require(CIDR(text))
        #expect(cidr.contains(cidr.first))
        #expect(cidr.contains(cidr.last))
        #expect(cidr.first.advanced(by: -1).map(cidr.contains) != true)
        #expect(cidr.last.advanced(by: 1).map(cidr.contains) != true)
        #expect(!cidr.contains(cidr.family == .v4 ? IPAddress(v6: cidr.first.value) : IPAddress(v4: 0)))
    }

    @Test("Small networks agree with counting out their addresses", arguments: 24...32)
    func counted(length: Int) throws {
        for host in UInt32(0)...255 {
            let cidr = try #require(CIDR(address: IPAddress(v4: 0x0a01_0200 | host), prefixLength: length))
            let size = UInt32(1) << (32 - length)
            let members = (UInt32(0)...255).filter { cidr.contains(IPAddress(v4: 0x0a01_0200 | $0)) }
            #expect(members == Array(host / size * size..<host / size * size + size))
        }
    }

    @Test(
        "A default route is the whole family, written with the unspecified address",
        arguments: [
            ("0.0.0.0/0", true), ("::/0", true), ("0.0.0.0/1", false), ("::/1", false), ("10.0.0.0/0", false),
            ("0.0.0.0/32", false), ("::1/0", false),
        ]
    )
    func defaultRoute(text: String, expected: Bool) throws {
        #expect(try #require(CIDR(text)).isDefaultRoute == expected)
    }
}
