// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "Octets and number are two views of the same address",
        arguments: [
            ("0.0.0.0", [0, 0, 0, 0], 0), ("255.255.255.255", [255, 255, 255, 255], 0xffff_ffff),
            ("10.1.2.3", [10, 1, 2, 3], 0x0a01_0203),
            ("::", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0),
            (
                "2001:db8::102:304", [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
                0x2001_0db8_0000_0000_0000_0000_0102_0304
            ),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", [UInt8](repeating: 255, count: 16), UInt128.max),
        ] as [(String, [UInt8], UInt128)]
    )
    func views(text: String, octets: [UInt8], value: UInt128) throws {
        let address = try #require(IPAddress(text))
        #expect(address.octets == octets)
        #expect(address.value == value)
        #expect(IPAddress(octets: octets) == address)
    }

    @Test("Only 4 and 16 octets make an address", arguments: 0...33)
    func octetCount(count: Int) {
        #expect((IPAddress(octets: [UInt8](repeating: 7, count: count)) != nil) == (count == 4 || count == 16))
    }

    @Test("A mapped address is the IPv4 address, wherever it comes from")
    func mapped() {
        let plain = IPAddress(v4: 0x0a01_0203)
        #expect(IPAddress(v6: 0xffff_0a01_0203) == plain)
        #expect(IPAddress(octets: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3]) == plain)
        #expect(IPAddress("::ffff:10.1.2.3") == plain)
        #expect(IPAddress(v6: 0x0a01_0203).family == .v6)
        #expect(IPAddress(v6: 0x1_ffff_0a01_0203).family == .v6)
    }

    @Test("The same number in both families makes two addresses")
    func families() {
        #expect(IPAddress(v4: 1) != IPAddress(v6: 1))
        #expect(Set([IPAddress(v4: 0), IPAddress(v6: 0)]).count == 2)
        #expect(AddressFamily.v4.name == "IPv4" && AddressFamily.v6.name == "IPv6")
        #expect(AddressFamily.v4.bitWidth == 32 && AddressFamily.v6.bitWidth == 128)
    }

    @Test("Addresses are ordered by family, then by number")
    func order() {
        let texts = [
            "0.0.0.0", "0.0.0.255", "9.255.255.255", "10.0.0.0", "127.0.0.1", "128.0.0.0", "255.255.255.255",
            "::", "::1", "1::", "7fff::", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ]
        let addresses = texts.compactMap { IPAddress($0) }
        for (left, leftAddress) in addresses.enumerated() {
            for (right, rightAddress) in addresses.enumerated() {
                #expect((leftAddress < rightAddress) == (left < right))
            }
        }
        #expect(addresses.count == texts.count)
    }

    /// Which of unspecified, loopback, multicast and link-local an address should be.
    enum Kind {
        case unspecified, loopback, multicast, linkLocal, other
    }

    @Test(
        "Special blocks begin and end where their RFCs say",
        arguments: [
            ("0.0.0.0", .unspecified), ("0.0.0.1", .other), ("126.255.255.255", .other), ("127.0.0.0", .loopback),
            ("127.255.255.255", .loopback), ("128.0.0.0", .other), ("169.253.255.255", .other),
            ("169.254.0.0", .linkLocal), ("169.254.255.255", .linkLocal), ("169.255.0.0", .other),
            ("223.255.255.255", .other), ("224.0.0.0", .multicast), ("239.255.255.255", .multicast),
            ("240.0.0.0", .other), ("255.255.255.255", .other), ("::", .unspecified), ("::1", .loopback),
            ("::2", .other),
            ("::7f00:1", .other), ("fe7f:ffff::", .other), ("fe80::", .linkLocal),
            ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .linkLocal), ("fec0::", .other),
            ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .other), ("ff00::", .multicast), ("ff02::1", .multicast),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .multicast), ("::e000:1", .other), ("2001:db8::1", .other),
            ("::ffff:127.0.0.1", .loopback), ("::ffff:224.0.0.1", .multicast), ("::ffff:0.0.0.0", .unspecified),
        ] as [(String, Kind)]
    )
    func special(text: String, kind: Kind) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isUnspecified == (kind == .unspecified))
        #expect(address.isLoopback == (kind == .loopback))
        #expect(address.isMulticast == (kind == .multicast))
        #expect(address.isLinkLocalUnicast == (kind == .linkLocal))
    }

    @Test(
        "What a host calls itself on a link is made of its MAC, with the bit of who gave that turned round",
        arguments: [
            ("02:00:00:00:00:05", "fe80::ff:fe00:5"), ("00:1b:21:3c:4d:5e", "fe80::21b:21ff:fe3c:4d5e"),
            ("00:00:00:00:00:00", "fe80::200:ff:fe00:0"), ("ff:ff:ff:ff:ff:ff", "fe80::fdff:ffff:feff:ffff"),
        ]
    )
    func linkLocal(text: String, expected: String) throws {
        #expect(IPAddress.linkLocal(of: try #require(MACAddress(text))).description == expected)
    }

    @Test(
        "Counting stops at the ends of a family",
        arguments: [
            ("0.0.0.0", 0, "0.0.0.0"), ("0.0.0.0", -1, nil), ("0.0.0.0", 1, "0.0.0.1"),
            ("0.0.0.0", 4_294_967_295, "255.255.255.255"), ("0.0.0.0", 4_294_967_296, nil), ("0.0.0.0", .max, nil),
            ("255.255.255.255", 1, nil), ("255.255.255.255", .min, nil), ("255.255.255.255", -4_294_967_295, "0.0.0.0"),
            ("10.0.0.255", 1, "10.0.1.0"), ("10.0.1.0", -1, "10.0.0.255"), ("::", -1, nil), ("::", .min, nil),
            ("::", .max, "::7fff:ffff:ffff:ffff"), ("::8000:0:0:0", .min, "::"), ("::7fff:ffff:ffff:ffff", .min, nil),
            ("fd00::ffff:ffff:ffff:ffff", 1, "fd00:0:0:1::"), ("fd00:0:0:1::", -1, "fd00::ffff:ffff:ffff:ffff"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, nil), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .max, nil),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] as [(String, Int, String?)]
    )
    func counting(text: String, offset: Int, expected: String?) throws {
        #expect(try #require(IPAddress(text)).advanced(by: offset)?.description == expected)
    }

    @Test("Counting into the mapped block stays in IPv6")
    func countingIntoMapped() throws {
        let address = try #require(IPAddress("::fffe:ffff:ffff")?.advanced(by: 1))
        #expect(address.family == .v6)
        #expect(address.value == 0xffff_0000_0000)
        #expect(address.advanced(by: -1)?.description == "::fffe:ffff:ffff")
    }
}
