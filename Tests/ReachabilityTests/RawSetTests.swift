// SPDX-License-Identifier: Apache-2.0
import PacketFilter
import Testing

@Suite("Sets as the kernel has them")
struct RawSetTests {
    private let concatenation = RawSet(
        fields: [4, 4],
        elements: [
            RawSet.Element(key: [10, 0, 0, 0, 0, 80, 0, 0], upper: [10, 0, 0, 255, 0, 90, 0, 0]),
            RawSet.Element(key: nil, value: .octets([7])),
        ]
    )

    @Test("Each field of a concatenation is compared by itself")
    func fields() {
        #expect(concatenation.element([10, 0, 0, 9, 0, 85, 0, 0])?.key != nil)
        #expect(concatenation.element([10, 0, 0, 9, 0, 91, 0, 0])?.key == nil)
        #expect(concatenation.element([10, 0, 1, 0, 0, 85, 0, 0])?.key == nil)
    }

    @Test("An element without a key stands for all others, and without one there is none")
    func others() {
        #expect(concatenation.element([9, 0, 0, 0, 0, 0, 0, 0])?.value == .octets([7]))
        #expect(RawSet(fields: [2], elements: [RawSet.Element(key: [0, 80])]).element([0, 81]) == nil)
    }
}
