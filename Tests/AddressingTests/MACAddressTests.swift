// SPDX-License-Identifier: Apache-2.0
import Addressing
import SeededNumbers
import Testing

@Suite("MAC addresses")
struct MACAddressTests {
    @Test(
        "Every notation Go reads is read",
        arguments: [
            ("02:00:5e:10:00:0a", "02:00:5e:10:00:0a"),
            ("02-00-5e-10-00-0a", "02:00:5e:10:00:0a"),
            ("0200.5e10.000a", "02:00:5e:10:00:0a"),
            ("AA:BB:CC:DD:EE:FF", "aa:bb:cc:dd:ee:ff"),
            ("AA-bb-CC-dd-EE-ff", "aa:bb:cc:dd:ee:ff"),
            ("aABb.CcdD.EefF", "aa:bb:cc:dd:ee:ff"),
            ("00:00:00:00:00:00", "00:00:00:00:00:00"),
            ("0000.0000.0000", "00:00:00:00:00:00"),
            ("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff"),
            ("ffff.ffff.ffff", "ff:ff:ff:ff:ff:ff"),
            ("01:23:45:67:89:ab", "01:23:45:67:89:ab"),
            ("cd-ef-01-23-45-67", "cd:ef:01:23:45:67"),
        ]
    )
    func good(text: String, canonical: String) throws {
        #expect(try #require(MACAddress(text)).description == canonical)
    }

    @Test(
        "Anything else is refused",
        arguments: [
            "", ":", "02", "02:00:5e:10:00", "02:00:5e:10:00:", "02:00:5e:10:00:0", "2:0:5e:10:0:a",
            "02:00:5e:10:00:0a:", ":02:00:5e:10:00:0a", "02:00:5e:10:00:0a:00:01", "02:00:5e:10:00:0a:0b",
            "02:00-5e:10:00:0a", "02-00-5e-10-00:0a", "02:00:5e:10:00:0g", "02:00:5e:10:00:/a", "02:00:5e:10:00::a",
            "02:00:5e:10:00:@a", "02:00:5e:10:00:`a", "02:00:5e:10:00:Ga", " 02:00:5e:10:00:0a", "02:00:5e:10:00:0a ",
            "02005e10000a", "02.00.5e.10.00.0a", "0200:5e10:000a", "0200-5e10-000a", "0200.5e10.000", "0200.5e10.000a.",
            "0200.5e10.00a0.0001", "020.05e10.000a", "0200.5e10:000a", "02 00 5e 10 00 0a", "０2:00:5e:10:00:0",
            "02:00:5e:10:00:+a", "0x:00:5e:10:00:0a",
        ]
    )
    func bad(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test("Pseudo-random addresses survive being written and read")
    func roundTrip() {
        var generator = SeededGenerator(1)
        for _ in 0..<2000 {
            let octets = (0..<6).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let address = MACAddress(octets: octets)
            #expect(address?.octets == octets)
            #expect(address.flatMap { MACAddress($0.description) } == address)
        }
    }

    @Test("Only six octets make an address", arguments: 0...20)
    func octetCount(count: Int) {
        #expect((MACAddress(octets: [UInt8](repeating: 7, count: count)) != nil) == (count == 6))
        #expect((MACAddress.locallyAdministered([UInt8](repeating: 7, count: count)) != nil) == (count == 6))
    }

    @Test(
        "The group bit is the lowest of the first octet",
        arguments: [
            ("01:00:00:00:00:00", true), ("00:01:01:01:01:01", false), ("ff:ff:ff:ff:ff:ff", true),
            ("33:33:00:00:00:01", true), ("fe:ff:ff:ff:ff:ff", false), ("00:00:00:00:00:00", false),
        ]
    )
    func multicast(text: String, expected: Bool) throws {
        #expect(try #require(MACAddress(text)).isMulticast == expected)
    }

    @Test("Zero is the address of no octet set and nothing else is")
    func zero() {
        #expect(MACAddress.zero.octets == [0, 0, 0, 0, 0, 0])
        #expect(MACAddress.zero.isZero)
        #expect(MACAddress("00:00:00:00:00:01")?.isZero == false)
        #expect(MACAddress("80:00:00:00:00:00")?.isZero == false)
    }

    @Test(
        "A locally administered address keeps all bits but two",
        arguments: [
            ("00:00:00:00:00:00", "02:00:00:00:00:00"), ("ff:ff:ff:ff:ff:ff", "fe:ff:ff:ff:ff:ff"),
            ("01:23:45:67:89:ab", "02:23:45:67:89:ab"), ("02:23:45:67:89:ab", "02:23:45:67:89:ab"),
            ("a5:01:02:03:04:05", "a6:01:02:03:04:05"),
        ]
    )
    func locallyAdministered(text: String, expected: String) throws {
        let octets = try #require(MACAddress(text)).octets
        #expect(MACAddress.locallyAdministered(octets)?.description == expected)
    }
}
