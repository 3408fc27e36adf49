// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import SwitchDaemon

@Suite("Memory for a burst of frames")
struct FrameMemoryTests {
    /// Where the frames of a burst lie, if each has the length that is next; headers are counted, as reading does.
    private func places(_ lengths: [Int]) -> [Range<Int>] {
        var (place, octets) = (FrameMemory.frameStart, 0)
        var places: [Range<Int>] = []
        for length in lengths where places.count < FrameMemory.burst && octets < FrameMemory.enough {
            let start = place - FrameMemory.headerLength
            places.append(start..<start + length)
            octets += length
            place = FrameMemory.place(after: start + length)
        }
        return places
    }

    @Test(
        "Whatever the lengths are, there is room for the longest frame behind the others",
        arguments: [11, 70, 76, 139, 1524, 9028, FrameMemory.enough - 1]
    )
    func room(length: Int) {
        let longest = FrameMemory.headerLength + FrameMemory.longestFrame
        let lengths = [Int](repeating: length, count: FrameMemory.burst)
        for count in 0..<FrameMemory.burst {
            let places = places(lengths.prefix(count) + [longest])
            #expect(places.last.map { $0.upperBound <= FrameMemory.size } ?? false)
        }
    }

    @Test("Frames begin where cache lines do, apart enough for a header and a tag before each")
    func apart() {
        let places = places((0..<32).map { 11 + $0 * 37 })
        #expect(places.count == 32)
        for (one, next) in zip(places, places.dropFirst()) {
            #expect(next.lowerBound - one.upperBound >= 4)
            #expect((next.lowerBound + FrameMemory.headerLength) % 64 == 0)
        }
    }

    @Test("A long frame is a burst of its own, short ones come thirty-two at a time into a processor's first cache")
    func bursts() {
        #expect(places([65_236, 65_236]).count == 1)
        let short = places([Int](repeating: 70, count: 64))
        #expect(short.count == FrameMemory.burst)
        #expect((short.last?.upperBound ?? .max) <= 8192)
    }
}
