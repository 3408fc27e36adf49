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
        if isGrouped {
            lookupAhead(keys, now, &interfaces)
        } else {
            // All of a small table is near.
            for index in keys.indices { interfaces[index] = interface(of: keys[index].number, now, isGrouped: false) }
        }
    }

    /// How many stations ahead of a look-up memory is asked for, so that many slots come at once.
    private static var ahead: Int { 64 }

    @inline(never)
    private func lookupAhead(_ keys: Span<StationKey>, _ now: Ticks, _ interfaces: inout MutableSpan<InterfaceID?>) {
        let count = keys.count
        var next = 0
        while next < min(Self.ahead, count) {
            slots.prefetch(wrapping: home(keys[next].number, isGrouped: true))
            next &+= 1
        }
        var index = 0
        while next < count {
            slots.prefetch(wrapping: home(keys[next].number, isGrouped: true))
            interfaces[index] = interface(of: keys[index].number, now, isGrouped: true)
            next &+= 1
            index &+= 1
        }
        while index < count {
            interfaces[index] = interface(of: keys[index].number, now, isGrouped: true)
            index &+= 1
        }
    }

    /// `isGrouped`: what the table says of itself; a constant once this is inlined.
    @inline(__always)
    private func interface(of key: UInt64, _ now: Ticks, isGrouped: Bool) -> InterfaceID? {
        let position = position(key, from: home(key, isGrouped: isGrouped), isGrouped: isGrouped)
        let slot = slots[wrapping: position]
        return slot.key != 0 && !isExpired(slot, now) ? slot.interface : nil
    }
}
