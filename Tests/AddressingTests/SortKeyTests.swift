// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@Suite("Sort keys")
struct SortKeyTests {
    @Test("Keys sort octet by octet as addresses do, and are read back")
    func order() throws {
        var addresses: [IPAddress] = [
            IPAddress(v4: 0), IPAddress(v4: 0x0a00_00ff), IPAddress(v4: 0x0a00_0100), IPAddress(v4: .max),
            IPAddress(v6: 0), IPAddress(v6: 0xff), IPAddress(v6: 0x100), IPAddress(v6: 0xfffe_ffff_ffff),
        ]
        // Counting into the mapped block does not change the family.
        addresses.append(try #require(addresses[7].advanced(by: 1)))
        addresses += [IPAddress(v6: 0x2001_0db8 << 96), IPAddress(v6: .max)]
        for (left, right) in zip(addresses, addresses.dropFirst()) {
            #expect(left < right)
            #expect(left.sortKey.lexicographicallyPrecedes(right.sortKey), "\(left) before \(right)")
        }
        #expect(addresses.map { IPAddress(sortKey: $0.sortKey) } == addresses)
    }

    @Test(
        "Nothing else is read",
        arguments: [[], [4], [4, 1, 2, 3], [4, 1, 2, 3, 4, 5], [5, 1, 2, 3, 4], [6, 1, 2, 3, 4]] as [[UInt8]]
    )
    func refusals(key: [UInt8]) {
        #expect(IPAddress(sortKey: key) == nil)
    }
}
