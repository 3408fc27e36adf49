// SPDX-License-Identifier: Apache-2.0

extension VLANSet {
    /// The VLANs from the lowest up, those that follow each other together.
    public var ranges: [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        var first: UInt16?
        for word in words.indices {
            // Most words are empty, and no range lies in them.
            if words[word] == 0, first == nil { continue }
            for bit in 0..<64 {
                let vlan = UInt16(64 * word + bit)
                if words[word] >> UInt64(bit) & 1 != 0 {
                    first = first ?? vlan
                } else if let start = first {
                    ranges.append(start...(vlan - 1))
                    first = nil
                }
            }
        }
        // The last bit of all, 4095, is no VLAN: nothing is open here.
        return ranges
    }
}
