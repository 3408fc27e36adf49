// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// What becomes of a frame.
///
/// Small enough for one per frame of a burst; which interfaces a flood reaches, and how the frame has to look there, the
/// switch says (`VirtualSwitch.forEachDelivery`).
public struct Decision: Hashable, Sendable, BitwiseCopyable {
    /// Why a frame goes to everybody.
    public enum Flood: UInt8, Hashable, Sendable, CaseIterable, BitwiseCopyable {
        case unknown
        case multicast
        case broadcast
    }

    public enum Verdict: Hashable, Sendable, BitwiseCopyable {
        case forward(InterfaceID)
        case flood(Flood)
        /// By this route, out of this interface.
        case route(RouteID, InterfaceID)
        case drop(DropReason)
    }

    public var verdict: Verdict
    /// Where the frame came from.
    public var ingress: InterfaceID
    /// The VLAN it belongs to; 0 in a switch that does not know VLANs.
    public var vlan: UInt16 = 0
    /// What its tag says; 0 without one.
    var control: UInt16 = 0
    var isTagged = false
    /// Who gets a copy because a rule says so.
    var ruleMirror = InterfaceID.none
    /// Who gets a copy of all that comes from where the frame came from.
    var ingressMirror = InterfaceID.none

    init(_ verdict: Verdict, from ingress: InterfaceID) {
        self.verdict = verdict
        self.ingress = ingress
    }

    /// A frame of a burst goes to another interface, and nobody looks on.
    @inline(__always)
    init(forward frame: BurstFrame, in vlan: UInt16, to interface: InterfaceID) {
        verdict = .forward(interface)
        ingress = InterfaceID(index: UInt16(truncatingIfNeeded: frame.key.word0 >> 48))
        self.vlan = vlan
        control = frame.control
        isTagged = frame.isTagged
    }

    /// Why it goes nowhere; nil when it goes somewhere.
    public var dropReason: DropReason? {
        if case .drop(let reason) = verdict { return reason }
        return nil
    }
}

/// A frame that is to leave through an interface.
public struct Delivery: Hashable, Sendable, BitwiseCopyable {
    public let interface: InterfaceID
    public let rewrite: Rewrite
    /// Whether it is a copy for somebody who looks on.
    public let isMirror: Bool
}

/// One frame in the memory of a burst.
public struct FrameReference: Hashable, Sendable, BitwiseCopyable {
    /// Where it begins.
    public var offset: UInt32
    /// In octets, without the checksum of Ethernet.
    public var length: UInt32
    public var ingress: InterfaceID

    public init(offset: UInt32, length: UInt32, ingress: InterfaceID) {
        self.offset = offset
        self.length = length
        self.ingress = ingress
    }
}
