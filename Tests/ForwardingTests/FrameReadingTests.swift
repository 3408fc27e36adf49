// SPDX-License-Identifier: Apache-2.0
import Addressing
import SeededNumbers
import Testing

@testable import Forwarding

@Suite("Reading frames")
struct FrameReadingTests {
    private struct Reading: Equatable {
        var key = FlowKey()
        var layout: [UInt16]?

        init(_ layout: FrameLayout?) {
            self.layout = layout.map { [$0.control, $0.isTagged ? 1 : 0, $0.headerLength] }
        }
    }

    private func usual(_ frame: [UInt8], _ tagProtocol: UInt16) -> Reading {
        var key = FlowKey()
        var reading = Reading(key.read(frame.span, tagProtocol: tagProtocol))
        reading.key = key
        return reading
    }

    private func any(_ frame: [UInt8], _ tagProtocol: UInt16) -> Reading {
        var key = FlowKey()
        var reading = Reading(key.readAny(frame.span, tagProtocol: tagProtocol))
        reading.key = key
        return reading
    }

    @Test("What is read at once is what is read step by step, however damaged a frame is", arguments: [1, 2, 3])
    func reading(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var differences = 0
        for number in 0..<6000 {
            let tags: [UInt16?] = [nil, 0, 0x2005, 0xefff]
            var frame = Frames.udp(
                from: (mac(1), ip("10.1.2.3"), 0x1234),
                to: (mac(2), ip("10.4.5.6"), 0x5678),
                tag: tags[number % 4],
                payload: Array(repeating: 7, count: number % 9)
            )
            // Nearly all that matters lies where the tag and the header of the packet begin.
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let place = Int.random(in: Bool.random(using: &generator) ? 12..<30 : 0..<42, using: &generator)
                let values: [UInt8] = [0, 1, 6, 8, 17, 0x45, 0x46, 0x81, .random(in: 0...255, using: &generator)]
                frame[place] = values.randomElement(using: &generator) ?? 0
            }
            if number % 3 == 0 { frame.removeLast(.random(in: 0..<frame.count, using: &generator)) }
            for tagProtocol in [EtherType.customerTag, EtherType.serviceTag, 0] {
                if usual(frame, tagProtocol) != any(frame, tagProtocol) { differences += 1 }
            }
        }
        #expect(differences == 0)
    }
}
