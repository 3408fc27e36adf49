// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Testing

@Suite("Address ranges")
struct AddressRangeTests {
    @Test(
        "What is left out has host-local's defaults",
        arguments: [
            ("10.1.2.0/24", nil, nil, nil, "10.1.2.1-10.1.2.254", "10.1.2.1"),
            ("10.1.2.0/30", nil, nil, nil, "10.1.2.1-10.1.2.2", "10.1.2.1"),
            ("0.0.0.0/0", nil, nil, nil, "0.0.0.1-255.255.255.254", "0.0.0.1"),
            ("255.255.255.252/30", nil, nil, nil, "255.255.255.253-255.255.255.254", "255.255.255.253"),
            ("fd00::/64", nil, nil, nil, "fd00::1-fd00::ffff:ffff:ffff:ffff", "fd00::1"),
            ("fd00::/126", nil, nil, nil, "fd00::1-fd00::3", "fd00::1"),
            ("10.1.2.0/24", "10.1.2.50", nil, nil, "10.1.2.50-10.1.2.254", "10.1.2.1"),
            ("10.1.2.0/24", nil, "10.1.2.50", nil, "10.1.2.1-10.1.2.50", "10.1.2.1"),
            ("10.1.2.0/24", nil, "10.1.2.1", nil, "10.1.2.1-10.1.2.1", "10.1.2.1"),
            ("10.1.2.0/24", "10.1.2.254", nil, nil, "10.1.2.254-10.1.2.254", "10.1.2.1"),
            ("10.1.2.0/24", "10.1.2.10", "10.1.2.10", "10.1.2.99", "10.1.2.10-10.1.2.10", "10.1.2.99"),
            ("10.1.2.0/24", nil, nil, "10.9.9.9", "10.1.2.1-10.1.2.254", "10.9.9.9"),
            ("10.1.2.0/24", nil, nil, "fe80::1", "10.1.2.1-10.1.2.254", "fe80::1"),
            ("10.1.2.0/24", "10.1.2.0", "10.1.2.255", nil, "10.1.2.0-10.1.2.255", "10.1.2.1"),
            ("fd00::/64", "fd00::", nil, "fe80::1", "fd00::-fd00::ffff:ffff:ffff:ffff", "fe80::1"),
            ("::/0", "::", nil, nil, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1"),
        ] as [(String, String?, String?, String?, String, String)]
    )
    func defaults(
        subnet: String,
        start: String?,
        end: String?,
        gateway: String?,
        ends: String,
        router: String
    ) throws {
        let range = try range(subnet, start, end, gateway)
        #expect(range.description == ends)
        #expect(range.gateway.description == router)
        #expect(range.subnet.description == subnet)
    }

    @Test(
        "What cannot be meant is refused in host-local's words",
        arguments: [
            ("10.1.2.3/24", nil, nil, "Network has host bits set: 10.1.2.3/24 lies in the network 10.1.2.0/24"),
            ("fd00::5/64", nil, nil, "Network has host bits set: fd00::5/64 lies in the network fd00::/64"),
            ("10.1.2.1/31", nil, nil, "Network 10.1.2.1/31 too small to allocate from"),
            ("10.1.2.0/31", nil, nil, "Network 10.1.2.0/31 too small to allocate from"),
            ("10.1.2.0/32", nil, nil, "Network 10.1.2.0/32 too small to allocate from"),
            ("0.0.0.0/32", nil, nil, "Network 0.0.0.0/32 too small to allocate from"),
            ("255.255.255.255/32", nil, nil, "Network 255.255.255.255/32 too small to allocate from"),
            ("fd00::/127", nil, nil, "Network fd00::/127 too small to allocate from"),
            ("fd00::/128", nil, nil, "Network fd00::/128 too small to allocate from"),
            ("10.1.2.0/24", "10.1.3.0", nil, "RangeStart 10.1.3.0 not in network 10.1.2.0/24"),
            ("10.1.2.0/24", "10.1.1.255", nil, "RangeStart 10.1.1.255 not in network 10.1.2.0/24"),
            ("10.1.2.0/24", nil, "10.1.3.0", "RangeEnd 10.1.3.0 not in network 10.1.2.0/24"),
            ("10.1.2.0/24", "10.1.2.9", "10.1.4.0", "RangeEnd 10.1.4.0 not in network 10.1.2.0/24"),
            ("10.1.2.0/24", "10.1.3.0", "10.1.4.0", "RangeStart 10.1.3.0 not in network 10.1.2.0/24"),
            ("10.1.2.0/24", "fd00::1", nil, "RangeStart fd00::1 not in network 10.1.2.0/24"),
            ("fd00::/64", nil, "10.1.2.9", "RangeEnd 10.1.2.9 not in network fd00::/64"),
            (
                "10.1.2.0/24", "10.1.2.50", "10.1.2.40",
                "RangeStart 10.1.2.50 not in network 10.1.2.0/24 up to RangeEnd 10.1.2.40"
            ),
            (
                "10.1.2.0/24", "10.1.2.255", nil,
                "RangeStart 10.1.2.255 not in network 10.1.2.0/24 up to RangeEnd 10.1.2.254"
            ),
            (
                "10.1.2.0/24", nil, "10.1.2.0",
                "RangeEnd 10.1.2.0 not in network 10.1.2.0/24 from RangeStart 10.1.2.1"
            ),
        ] as [(String, String?, String?, String)]
    )
    func refusals(subnet: String, start: String?, end: String?, message: String) throws {
        let error = try #require(throws: PoolError.self) { _ = try range(subnet, start, end, nil) }
        #expect(error.message == message)
        #expect("\(error)" == message)
    }

    @Test("A range contains its ends and no neighbour of them")
    func contains() throws {
        let range = try range("10.1.2.0/24", "10.1.2.10", "10.1.2.20", "10.1.2.15")
        let inside = (UInt32(0)...255).filter { range.contains(IPAddress(v4: 0x0a01_0200 | $0)) }
        #expect(inside == Array(10...20))
        #expect(!range.contains(IPAddress(v6: 0x0a01_020f)))
    }

    @Test("Ranges overlap exactly when they have an address in common")
    func overlaps() throws {
        let limits: ClosedRange<UInt32> = 1...6
        let ranges = try limits.flatMap { start in
            try (start...6).map { end in try range("10.1.2.0/29", "10.1.2.\(start)", "10.1.2.\(end)", nil) }
        }
        for left in ranges {
            for right in ranges {
                let common = limits.contains {
                    let address = IPAddress(v4: 0x0a01_0200 | $0)
                    return left.contains(address) && right.contains(address)
                }
                #expect(left.overlaps(right) == common)
            }
        }
    }
}
