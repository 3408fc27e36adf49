// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import FastPath

@Suite("What went by the shortcut")
struct FastPathCountersTests {
    /// An entry of one processor, as the program writes it.
    private static func entry(of link: UInt32, _ counted: [UInt64]) -> [UInt8] {
        var octets: [UInt8] = []
        octets.append(number: link)
        octets.append(number: UInt32(0))
        octets.append(number: UInt64(0xdead))  // when the bridge has seen a frame
        for number in counted { octets.append(number: number) }
        return octets
    }

    @Test("What processors have counted of a link is added up, and nothing of another link")
    func sum() {
        let octets =
            FastPathCountersTests.entry(of: 7, [1, 60, 2, 120]) + FastPathCountersTests.entry(of: 4103, [9, 9, 9, 9])
            + FastPathCountersTests.entry(of: 7, [10, 600, 20, 1200])
        #expect(octets.count == 3 * FastPathCounters.size)
        var found = FastPathCounters()
        for processor in 0..<3 { found.add(of: 7, octets, at: processor * FastPathCounters.size) }
        var expected = FastPathCounters()
        expected.sentFrames = 11
        expected.sentOctets = 660
        expected.receivedFrames = 22
        expected.receivedOctets = 1320
        #expect(found == expected)
    }
}
