// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import SwitchDaemon

@Suite("Memory for a burst of frames")
struct FrameMemoryTests {
    @Test("Each place has room for the longest frame, and before it for a header and a tag")
    func room() {
        for index in 0..<FrameMemory.burst {
            let begin = FrameMemory.place(index) - FrameMemory.headerLength - 4
            let end = FrameMemory.place(index) + FrameMemory.longestFrame
            #expect(begin >= (index == 0 ? 0 : FrameMemory.place(index - 1) + FrameMemory.longestFrame))
            #expect(end <= FrameMemory.size)
        }
    }

    @Test("Frames begin where cache lines do, and no two of a burst where a page's lines are the same")
    func lines() {
        let places = (0..<FrameMemory.burst).map(FrameMemory.place)
        #expect(places.allSatisfy { $0 % 64 == 0 })
        #expect(Set(places.map { $0 % 4096 }).count == places.count)
    }

    @Test("What changes of a frame has a place of its own for each call that can wait")
    func heads() {
        let memory = FrameMemory(isSingle: true)
        var heads: Set<Int> = []
        var parts: Set<Int> = []
        for _ in 0..<FrameCalls.most {
            let (head, part) = memory.nextHead
            heads.insert(Int(bitPattern: head))
            parts.insert(Int(bitPattern: part))
            memory.calls.write(-1, part, mark: 0)
        }
        #expect(heads.count == FrameCalls.most && parts.count == FrameCalls.most)
        #expect(zip(heads.sorted(), heads.sorted().dropFirst()).allSatisfy { $1 - $0 >= 10 + 12 + 4 })
    }
}

@Suite("How many frames are asked for at once")
struct AppetiteTests {
    /// What is asked for after each time, if there is always as much as is asked for.
    private func appetites(_ length: Int) -> [Int] {
        var outlet = Outlet()
        return (0..<5).map { _ in
            outlet.cameFrames(outlet.appetite, octets: outlet.appetite * length)
            return outlet.appetite
        }
    }

    @Test("More while there are more, but no more than fit into a processor's cache")
    func growth() {
        #expect(appetites(70) == [4, 16, 32, 32, 32])
        #expect(appetites(1524) == [4, 16, 21, 21, 21])
        #expect(appetites(9028) == [3, 3, 3, 3, 3])
        #expect(appetites(65_236) == [1, 1, 1, 1, 1])
    }

    @Test("Fewer as soon as fewer come, and one where none came")
    func shrinking() {
        var outlet = Outlet()
        for _ in 0..<3 { outlet.cameFrames(outlet.appetite, octets: 70 * outlet.appetite) }
        outlet.cameFrames(5, octets: 350)
        #expect(outlet.appetite == 5)
        outlet.cameFrames(0, octets: 0)
        #expect(outlet.appetite == 1)
    }
}
