// SPDX-License-Identifier: Apache-2.0
public import Addressing

extension MACTable {
    /// Forgets a station, learned or static.
    ///
    /// - Returns: false when it was not known.
    @discardableResult
    public mutating func remove(_ address: MACAddress, vlan: UInt16 = 0) -> Bool {
        let position = position(Self.key(address.value, vlan))
        guard slots[position].key != 0 else { return false }
        vacate(position)
        return true
    }

    /// Forgets everything about an interface, static entries included.
    public mutating func removeAll(at interface: InterfaceID) {
        removeAll { $0.interface == interface && !$0.isGateway }
    }

    /// Forgets what was learned at an interface, as when its link goes down.
    public mutating func removeLearned(at interface: InterfaceID) {
        removeAll { $0.interface == interface && !$0.isStatic }
    }

    /// Forgets what was learned at an interface in other VLANs than these, as when it leaves some.
    public mutating func removeLearned(at interface: InterfaceID, outside vlans: VLANSet) {
        removeAll { $0.interface == interface && !$0.isStatic && !vlans.contains($0.vlan) }
    }

    private mutating func removeAll(_ condition: (Slot) -> Bool) {
        var position = 0
        while position < slots.count {
            // Closing a gap moves slots towards it only: what was not looked at yet stays ahead.
            if slots[position].key != 0, condition(slots[position]) { vacate(position) } else { position += 1 }
        }
    }

    /// Sweeps away stations that are too old, a stretch of the table at a time.
    ///
    /// One that is too old is not found anyway; this makes room. Each slot has to be swept once in half the time the
    /// clock takes to come round.
    ///
    /// - Parameters:
    ///   - now: the moment.
    ///   - budget: how many slots to look at.
    /// - Returns: how many stations were forgotten.
    @discardableResult
    public mutating func age(now: Ticks, budget: Int = .max) -> Int {
        var forgotten = 0
        for _ in 0..<min(budget, slots.count) {
            let slot = slots[sweepPosition]
            if slot.key != 0, isExpired(slot, now) {
                vacate(sweepPosition)
                forgotten += 1
            } else {
                sweepPosition = (sweepPosition + 1) & (slots.count - 1)
            }
        }
        return forgotten
    }

    /// Empties a slot and closes the gap: what a probe would no longer reach moves up.
    private mutating func vacate(_ position: Int) {
        let ring = slots.count - 1
        forget(slots[position])
        generation += 1
        count -= 1
        var hole = position
        var next = (hole + 1) & ring
        while slots[next].key != 0 {
            if (next &- home(slots[next].key)) & ring >= (next &- hole) & ring {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & ring
        }
        slots[hole] = Slot()
    }
}
