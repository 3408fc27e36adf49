// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Testing

@testable import SwitchDaemon

@Suite("A switch that runs")
struct RunningSwitchTests {
    private static func frame(from source: UInt8, to destination: UInt8) -> [UInt8] {
        [2, 0, 0, 0, 0, destination, 2, 0, 0, 0, 0, source, 0x88, 0xb5] + [UInt8](repeating: 0, count: 46)
    }

    @Test("It remembers what becomes of frames, and forgets it when a rule comes")
    func remembers() {
        let running = RunningSwitch("vs0", number: 0, seed: 7)
        let (first, second) = (InterfaceID(index: 0), InterfaceID(index: 1))
        for id in [first, second] {
            let added = running.live.pointee.core.addInterface(VirtualInterface("port"))
            #expect(added == id)
        }
        _ = running.live.pointee.core.forward(Self.frame(from: 2, to: 1).span, from: second, now: 0)
        let there = Self.frame(from: 1, to: 2)
        for _ in 0..<100 {
            let verdict = running.live.pointee.core.forward(there.span, from: first, now: 1).verdict
            #expect(verdict == .forward(second))
        }
        let remembered = running.live.pointee.core.rememberedDecisions
        #expect(remembered > 90)
        var match = RuleMatch()
        match.require(ingress: first)
        _ = running.live.pointee.core.addRules([Rule(priority: 1, match: match, action: .deny)])
        let verdict = running.live.pointee.core.forward(there.span, from: first, now: 1).verdict
        #expect(verdict == .drop(.deniedByRule))
    }
}
