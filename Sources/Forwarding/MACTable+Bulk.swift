// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A station's address and the VLAN it is in, in the form in which many are looked up at once.
public struct StationKey: Hashable, Sendable, BitwiseCopyable {
    let number: UInt64

    public init(_ address: MACAddress, vlan: UInt16) {
        number = MACTable.key(address.value, vlan & 0xfff)
    }
}

extension MACTable {
    /// Looks many stations up at once, in less time than one by one.
    ///
    /// - Parameters:
    ///   - keys: the stations.
    ///   - now: the moment.
    ///   - interfaces: at least as many; a place is set to where the station is, or to nil.
    public func lookup(_ keys: Span<StationKey>, now: Ticks, into interfaces: inout MutableSpan<InterfaceID?>) {
        precondition(interfaces.count >= keys.count, "there is a place for each station")
        // First all slots where keys are at home are asked for, so that many of them come at once.
        var homes = InlineArray<32, UInt32>(repeating: 0)
        var start = 0
        while start < keys.count {
            let count = min(homes.count, keys.count &- start)
            for index in 0..<count {
                let home = home(keys[start &+ index].number)
                slots.prefetch(wrapping: home)
                homes[index] = UInt32(truncatingIfNeeded: home)
            }
            for index in 0..<count {
                let slot = slots[wrapping: position(keys[start &+ index].number, from: Int(homes[index]))]
                let isKnown = slot.key != 0 && !isExpired(slot, now)
                interfaces[start &+ index] = isKnown ? slot.interface : nil
            }
            start &+= count
        }
    }
}
