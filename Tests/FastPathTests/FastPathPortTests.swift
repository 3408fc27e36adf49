// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import FastPath

@Suite("Ports and stations of the shortcut")
struct FastPathPortTests {
    private static func port(_ addresses: [IPAddress]?) -> FastPathPort {
        FastPathPort(
            link: 7,
            bridge: 0x0102_0304,
            vlan: 100,
            address: MACAddress(value: 0x0242_0a09_0002),
            addresses: addresses,
            isIsolated: true,
            ignoresFilterOfIP: false
        )
    }

    @Test("A port is laid out as the program reads it")
    func layout() {
        let port = FastPathPortTests.port([IPAddress(v4: 0x0a09_0002), IPAddress(v6: 0xfd00 << 112 | 2)])
        var expected: [UInt8] = [
            4, 3, 2, 1, 100, 0,  // bridge, VLAN
            0b1011, 0,  // may use it, isolated, has addresses
            0x02, 0x42, 0x0a, 0x09, 0x00, 0x02, 1, 1,
            10, 9, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
        ]
        expected += [UInt8](repeating: 0, count: FastPathPort.size - expected.count)
        #expect(port.octets == expected)
    }

    @Test(
        "A port and its station are read as they were written",
        arguments: [nil, [], [IPAddress(v4: 1)], (1...4).map { IPAddress(v6: $0) }]
    )
    func roundTrip(addresses: [IPAddress]?) throws {
        let port = FastPathPortTests.port(addresses)
        let octets = try #require(port.octets)
        #expect(FastPathPort(link: 7, octets[...]) == port)
        let station = FastPathStation(port)
        #expect(FastPathStation(key: station.key, station.octets[...]) == station)
    }

    @Test("More than four addresses of a family do not fit")
    func tooMany() {
        #expect(FastPathPortTests.port((1...5).map { IPAddress(v4: $0) }).octets == nil)
    }
}
