// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import SwitchDaemon

@Suite("Looking for frames before sleeping")
struct AttentionTests {
    @Test("It begins when frames follow each other closely, and ends when they do not")
    func gaps() {
        var attention = Attention(most: 50_000)
        #expect(attention.window == 0)
        attention.slept(from: 0, to: 1_000_000)
        #expect(attention.window == 0)
        attention.slept(from: 2_000_000, to: 2_060_000)
        #expect(attention.window == 50_000)
        for _ in 0..<100 { attention.found() }
        #expect(attention.window == 50_000)
        attention.slept(from: 3_000_000, to: 9_000_000)
        #expect(attention.window == 0)
    }

    @Test("Who looks in vain again and again gives up for a while")
    func vain() {
        var attention = Attention(most: 50_000)
        var now: Int64 = 0
        var looking = 0
        for _ in 0..<1000 {
            if attention.window > 0 { looking += 1 }
            attention.slept(from: now, to: now + 120_000)
            now += 121_000
        }
        #expect(looking > 0 && looking < 50)
    }

    @Test(
        "Who is in somebody's way gives up at once, not so for an interrupt, and may look again later",
        arguments: [1_000, 60_000]
    )
    func contended(look: Int64) {
        var attention = Attention(most: 50_000)
        attention.slept(from: 0, to: 60_000)
        let moment = 61_000 + look
        let isAlone = attention.looked(from: 61_000, to: moment)
        #expect(isAlone && attention.window == 50_000)
        let isStillAlone = attention.looked(from: moment, to: moment + 3_000_000)
        #expect(!isStillAlone && attention.window == 0)
        attention.slept(from: 3_100_000, to: 3_160_000)
        #expect(attention.window == 0)
        attention.slept(from: 13_100_000, to: 13_160_000)
        #expect(attention.window == 50_000)
    }

    @Test("Nought is never")
    func never() {
        var attention = Attention(most: 0)
        attention.slept(from: 0, to: 10)
        #expect(attention.window == 0)
    }
}
