// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A learning switch with VLANs, rules and routes, that says what becomes of a frame and sends nothing itself.
///
/// It does what a bridge of Linux does (IEEE 802.1D and 802.1Q as far as that goes), plus rules and routes. The same
/// frames at the same moments make the same decisions: there is no clock and no chance in it.
///
/// Keep it in a local variable or in another noncopyable value. As a stored property of a class every access would be
/// checked for exclusivity at run time, which costs three times what the switch does.
public struct VirtualSwitch: ~Copyable {
    /// What is fixed when a switch is made; its memory depends on nothing else but rules and routes.
    public struct Settings: Hashable, Sendable {
        /// At most 1024.
        public var maximumInterfaces = 256
        /// Whether tags mean something; otherwise all interfaces are in one network and tags pass unread.
        public var knowsVLANs = true
        /// Which tags are the switch's own.
        public var tagProtocol = EtherType.customerTag
        /// How many stations can be known.
        public var maximumAddresses = 8192
        /// How long a station is remembered that is not heard.
        public var ageing: Ticks = 30000
        /// Which of the groups 01:80:c2:00:00:00 to 0f are forwarded, by bit; never 01 (as `group_fwd_mask` in Linux).
        ///
        /// Linux does not let 00 be chosen: it forwards that group where it does not speak the spanning tree protocol itself.
        /// With provider's tags it forwards 0b, 0c, 0d and 0f besides (IEEE 802.1Q, table 8-2).
        public var forwardedGroups: UInt16 = 0
        /// What hashes depend on: senders who do not know it cannot make them collide.
        public var seed: UInt64 = 0
        /// How many decisions are remembered; 0 is none.
        ///
        /// Those about frames by themselves hold for frames that agree in all that mattered, those about frames of bursts
        /// for frames of the same key. It pays where rules, interfaces and stations change seldom; for bursts even without
        /// rules, if there is room for four times as many decisions as there are flows at a time.
        public var rememberedFlows = 0

        public init() {}
    }

    /// How many frames a burst is worked on at a time.
    public static var burst: Int { BurstTable<UInt8>.count }

    /// Rows of `sets`.
    enum Row {
        static let usable = 0
        /// Followed by one for each other kind of flood.
        static let flooded = 1
        static let isolated = 4
        static let count = 5
    }

    public let settings: Settings
    /// How many words of sixty-four interfaces there are.
    let wordCount: Int

    private var interfaces: [VirtualInterface?] = []
    var ports: Table<PortState>
    var checks: Table<PortChecks>
    /// Interfaces with some property; see ``Row``.
    var sets: InterfaceRows
    /// The members of each VLAN, or of the one row there is without VLANs.
    var vlanMembers: InterfaceRows
    /// The VLANs of each interface, 64 words for each; and those that leave it without a tag.
    var memberVLANs: Table<UInt64>
    var untaggedVLANs: Table<UInt64>
    /// Allowed sources and networks of all interfaces, each interface's in one stretch.
    var allowedSources = Table(repeating: 0 as UInt64, count: 0)
    var allowedNetworks = Table(repeating: NetworkMatch(), count: 0)
    var counters: Table<InterfaceCounters>
    /// By interface and reason.
    var drops: Table<UInt64>

    /// What is known about stations; what interfaces hear is entered by ``forward(_:from:now:)``.
    public internal(set) var stations: MACTable
    /// What is done with frames before anything is learned from them; changed by ``addRule(_:)`` and ``removeRule(_:)``.
    public internal(set) var rules: RuleTable
    /// Changes but for those of `stations`, which counts them itself.
    var changes: UInt64 = 0
    var flows: FlowCache
    var exactFlows: ExactFlows
    /// Where packets go that are sent to a gateway; changed by ``addRoute(_:)`` and ``removeRoute(_:)``.
    public internal(set) var routes = RouteTable()
    var paths = RoutePaths()
    var scratch = BurstScratch()

    /// A switch without interfaces.
    public init(_ settings: Settings = Settings()) {
        precondition(
            (1...InterfaceSet.capacity).contains(settings.maximumInterfaces),
            "a switch has between one and 1024 interfaces"
        )
        let capacity = settings.maximumInterfaces
        self.settings = settings
        wordCount = (capacity + 63) / 64
        // Powers of two: the number of an interface that is below the capacity needs no other check.
        var room = 1
        while room < capacity { room *= 2 }
        ports = Table(repeating: PortState(), count: room)
        checks = Table(repeating: PortChecks(), count: room)
        sets = InterfaceRows(rows: Row.count, interfaces: capacity)
        vlanMembers = InterfaceRows(rows: settings.knowsVLANs ? 4096 : 1, interfaces: capacity)
        memberVLANs = Table(repeating: 0, count: room * VLANSet.wordCount)
        untaggedVLANs = Table(repeating: 0, count: room * VLANSet.wordCount)
        counters = Table(repeating: InterfaceCounters(), count: room)
        drops = Table(repeating: 0, count: room * DropReason.allCases.count)
        stations = MACTable(capacity: settings.maximumAddresses, ageing: settings.ageing, seed: settings.seed)
        rules = RuleTable(seed: settings.seed)
        flows = FlowCache(capacity: settings.rememberedFlows, seed: settings.seed)
        exactFlows = ExactFlows(capacity: settings.rememberedFlows, seed: settings.seed)
    }

    // MARK: - Interfaces

    /// Adds an interface.
    ///
    /// - Returns: its number, the lowest that is free; nil when there are as many as there may be.
    public mutating func addInterface(_ interface: VirtualInterface) -> InterfaceID? {
        let index = interfaces.firstIndex { $0 == nil } ?? interfaces.count
        guard index < settings.maximumInterfaces else { return nil }
        if index == interfaces.count { interfaces.append(nil) }
        let id = InterfaceID(index: UInt16(index))
        counters[index] = InterfaceCounters()
        for reason in DropReason.allCases { drops[index * DropReason.allCases.count + Int(reason.rawValue)] = 0 }
        set(id, to: interface)
        return id
    }

    /// Removes an interface, and all that is known about stations there.
    ///
    /// Rules, routes and mirrors that name it stay, and what they send there is dropped. They mean the next interface that
    /// gets the number: whoever wrote them takes them away.
    ///
    /// - Returns: how it was set up, or nil when there is none of that number.
    @discardableResult
    public mutating func removeInterface(_ id: InterfaceID) -> VirtualInterface? {
        guard let interface = interface(id) else { return nil }
        set(id, to: nil)
        stations.removeAll(at: id)
        return interface
    }

    /// How an interface is set up, or nil when there is none of that number.
    public func interface(_ id: InterfaceID) -> VirtualInterface? {
        id.index < interfaces.count ? interfaces[Int(id.index)] : nil
    }

    /// The interfaces there are.
    public var interfaceSet: InterfaceSet {
        var all = InterfaceSet()
        for index in interfaces.indices where interfaces[index] != nil { all.insert(InterfaceID(index: UInt16(index))) }
        return all
    }

    /// Changes how an interface is set up; frames that come afterwards find it so.
    ///
    /// When it goes down, or the spanning tree disables it, what was learned there is forgotten; when it leaves a VLAN, what
    /// was learned there in that VLAN.
    ///
    /// - Returns: false when there is no interface of that number.
    @discardableResult
    public mutating func update(_ id: InterfaceID, _ change: (inout VirtualInterface) -> Void) -> Bool {
        guard let before = interface(id) else { return false }
        var after = before
        change(&after)
        guard after != before else { return true }
        set(id, to: after)
        let isCut = !after.isUp || after.spanningTree == .disabled
        if isCut, before.isUp, before.spanningTree != .disabled { stations.removeLearned(at: id) }
        if settings.knowsVLANs, after.vlans.members != before.vlans.members {
            stations.removeLearned(at: id, outside: after.vlans.members)
        }
        return true
    }

    /// What has come and gone at an interface since it was added.
    public func counters(of id: InterfaceID) -> InterfaceCounters {
        id.index < counters.count ? counters[Int(id.index)] : InterfaceCounters()
    }

    /// How many of the frames from an interface went nowhere for this reason.
    public func dropCount(of id: InterfaceID, for reason: DropReason) -> UInt64 {
        guard id.index < counters.count else { return 0 }
        return drops[Int(id.index) * DropReason.allCases.count + Int(reason.rawValue)]
    }

    // MARK: - Stations

    /// Writes down where a station is: it neither ages nor moves.
    ///
    /// - Returns: false when the switch knows as many stations as it can.
    @discardableResult
    public mutating func addStation(_ address: MACAddress, vlan: UInt16, at id: InterfaceID, now: Ticks) -> Bool {
        stations.addStatic(address, vlan: settings.knowsVLANs ? vlan : 0, at: id, now: now)
    }

    /// Forgets a station, learned or written down.
    @discardableResult
    public mutating func removeStation(_ address: MACAddress, vlan: UInt16) -> Bool {
        stations.remove(address, vlan: settings.knowsVLANs ? vlan : 0)
    }

    /// Sweeps away stations that were not heard for long; to be called now and then, from once per burst to once in days.
    ///
    /// - Parameters:
    ///   - now: the moment.
    ///   - budget: how many slots of the table to look at.
    /// - Returns: how many stations were forgotten.
    @discardableResult
    public mutating func age(now: Ticks, budget: Int = .max) -> Int {
        stations.age(now: now, budget: budget)
    }

    // MARK: - What frames see

    private mutating func set(_ id: InterfaceID, to interface: VirtualInterface?) {
        let index = Int(id.index)
        changes += 1
        interfaces[index] = interface
        ports[index] = interface.map { PortState($0) } ?? PortState()
        setVLANs(index, interface?.vlans)
        if !settings.knowsVLANs { vlanMembers.set(index, in: 0, to: interface != nil) }
        sets.set(index, in: Row.usable, to: ports[index].has(PortState.Flag.usable))
        sets.set(index, in: Row.isolated, to: interface?.isIsolated ?? false)
        for kind in Decision.Flood.allCases {
            let isFlooded =
                switch kind {
                case .unknown: interface?.floodsUnknown
                case .multicast: interface?.floodsMulticast
                case .broadcast: interface?.floodsBroadcast
                }
            sets.set(index, in: Row.flooded + Int(kind.rawValue), to: isFlooded ?? false)
        }
        collectAllowed()
    }

    /// Enters which VLANs an interface belongs to; only what changes is touched.
    private mutating func setVLANs(_ index: Int, _ vlans: VLANMembership?) {
        let members = vlans?.members.words
        let untagged = vlans?.untagged.words
        for word in 0..<VLANSet.wordCount {
            let place = index * VLANSet.wordCount + word
            let (old, new) = (memberVLANs[place], members?[word] ?? 0)
            memberVLANs[place] = new
            untaggedVLANs[place] = untagged?[word] ?? 0
            var changed = settings.knowsVLANs ? old ^ new : 0
            while changed != 0 {
                let bit = changed.trailingZeroBitCount
                vlanMembers.set(index, in: word * 64 + bit, to: new >> UInt64(bit) & 1 != 0)
                changed &= changed - 1
            }
        }
    }

    @inline(__always)
    func isMember(_ index: Int, _ vlan: UInt16) -> Bool {
        memberVLANs[wrapping: index &* VLANSet.wordCount &+ Int(vlan &>> 6)] &>> UInt64(vlan & 63) & 1 != 0
    }

    /// Lays out anew which sources and networks interfaces allow.
    private mutating func collectAllowed() {
        var sources: [UInt64] = []
        var networks: [NetworkMatch] = []
        for index in interfaces.indices {
            guard let interface = interfaces[index] else { continue }
            let ownSources = interface.allowedSources ?? []
            let ownNetworks = interface.allowedAddresses ?? []
            checks[index] = PortChecks(
                sources: .init(start: UInt32(sources.count), count: UInt32(ownSources.count)),
                addresses: .init(start: UInt32(networks.count), count: UInt32(ownNetworks.count))
            )
            for source in ownSources { sources.append(source.value) }
            for network in ownNetworks { networks.append(NetworkMatch(network)) }
        }
        allowedSources = Table(repeating: 0, count: sources.count)
        for index in sources.indices { allowedSources[index] = sources[index] }
        allowedNetworks = Table(repeating: NetworkMatch(), count: networks.count)
        for index in networks.indices { allowedNetworks[index] = networks[index] }
    }
}

/// A network, to compare addresses with.
struct NetworkMatch: BitwiseCopyable {
    private var first: UInt128 = 0
    private var mask: UInt128 = 0
    private var isIPv4 = false

    /// The whole of IPv6.
    init() {}

    init(_ network: CIDR) {
        first = network.first.value
        mask = ~(network.first.value ^ network.last.value)
        isIPv4 = network.family == .v4
    }

    @inline(__always)
    func contains(_ address: UInt128, isIPv4: Bool) -> Bool {
        isIPv4 == self.isIPv4 && (address ^ first) & mask == 0
    }
}
