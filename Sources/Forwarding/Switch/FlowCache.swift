// SPDX-License-Identifier: Apache-2.0

/// Decisions of a switch, remembered under the bits of a frame's key that they depend on.
///
/// It is what Open vSwitch calls a cache of *megaflows*: a frame that agrees with an earlier one in these bits has the
/// same verdict, whatever else is different about it. The size is fixed: what is new takes the place of something old.
/// Every change of the switch that could alter a decision makes all of it void at once, so what is found is right.
struct FlowCache: ~Copyable {
    /// One decision.
    struct Flow: BitwiseCopyable {
        /// Only its verdict, its VLAN and its mirrors are remembered; its tag is the frame's.
        var decision = Decision(.drop(.noSuchInterface), from: .none)
        /// Whether the switch learns where such a frame comes from.
        var learns = false
        /// Until when the decision holds; nil as long as nothing changes.
        var lastTick: Ticks?
    }

    struct Entry: BitwiseCopyable {
        /// Under the mask.
        var key = FlowKey()
        /// 0 in an empty slot.
        var epoch: UInt64 = 0
        var mask = 0
        var flow = Flow()
    }

    /// How many masks there may be: a look-up costs a probe for each.
    private static let maximumMasks = 16
    /// How many places there are for a key.
    private static let ways = 4

    /// How many decisions can be remembered; 0 is a cache that is not there.
    let capacity: Int
    private let seed: UInt64
    private let shift: UInt64
    private var masks = Table(repeating: FlowKey(), count: FlowCache.maximumMasks)
    private var maskCount = 0
    private var entries: Table<Entry>
    private var nextVictim = 0
    /// Grows when everything becomes void.
    private var epoch: UInt64 = 1
    /// That of the switch when it was looked at last.
    private var generation: UInt64 = 0
    private(set) var hits: UInt64 = 0

    init(capacity: Int, seed: UInt64) {
        precondition(capacity >= 0, "a cache has no negative number of places")
        var buckets = 2
        while buckets * Self.ways < capacity { buckets *= 2 }
        self.capacity = capacity
        self.seed = seed
        shift = UInt64(buckets.leadingZeroBitCount + 1)
        entries = Table(repeating: Entry(), count: capacity == 0 ? 0 : buckets * Self.ways)
    }

    /// Makes everything void when the switch is no longer what it was.
    private mutating func refresh(_ current: UInt64) {
        guard current != generation else { return }
        generation = current
        empty()
    }

    private mutating func empty() {
        epoch += 1
        maskCount = 0
    }

    /// The decision about a frame of this key.
    ///
    /// - Parameters:
    ///   - key: of the frame.
    ///   - now: the moment.
    ///   - current: the generation of the switch.
    /// - Returns: nil when it is not known.
    mutating func find(_ key: FlowKey, now: Ticks, generation current: UInt64) -> Flow? {
        refresh(current)
        for mask in 0..<maskCount {
            let masked = key.masked(by: masks[mask])
            let first = bucket(masked)
            for place in first..<first + Self.ways where isMatch(place, masked, mask) {
                let flow = entries[wrapping: place].flow
                // Only differences of moments count: the clock comes round.
                if let last = flow.lastTick, Int32(bitPattern: last &- now) < 0 { return nil }
                hits += 1
                return flow
            }
        }
        return nil
    }

    /// Remembers a decision, in place of another one when there is no room.
    ///
    /// - Parameters:
    ///   - flow: the decision.
    ///   - key: of the frame it is about.
    ///   - mask: which bits of it count.
    ///   - current: the generation of the switch that decided.
    mutating func insert(_ flow: Flow, for key: FlowKey, mask: FlowKey, generation current: UInt64) {
        refresh(current)
        let index = maskIndex(mask)
        let masked = key.masked(by: mask)
        let first = bucket(masked)
        let places = first..<first + Self.ways
        let known = places.first { isMatch($0, masked, index) }
        let free = known ?? places.first { entries[wrapping: $0].epoch != epoch }
        if free == nil { nextVictim = (nextVictim + 1) % Self.ways }
        let entry = Entry(key: masked, epoch: epoch, mask: index, flow: flow)
        entries[wrapping: free ?? first + nextVictim] = entry
    }

    private func isMatch(_ place: Int, _ masked: FlowKey, _ mask: Int) -> Bool {
        let entry = entries[wrapping: place]
        return entry.epoch == epoch && entry.mask == mask && entry.key.agrees(with: masked)
    }

    private func bucket(_ masked: FlowKey) -> Int {
        Int(truncatingIfNeeded: masked.hash(seed: seed) >> shift) * Self.ways
    }

    /// The number of a mask, a new one if need be; when there are too many, all are forgotten.
    private mutating func maskIndex(_ mask: FlowKey) -> Int {
        for index in 0..<maskCount where masks[index].agrees(with: mask) { return index }
        if maskCount == Self.maximumMasks { empty() }
        masks[maskCount] = mask
        maskCount += 1
        return maskCount - 1
    }
}

/// Takes note of what a decision depends on, and of nothing else.
struct FlowRecorder: ForwardingObserver {
    var mask = FlowKey()
    var isKeyEnough = true

    mutating func step(_ step: @autoclosure () -> ForwardingStep) {}

    mutating func depends(_ change: (inout FlowKey) -> Void) {
        change(&mask)
    }

    mutating func dependsOnMore() {
        isKeyEnough = false
    }
}
