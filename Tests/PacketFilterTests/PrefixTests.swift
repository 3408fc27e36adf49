// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import PacketFilter

@Suite("Prefixes of ranges")
struct PrefixTests {
    @Test(
        "A range is a prefix when it holds all that begin so",
        arguments: [
            ([10, 0, 0, 0], [10, 255, 255, 255], 8), ([10, 0, 0, 0], [10, 127, 255, 255], 9),
            ([0, 0, 0, 0], [255, 255, 255, 255], 0), ([10, 0, 0, 4], [10, 0, 0, 7], 30),
            ([10, 0, 0, 4], [10, 0, 0, 6], nil), ([10, 0, 0, 3], [10, 0, 0, 4], nil),
            ([10, 0, 0, 0], [10, 1, 255, 254], nil), ([10, 0, 1, 0], [10, 1, 255, 255], nil),
        ] as [([UInt8], [UInt8], Int?)]
    )
    func prefix(low: [UInt8], high: [UInt8], length: Int?) {
        #expect(Datum(octets: low, upper: high).prefixLength == length)
    }
}
