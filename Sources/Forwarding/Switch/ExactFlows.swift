// SPDX-License-Identifier: Apache-2.0

/// Decisions about usual frames of bursts, remembered under all that the frames' keys say.
///
/// It is what Open vSwitch calls its *exact-match cache*: one probe, whatever the rules are. Only frames to another
/// interface are here, by a source that is known where they come from. An entry holds for one generation of the switch:
/// every change that could alter a decision makes all of them void at once. The size is fixed, and what is new takes the
/// place of something old.
struct ExactFlows: ~Copyable {
    /// A cache line.
    struct Entry: BitwiseCopyable {
        /// With the VLAN that the frame's tag says.
        var key = FlowKey()
        /// One more than the generation of the switch it holds for; 0 in an empty slot.
        var stamp: UInt64 = 0

        /// Whether it is about frames of this key.
        @inline(__always)
        func holds(for key: FlowKey, _ stamp: UInt64) -> Bool {
            // Of one type, either both keys have addresses of IPv6 or neither does.
            self.stamp == stamp && self.key.agrees(with: key, width: key.isIPv6 ? 7 : 4)
        }
    }

    /// What is done with frames of a flow, beside what is done with all.
    struct Outcome: BitwiseCopyable {
        /// The source's slot in the table of stations 31, whether the destination was written down 1.
        private let place: UInt32
        /// When the destination was last heard.
        let destinationHeard: Ticks
        /// When a frame of this flow last was; then its source need not be learned again at the same moment.
        var heard: Ticks
        let output: InterfaceID
        let vlan: UInt16

        init(source: Int, destination: MACTable.Slot, heard: Ticks, vlan: UInt16) {
            place = UInt32(truncatingIfNeeded: source) << 1 | (destination.isStatic ? 1 : 0)
            destinationHeard = destination.lastHeard
            self.heard = heard
            output = destination.interface
            self.vlan = vlan
        }

        /// Nothing.
        init() {
            self.init(source: 0, destination: MACTable.Slot(), heard: 0, vlan: 0)
        }

        /// The source has to have a number below this one.
        static let sourceLimit = 1 << 31

        @inline(__always)
        var source: Int { Int(truncatingIfNeeded: place >> 1) }

        /// Whether the destination is still known when stations are forgotten after `ageing`.
        @inline(__always)
        func isValid(_ now: Ticks, ageing: Ticks) -> Bool {
            now &- destinationHeard < ageing || place & 1 != 0
        }
    }

    /// How many decisions can be remembered; 0 is a cache that is not there.
    let capacity: Int
    private let seed: UInt64
    private let shift: UInt64
    private var entries: Table<Entry>
    var outcomes: Table<Outcome>
    var hits: UInt64 = 0
    /// Which slot of a full group is taken next.
    private var nextVictim = 0

    /// How many slots side by side there are for a key, of which one is its home.
    private static let ways = 4

    init(capacity: Int, seed: UInt64) {
        precondition(capacity >= 0, "a cache has no negative number of places")
        var slots = Self.ways
        while slots < capacity { slots *= 2 }
        self.capacity = capacity
        self.seed = seed
        shift = UInt64(slots.leadingZeroBitCount + 1)
        entries = Table(repeating: Entry(), count: capacity == 0 ? 0 : slots)
        outcomes = Table(repeating: Outcome(), count: capacity == 0 ? 0 : slots)
    }

    /// The slot where a key is at home, which is asked for.
    @inline(__always)
    func home(_ key: FlowKey) -> Int {
        let hash = key.isIPv6 ? key.hash(seed: seed) : key.hash(seed: seed, width: 4)
        let home = Int(truncatingIfNeeded: hash &>> shift)
        entries.prefetch(wrapping: home)
        outcomes.prefetch(wrapping: home)
        return home
    }

    /// The slot of a key.
    ///
    /// - Parameters:
    ///   - key: of a frame.
    ///   - home: where it is at home.
    ///   - stamp: one more than the generation of the switch.
    /// - Returns: a negative number when it is not known.
    @inline(__always)
    func find(_ key: FlowKey, from home: Int, stamp: UInt64) -> Int {
        // Nearly all are at home as long as most slots are empty.
        if entries[wrapping: home].holds(for: key, stamp) { return home }
        for way in 1..<Self.ways where entries[wrapping: home ^ way].holds(for: key, stamp) { return home ^ way }
        return -1
    }

    /// Remembers a decision, in place of another one when there is no room.
    mutating func insert(_ outcome: Outcome, for key: FlowKey, stamp: UInt64) {
        let home = home(key)
        var place = find(key, from: home, stamp: stamp)
        if place < 0 {
            nextVictim = (nextVictim + 1) % Self.ways
            place = home ^ nextVictim
            for way in 0..<Self.ways where entries[wrapping: home ^ way].stamp != stamp {
                place = home ^ way
                break
            }
        }
        entries[wrapping: place] = Entry(key: key, stamp: stamp)
        outcomes[wrapping: place] = outcome
    }
}
