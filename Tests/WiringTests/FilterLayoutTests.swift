// SPDX-License-Identifier: Apache-2.0
import PacketFilter
import Testing

@testable import Wiring

@Suite("What stands in a table whoever joins")
struct FilterLayoutTests {
    private static let table = Table(.inet, "t")

    private static func uses(_ layout: FilterLayout) -> [Int] { layout.chains.map { layout.useCount(of: $0) } }

    @Test("A chain counts its rules and the jumps to it, from wherever")
    func useCounts() {
        let layout = FilterLayout(
            Self.table,
            chains: [
                .init(Chain(Self.table, "idle")), .init(Chain(Self.table, "twice"), rules: [[.accept]]),
                .init(Chain(Self.table, "first"), rules: [[.jump("twice")], [.counter, .goto("twice")], [.drop]]),
                .init(Chain(Self.table, "second"), rules: [[.counter], [.jump("first")]]),
            ]
        )
        #expect(Self.uses(layout) == [0, 3, 4, 2])
    }

    @Test("The masquerade's checks are led to once, its entry has three rules")
    func masquerade() {
        #expect(Self.uses(Masquerade.layout) == [1, 3])
        #expect(Masquerade.layout.chains.map(\.isOpen) == [true, false])
        #expect(Masquerade.layout.table == Table(.inet, "cni_plugins_masquerade"))
    }

    @Test("The spoof check's entry is anybody's")
    func spoofCheck() {
        #expect(Self.uses(SpoofCheck.layout) == [0])
        #expect(SpoofCheck.layout.chains.map(\.isOpen) == [true])
        #expect(SpoofCheck.layout.table == Table(.bridge, "nat"))
    }
}
