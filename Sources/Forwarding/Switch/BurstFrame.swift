// SPDX-License-Identifier: Apache-2.0

/// What is known of a frame of a burst between one step and the next: a cache line.
struct BurstFrame: BitwiseCopyable {
    /// Only of frames that were admitted.
    var key = FlowKey()
    /// VLAN 16, nothing 14, whether the frame is usual 1, whether it is tagged 1, reason 8, length of the header 8, what the
    /// tag says 16.
    private var rest: UInt64 = 0

    private static let isUsualBit: UInt64 = 1 << 33
    private static let isTaggedBit: UInt64 = 1 << 32
    private static let noReason: UInt64 = 0xff

    /// Nothing.
    init() {}

    /// A frame that was admitted without anything special about it.
    @inline(__always)
    init(_ key: FlowKey, _ layout: FrameLayout, vlan: UInt16) {
        self.key = key
        rest = UInt64(vlan) << 48 | Self.isUsualBit | Self.noReason << 24
        rest |= UInt64(layout.headerLength & 0xff) << 16 | UInt64(layout.control)
        if layout.isTagged { rest |= Self.isTaggedBit }
    }

    /// A frame of which an ``Admission`` says what it is.
    init(_ key: FlowKey, _ admission: Admission) {
        self.key = key
        let reason = admission.reason.map { UInt64($0.rawValue) } ?? Self.noReason
        rest = UInt64(admission.vlan) << 48 | reason << 24
        rest |= UInt64(admission.headerLength & 0xff) << 16 | UInt64(admission.control)
        if admission.isTagged { rest |= Self.isTaggedBit }
    }

    /// Whether it was admitted without anything special about it.
    @inline(__always)
    var isUsual: Bool { rest & Self.isUsualBit != 0 }
    var wasAdmitted: Bool { rest >> 24 & 0xff == Self.noReason }
    @inline(__always)
    var vlan: UInt16 { UInt16(truncatingIfNeeded: rest >> 48) }
    @inline(__always)
    var control: UInt16 { UInt16(truncatingIfNeeded: rest) }
    @inline(__always)
    var isTagged: Bool { rest & Self.isTaggedBit != 0 }

    /// The key with the VLAN that the frame's tag says.
    var ownKey: FlowKey {
        var own = key
        own.vlan = control & 0xfff
        return own
    }

    /// The stations it comes from and goes to, as in ``MACTable/key(_:_:)``.
    @inline(__always)
    var sourceKey: UInt64 { 1 << 63 | rest & 0xfff << 48 | key.word2 >> 16 }
    @inline(__always)
    var destinationKey: UInt64 { 1 << 63 | rest & 0xfff << 48 | key.word1 >> 16 }

    /// All of it in the form that serves unusual frames too.
    func admission(of reference: FrameReference) -> Admission {
        var admission = Admission()
        admission.destinationNumber = key.word1 >> 16
        admission.sourceNumber = key.word2 >> 16
        admission.ingress = reference.ingress
        admission.vlan = vlan
        admission.control = control
        admission.headerLength = UInt16(truncatingIfNeeded: rest >> 16 & 0xff)
        admission.length = reference.length
        admission.isTagged = isTagged
        admission.reason = DropReason(rawValue: UInt8(truncatingIfNeeded: rest >> 24))
        return admission
    }
}

/// Memory for a burst.
struct BurstScratch: ~Copyable {
    var frames = BurstTable(repeating: BurstFrame())
    /// Where probes for stations begin: of the source 32, of the destination 32.
    ///
    /// Of a frame that was only read: where a probe for its flow begins.
    var homes = BurstTable(repeating: 0 as UInt64)
    var verdicts = BurstTable(repeating: RuleVerdict())
    /// Keeps early loads from being left out.
    var warmth: UInt64 = 0
}
