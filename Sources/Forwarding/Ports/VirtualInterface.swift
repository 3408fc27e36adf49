// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// What the spanning tree lets an interface do (IEEE 802.1D, 7.4).
public enum SpanningTreeState: Hashable, Sendable, CaseIterable {
    case disabled
    case blocking
    case listening
    /// It learns, and forwards nothing.
    case learning
    case forwarding
}

/// One interface of a switch: how it is set up.
///
/// A plain value; the switch takes it over with `VirtualSwitch.addInterface` and `VirtualSwitch.update`.
public struct VirtualInterface: Hashable, Sendable {
    /// For messages only.
    public var name: String
    public private(set) var isUp = true
    public var spanningTree = SpanningTreeState.forwarding
    public var vlans = VLANMembership.access(1)
    /// Whether sources of frames are remembered.
    public var learns = true
    /// How many addresses are learned at the most; 0 is any number.
    public var learnLimit: UInt32 = 0
    /// Whether frames to unknown stations leave here.
    public var floodsUnknown = true
    public var floodsMulticast = true
    public var floodsBroadcast = true
    /// Whether it and other isolated ones neither hear nor see each other.
    public var isIsolated = false
    /// Whether frames may leave where they came from.
    public var isHairpin = false
    /// Whether only stations that are known to be here may send.
    public var isLocked = false
    /// The sources frames may have; nil is any.
    public var allowedSources: [MACAddress]?
    /// The networks packets and messages of ARP may come from; nil is any.
    ///
    /// Beside them stand what a host without address has to send (RFC 2131, RFC 5227, RFC 4862), and the link-local
    /// address made from the source of the frame (RFC 4291, appendix A). Frames of other protocols are dropped, since
    /// nobody can read there whom they come from.
    public var allowedAddresses: [CIDR]?
    /// Who gets a copy of every frame that comes or goes here.
    public var mirror: InterfaceID?

    /// An interface that is up, knows no restriction, and belongs to VLAN 1.
    public init(_ name: String) {
        self.name = name
    }

    public mutating func bringUp() {
        isUp = true
    }

    /// What was learned there is forgotten.
    public mutating func bringDown() {
        isUp = false
    }
}

/// What has come and gone at an interface; lengths without the checksum of Ethernet.
public struct InterfaceCounters: Hashable, Sendable, BitwiseCopyable {
    public var receivedFrames: UInt64 = 0
    public var receivedBytes: UInt64 = 0
    public var sentFrames: UInt64 = 0
    /// Of frames as they came: a tag that was added or taken away is not counted.
    public var sentBytes: UInt64 = 0
    /// Copies from other interfaces, beside `sentFrames`.
    public var mirroredFrames: UInt64 = 0
    /// Of the frames that came from here.
    public var droppedFrames: UInt64 = 0

    /// Nothing yet.
    public init() {}
}

/// Where an interface's allowed sources and networks lie in the tables of all.
struct PortChecks: BitwiseCopyable {
    struct Stretch: BitwiseCopyable {
        var start: UInt32 = 0
        var count: UInt32 = 0
    }

    var sources = Stretch()
    var addresses = Stretch()
}

/// The interface as frames see it.
struct PortState: BitwiseCopyable {
    enum Flag {
        static let exists: UInt32 = 1 << 0
        static let isUp: UInt32 = 1 << 1
        /// The spanning tree lets frames in to be learned from.
        static let hears: UInt32 = 1 << 2
        /// The spanning tree lets frames in and out.
        static let forwards: UInt32 = 1 << 3
        static let learns: UInt32 = 1 << 4
        static let isIsolated: UInt32 = 1 << 5
        static let isHairpin: UInt32 = 1 << 6
        static let isLocked: UInt32 = 1 << 7
        static let checksSources: UInt32 = 1 << 8
        static let checksAddresses: UInt32 = 1 << 9
        static let refusesTagged: UInt32 = 1 << 10
        static let refusesUntagged: UInt32 = 1 << 11
        /// What an interface needs that sends a frame on: looked at together.
        static let usable: UInt32 = exists | isUp | forwards
        /// Of these, an interface has ``usual`` and no other where frames come from without anything special about them.
        static let special: UInt32 =
            usual | isLocked | checksSources | checksAddresses | refusesTagged | refusesUntagged
        static let usual: UInt32 = usable | hears | learns
    }

    var flags: UInt32 = 0
    /// 0 is none.
    var native: UInt16 = 0
    var mirror = InterfaceID.none
    var learnLimit: UInt32 = 0
    /// Fills it up to sixteen octets, so that a shift finds it.
    private var padding: UInt32 = 0

    /// Whether frames that come here are taken with no question but for their VLAN, and learned from.
    @inline(__always)
    var isUsual: Bool { flags & Flag.special == Flag.usual }

    @inline(__always)
    func has(_ flag: UInt32) -> Bool { flags & flag == flag }

    /// No interface.
    init() {}

    init(_ interface: VirtualInterface) {
        let state = interface.spanningTree
        var flags = Flag.exists
        func set(_ flag: UInt32, _ condition: Bool) { if condition { flags |= flag } }
        set(Flag.isUp, interface.isUp)
        set(Flag.hears, state == .learning || state == .forwarding)
        set(Flag.forwards, state == .forwarding)
        set(Flag.learns, interface.learns)
        set(Flag.isIsolated, interface.isIsolated)
        set(Flag.isHairpin, interface.isHairpin)
        set(Flag.isLocked, interface.isLocked)
        set(Flag.checksSources, interface.allowedSources != nil)
        set(Flag.checksAddresses, interface.allowedAddresses != nil)
        set(Flag.refusesTagged, interface.vlans.admission == .onlyUntagged)
        set(Flag.refusesUntagged, interface.vlans.admission == .onlyTagged)
        self.flags = flags
        native = interface.vlans.native ?? 0
        mirror = interface.mirror ?? .none
        learnLimit = interface.learnLimit
    }
}
