// SPDX-License-Identifier: Apache-2.0
import Addressing
import SeededNumbers
import Testing

@Suite("IP address texts")
struct IPAddressTextTests {
    @Test(
        "Every IPv4 text Go reads is read and printed unchanged",
        arguments: [
            "0.0.0.0", "255.255.255.255", "0.0.0.1", "1.0.0.0", "10.0.0.1", "10.1.0.5", "127.0.0.1", "127.255.255.254",
            "1.2.3.4", "9.9.9.9", "99.99.99.99", "100.100.100.100", "109.190.199.200", "192.0.2.1", "192.168.0.1",
            "172.16.254.3", "169.254.169.254", "224.0.0.1", "239.255.255.250", "240.0.0.1", "8.8.8.8",
            "249.250.251.252",
            "11.22.33.44", "198.51.100.7", "203.0.113.255", "255.0.255.0", "0.255.0.255", "1.10.100.0", "90.9.0.99",
            "128.64.32.16", "254.253.1.10",
        ]
    )
    func goodV4(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.family == .v4)
        #expect(address.description == text)
    }

    @Test(
        "Everything else of that kind is refused",
        arguments: [
            "", ".", "...", "1", "1.2", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", ".1.2.3", ".1.2.3.4", "1..2.3",
            "1..2.3.4", "256.0.0.1", "0.0.0.256", "1.2.3.999", "1.2.3.1000", "1.2.3.4294967297", "01.2.3.4", "1.02.3.4",
            "1.2.3.04", "1.2.3.00", "00.0.0.0", "010.0.0.1", "0x1.2.3.4", "1.2.3.a", "a.b.c.d", "-1.2.3.4", "+1.2.3.4",
            " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "1.2. 3.4", "1.2.3.4/24", "1.2.3.4%eth0", "1.2.3.4:80", "1,2,3,4",
            "16909060", "１.2.3.4", "1.2.3.4\0", "localhost", "%1.2.3.4",
        ]
    )
    func badV4(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "Every IPv6 text Go reads is read and printed as Go prints it",
        arguments: [
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:0", "::"), ("0:0:0:0:0:0:0:1", "::1"),
            ("2001:db8::5", "2001:db8::5"), ("2001:DB8::5", "2001:db8::5"), ("2001:0db8:0000::0005", "2001:db8::5"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"),
            ("::1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"), ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
            ("0:0:1:0:0:1:0:0", "::1:0:0:1:0:0"), ("1:0:0:0:1:0:0:0", "1::1:0:0:0"), ("0:0:1:0:0:0:1:0", "0:0:1::1:0"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fe80::0204:61ff:fe9d:f156", "fe80::204:61ff:fe9d:f156"), ("ff02::1", "ff02::1"),
            ("::1.2.3.4", "::102:304"), ("::102:304", "::102:304"), ("0:0:0:0:0:0:1.2.3.4", "::102:304"),
            ("1:2:3:4:5:6:255.0.128.1", "1:2:3:4:5:6:ff00:8001"), ("1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1::1.2.3.4", "1::102:304"), ("::0.0.0.0", "::"),
            ("::ffff:1.2.3.4", "1.2.3.4"), ("::FFFF:102:304", "1.2.3.4"), ("0:0:0:0:0:ffff:0:0", "0.0.0.0"),
            ("0:0:0:0:0:ffff:255.255.255.255", "255.255.255.255"), ("::fffe:1.2.3.4", "::fffe:102:304"),
            ("::ffff:0:1.2.3.4", "::ffff:0:102:304"), ("::1:ffff:1.2.3.4", "::1:ffff:102:304"),
            ("00a0:0b00:000c:d000:0:0:0:0", "a0:b00:c:d000::"),
            ("1000:100:10:1:1000:100:10:1", "1000:100:10:1:1000:100:10:1"),
        ]
    )
    func goodV6(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(address.family == (canonical.contains(".") ? .v4 : .v6))
        #expect(IPAddress(canonical) == address)
    }

    @Test(
        "Everything else with colons is refused",
        arguments: [
            ":", ":::", "::::", "1:", ":1", "1::2::3", "::1::", "1:::2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8",
            "12345::", "00001::", "::fffff", "g::", "::g", "::-1", "::+1", "::1 ", " ::1", "::1%eth0", "::%", "::1/64",
            "[::1]", "::1.2.3", "::1.2.3.4.5", "::1.2.3.256", "::01.2.3.4", "::1.2.3.04", "::1.2.3.4:5", "1.2.3.4::",
            "1:2:3:4:5:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6::1.2.3.4", "::a.2.3.4", "::.1.2.3",
            "::1.2.3.4::",
            "1::2:", "0x1::", "1:2", "::1\n", "fe80::1%", "1:2:3:4:5:6:7:", "::１",
        ]
    )
    func badV6(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("Pseudo-random addresses survive being written and read", arguments: [AddressFamily.v4, .v6])
    func roundTrip(family: AddressFamily) {
        var generator = SeededGenerator(2)
        for _ in 0..<5000 {
            // Every second octet is zero, so that runs of zero groups of all lengths and places come up.
            let octets = (0..<family.bitWidth / 8).map { _ in
                Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator)
            }
            let address = IPAddress(octets: octets)
            #expect(address?.octets == octets)
            #expect(address.flatMap { IPAddress($0.description) } == address)
        }
    }

    @Test("Each of the 256 patterns of zero groups is shortened as RFC 5952 says", arguments: 0...255)
    func zeroRuns(pattern: Int) throws {
        let groups = (0..<8).map { pattern >> $0 & 1 == 1 ? "a" : "0" }
        let address = try #require(IPAddress(groups.joined(separator: ":")))
        #expect(address.description == shortened(groups))
        #expect(IPAddress(address.description) == address)
    }

    /// Tries every run, longest first, from the left: slow and obvious.
    private func shortened(_ groups: [String]) -> String {
        for length in stride(from: 8, through: 2, by: -1) {
            for start in 0...8 - length where groups[start..<start + length].allSatisfy({ $0 == "0" }) {
                return groups[..<start].joined(separator: ":") + "::"
                    + groups[(start + length)...].joined(separator: ":")
            }
        }
        return groups.joined(separator: ":")
    }
}
