// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A moment, in hundredths of a second since whenever the owner of a switch began to count.
///
/// Of 32 bits, which come round after 497 days; only differences count.
public typealias Ticks = UInt32

/// Which station is reached through which interface, by VLAN.
///
/// Slots of 16 octets, open addressing, at most half full: two entries to find in a table that fits the second-level
/// cache cost about ten nanoseconds. The size is fixed when the table is made, so that learning takes no memory and no
/// sender can make a switch grow.
public struct MACTable: ~Copyable {
    /// One station.
    public struct Entry: Hashable, Sendable {
        public var address: MACAddress
        /// 0 in a switch that does not know VLANs.
        public var vlan: UInt16
        public var interface: InterfaceID
        /// Written down rather than learned: it neither ages nor moves.
        public var isStatic: Bool
        /// The switch itself: what is sent there is routed.
        public var isGateway: Bool
        /// When the station was last heard; of a static entry, when it was written down.
        public var lastHeard: Ticks
    }

    /// What became of a source address.
    public enum Learning: Hashable, Sendable {
        /// It was known there, or now is again.
        case known
        /// It was not known.
        case learned
        /// It was known at this other interface.
        case moved(from: InterfaceID)
        /// A static entry says that it is elsewhere: nothing changed.
        case contradicted
        /// The interface has as many learned addresses as it may have: nothing changed.
        case limited
        /// The table is full: nothing changed.
        case full
    }

    /// Key and value, 16 octets.
    struct Slot: BitwiseCopyable {
        /// Bit 63 in a taken slot, VLAN 12, address 48.
        var key: UInt64 = 0
        /// Last heard 32, flags 16, interface 16.
        var value: UInt64 = 0

        @inline(__always)
        var interface: InterfaceID { InterfaceID(index: UInt16(truncatingIfNeeded: value)) }
        var vlan: UInt16 { UInt16(truncatingIfNeeded: key >> 48) & 0xfff }
        @inline(__always)
        var isStatic: Bool { value & Slot.staticFlag != 0 }
        @inline(__always)
        var isGateway: Bool { value & Slot.gatewayFlag != 0 }
        @inline(__always)
        var lastHeard: Ticks { Ticks(truncatingIfNeeded: value >> 32) }

        static let staticFlag: UInt64 = 1 << 16
        static let gatewayFlag: UInt64 = 1 << 17
    }

    /// How many stations there may be.
    public let capacity: Int
    /// How long a station is remembered that is not heard.
    public var ageing: Ticks
    /// How many stations there are, those that are too old but not yet swept away included.
    public internal(set) var count = 0

    /// Odd and from the seed: multiply-shift hashing (Dietzfelbinger and others, 1997) is universal over it.
    private let multiplier: UInt64
    private let shift: UInt64
    /// Whether all keys of four slots side by side are at home in the first of them.
    ///
    /// In a large table most slots are far away, and all four come with one cache line. Where in it a key is cannot be
    /// foreseen: they are compared without asking one after the other.
    let isGrouped: Bool
    var slots: Table<Slot>
    /// How many of each interface are learned.
    var learned: Table<UInt32>
    var sweepPosition = 0
    /// Grows when a station comes, goes, moves or is heard again that was too old: with every change but that of the
    /// moment when it was heard.
    public internal(set) var generation: UInt64 = 0

    /// No station yet.
    ///
    /// - Parameters:
    ///   - capacity: how many stations there may be; the table takes 32 to 128 octets for each.
    ///   - ageing: how long a station is remembered that is not heard; 300 seconds as in IEEE 802.1Q, 8.8.3.
    ///   - seed: what hashes depend on; senders who do not know it cannot choose addresses that collide.
    public init(capacity: Int = 8192, ageing: Ticks = 30000, seed: UInt64 = 0) {
        // Up to 16 k entries a quarter full: probes that hit at once are worth more than memory in a cache.
        self.init(capacity: capacity, ageing: ageing, seed: seed, isGrouped: capacity > 16384)
    }

    /// The same, grouped or not, whatever the size.
    init(capacity: Int, ageing: Ticks = 30000, seed: UInt64 = 0, isGrouped: Bool) {
        precondition(capacity > 0, "a table has room for at least one station")
        self.capacity = capacity
        self.ageing = ageing
        multiplier = ((seed ^ seed >> 31) &* 0xbf58_476d_1ce4_e5b9 &+ 0x9e37_79b9_7f4a_7c15) | 1
        self.isGrouped = isGrouped
        let factor = isGrouped ? 2 : 4
        var slotCount = 16
        while slotCount < capacity * factor { slotCount *= 2 }
        shift = UInt64(slotCount.leadingZeroBitCount + 1)
        slots = Table(repeating: Slot(), count: slotCount)
        learned = Table(repeating: 0, count: InterfaceSet.capacity)
    }

    @inline(__always)
    static func key(_ address: UInt64, _ vlan: UInt16) -> UInt64 {
        1 << 63 | UInt64(vlan) << 48 | address
    }

    @inline(__always)
    func home(_ key: UInt64) -> Int {
        home(key, isGrouped: isGrouped)
    }

    /// The same, of a table of which is known whether it is grouped.
    @inline(__always)
    func home(_ key: UInt64, isGrouped: Bool) -> Int {
        let home = Int(truncatingIfNeeded: ((key ^ key >> 32) &* multiplier) &>> shift)
        return isGrouped ? home & ~3 : home
    }

    /// The slot of a key, or the empty one where it belongs.
    @inline(__always)
    func position(_ key: UInt64) -> Int {
        position(key, from: home(key))
    }

    /// The same, when it is known where the key is at home.
    @inline(__always)
    func position(_ key: UInt64, from home: Int) -> Int {
        position(key, from: home, isGrouped: isGrouped)
    }

    @inline(__always)
    func position(_ key: UInt64, from home: Int, isGrouped: Bool) -> Int {
        if isGrouped {
            let place = place(of: key, inGroupAt: home)
            if place < 4 { return home &+ place }
        }
        var position = home
        while true {
            let found = slots[wrapping: position].key
            if found == key || found == 0 { return position & (slots.count &- 1) }
            position &+= 1
        }
    }

    /// Which of the four slots from its home on holds a key; 4 when none does.
    @inline(__always)
    private func place(of key: UInt64, inGroupAt home: Int) -> Int {
        // The bit behind the four is there in any case, so that nothing is left to branch upon.
        var match: UInt32 = slots.slot(0, ofGroupAround: home).key == key ? 17 : 16
        match |= slots.slot(1, ofGroupAround: home).key == key ? 2 : 0
        match |= slots.slot(2, ofGroupAround: home).key == key ? 4 : 0
        match |= slots.slot(3, ofGroupAround: home).key == key ? 8 : 0
        return match.trailingZeroBitCount
    }

    @inline(__always)
    func isExpired(_ slot: Slot, _ now: Ticks) -> Bool {
        !slot.isStatic && now &- slot.lastHeard >= ageing
    }

    // MARK: - Asking

    /// The slot of a station that is known and not too old; an empty one otherwise.
    @inline(__always)
    func find(_ key: UInt64, now: Ticks) -> Slot {
        let slot = slots[wrapping: position(key)]
        return slot.key == 0 || isExpired(slot, now) ? Slot() : slot
    }

    /// Where a station is, or nil when that is unknown or too long ago.
    public func lookup(_ address: MACAddress, vlan: UInt16 = 0, now: Ticks) -> Entry? {
        let slot = find(Self.key(address.value, vlan), now: now)
        return slot.key == 0 ? nil : Entry(slot)
    }

    /// How many stations were learned at an interface, those that are too old but not yet swept away included.
    public func learnedCount(at interface: InterfaceID) -> Int {
        Int(learned[Int(interface.index)])
    }

    /// Hands over all stations that are not too old, in no order.
    public func forEach(now: Ticks, _ body: (Entry) -> Void) {
        for position in 0..<slots.count where slots[position].key != 0 && !isExpired(slots[position], now) {
            body(Entry(slots[position]))
        }
    }

    // MARK: - Learning

    /// Takes note that a station was heard at an interface.
    ///
    /// - Parameters:
    ///   - address: the source of a frame, of one station.
    ///   - vlan: which the frame belongs to.
    ///   - interface: where it came from.
    ///   - limit: how many addresses may be learned there; 0 is any number.
    ///   - now: the moment.
    /// - Returns: what became of it.
    @discardableResult
    public mutating func learn(
        _ address: MACAddress,
        vlan: UInt16 = 0,
        at interface: InterfaceID,
        limit: UInt32 = 0,
        now: Ticks
    ) -> Learning {
        learn(Self.key(address.value, vlan), at: interface, limit: limit, now: now)
    }

    @inline(__always)
    mutating func learn(_ key: UInt64, at interface: InterfaceID, limit: UInt32, now: Ticks) -> Learning {
        let position = position(key)
        let slot = slots[wrapping: position]
        let value = UInt64(now) << 32 | UInt64(interface.index)
        if slot.key == key, slot.interface == interface {
            // A write only when the clock has ticked: the line stays clean.
            if slot.value != value, !slot.isStatic {
                if isExpired(slot, now) { generation &+= 1 }
                slots[wrapping: position].value = value
            }
            return .known
        }
        return learnAnew(key, position, value, limit, now)
    }

    /// The rare part of learning.
    @inline(never)
    private mutating func learnAnew(
        _ key: UInt64,
        _ position: Int,
        _ value: UInt64,
        _ limit: UInt32,
        _ now: Ticks
    ) -> Learning {
        let slot = slots[position]
        if slot.isStatic { return .contradicted }
        let interface = Int(value & 0xffff)
        guard limit == 0 || learned[interface] < limit else { return .limited }
        guard slot.key != 0 || count < capacity else { return .full }
        slots[position] = Slot(key: key, value: value)
        generation += 1
        learned[interface] += 1
        guard slot.key != 0 else {
            count += 1
            return .learned
        }
        learned[Int(slot.interface.index)] -= 1
        return isExpired(slot, now) ? .learned : .moved(from: slot.interface)
    }

    /// Writes a station down, in place of what may have been learned about it.
    ///
    /// - Parameters:
    ///   - address: of one station or of a group.
    ///   - vlan: 0 in a switch that does not know VLANs.
    ///   - interface: where it is; of a gateway ``InterfaceID`` of nobody.
    ///   - isGateway: whether what is sent there is routed.
    ///   - now: the moment.
    /// - Returns: false when the table is full.
    @discardableResult
    mutating func write(
        _ address: MACAddress,
        vlan: UInt16,
        at interface: InterfaceID,
        isGateway: Bool,
        now: Ticks
    ) -> Bool {
        let key = Self.key(address.value, vlan)
        let position = position(key)
        let old = slots[position]
        guard old.key != 0 || count < capacity else { return false }
        if old.key == 0 { count += 1 } else { forget(old) }
        generation += 1
        let flags = Slot.staticFlag | (isGateway ? Slot.gatewayFlag : 0)
        slots[position] = Slot(key: key, value: UInt64(now) << 32 | flags | UInt64(interface.index))
        return true
    }

    /// Writes a station down, in place of what may have been learned about it.
    ///
    /// - Returns: false when the table is full.
    @discardableResult
    public mutating func addStatic(
        _ address: MACAddress,
        vlan: UInt16 = 0,
        at interface: InterfaceID,
        now: Ticks
    ) -> Bool {
        write(address, vlan: vlan, at: interface, isGateway: false, now: now)
    }

    mutating func forget(_ slot: Slot) {
        if !slot.isStatic { learned[Int(slot.interface.index)] -= 1 }
    }
}

extension MACTable.Entry {
    init(_ slot: MACTable.Slot) {
        address = MACAddress(value: slot.key)
        vlan = slot.vlan
        interface = slot.interface
        isStatic = slot.isStatic
        isGateway = slot.isGateway
        lastHeard = slot.lastHeard
    }
}
