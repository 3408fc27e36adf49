// SPDX-License-Identifier: Apache-2.0

/// Something a switch did about a frame, for those who ask why.
public enum ForwardingStep: Hashable, Sendable {
    /// The interface took the frame; it belongs to this VLAN.
    case admitted(vlan: UInt16)
    /// This rule decides; nil when none is about the frame.
    case rule(RuleID?, RuleAction)
    /// What is known about the destination; nil when it is unknown.
    case station(MACTable.Entry?)
    /// The packet is routed, by this route; nil when there is none.
    case route(RouteID?)
}

/// Who looks on while a switch decides.
///
/// The one that forwards does without: with an observer that does nothing the compiler leaves all of it out.
protocol ForwardingObserver {
    mutating func step(_ step: @autoclosure () -> ForwardingStep)
    /// The decision depends on the bits that `change` sets in a mask.
    mutating func depends(_ change: (inout FlowKey) -> Void)
    /// The decision depends on something that a key does not say.
    mutating func dependsOnMore()
}

struct Inattentive: ForwardingObserver {
    @inline(__always)
    mutating func step(_ step: @autoclosure () -> ForwardingStep) {}
    @inline(__always)
    mutating func depends(_ change: (inout FlowKey) -> Void) {}
    @inline(__always)
    mutating func dependsOnMore() {}
}

/// What a switch would do with a frame, and why.
public struct Explanation: Hashable, Sendable {
    public let decision: Decision
    /// In the order in which they were taken.
    public let steps: [ForwardingStep]
    /// Which bits of the frame's key decided; nil when something beyond the key did, such as what an ARP message says.
    ///
    /// Until the switch changes, any frame whose key agrees in these bits has the same verdict, unless it is routed:
    /// then its length and time to live count besides. So the verdict can be remembered under the mask.
    public let mask: FlowKey?
}

struct Recorder: ForwardingObserver {
    var steps: [ForwardingStep] = []
    var mask = FlowKey()
    var isKeyEnough = true

    mutating func step(_ step: @autoclosure () -> ForwardingStep) {
        steps.append(step())
    }

    mutating func depends(_ change: (inout FlowKey) -> Void) {
        change(&mask)
    }

    mutating func dependsOnMore() {
        isKeyEnough = false
    }
}
