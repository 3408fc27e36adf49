// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// Where a call belongs in a trace (W3C Trace Context, 3): read from TRACEPARENT and TRACESTATE of the environment, and
/// passed on there.
package struct TraceContext: Hashable, Sendable {
    /// The 16 octets of the trace's id, in two halves; never all zero.
    package let traceID: (high: UInt64, low: UInt64)
    /// This call's own id, which is the parent of whatever it calls; never zero.
    package let spanID: UInt64
    /// Who called; zero when nobody said.
    package let parentID: UInt64
    /// `sampled` and `random` (Trace Context level 2, 3.2.2.5); others are not passed on.
    package let flags: UInt8
    /// What others want passed on, as it came; empty without.
    package let state: String

    package init(
        traceID: (high: UInt64, low: UInt64),
        spanID: UInt64,
        parentID: UInt64,
        flags: UInt8,
        state: String
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.parentID = parentID
        self.flags = flags
        self.state = state
    }

    package static func == (one: TraceContext, other: TraceContext) -> Bool {
        one.traceID == other.traceID && one.spanID == other.spanID && one.parentID == other.parentID
            && one.flags == other.flags && one.state == other.state
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(traceID.low)
        hasher.combine(spanID)
    }

    /// The context of this process: a span of the caller's trace, or the first one of a new trace.
    ///
    /// A TRACEPARENT that makes no sense is as good as none, and TRACESTATE goes with it (Trace Context, 3.2.2.3).
    ///
    /// - Parameters:
    ///   - isKept: whether anybody keeps what this call does: without, nobody needs a trace of its own.
    ///   - variable: looks a variable of the environment up.
    /// - Returns: nil when there is neither a caller's trace nor a need of one, or no chance to be had.
    package static func current(isKept: Bool, variable: (String) -> String?) -> TraceContext? {
        let parent = variable("TRACEPARENT").flatMap { TraceContext(parent: $0) }
        guard parent != nil || isKept else { return nil }
        let state = parent == nil ? "" : variable("TRACESTATE") ?? ""
        do throws(KernelError) {
            let octets = try Machine.randomBytes(24)
            return TraceContext(
                // Zero is no id; it comes once in 584 years of a million calls a second.
                traceID: parent?.traceID ?? (number(octets[0..<8]) | 1, number(octets[8..<16])),
                spanID: number(octets[16..<24]) | 1,
                parentID: parent?.spanID ?? 0,
                flags: parent?.flags ?? 1,
                state: state
            )
        } catch {
            return nil
        }
    }

    /// The caller's own context, as TRACEPARENT spells it; nil for anything that the recommendation refuses.
    ///
    /// Of a version that is newer than 00 the beginning is read, as Trace Context, 3.2.4 has it.
    package init?(parent text: String) {
        let octets = Array(text.utf8)
        guard octets.count >= 55, let version = TraceContext.number(hex: octets[0..<2]), version != 0xff,
            version != 0 || octets.count == 55, octets.count == 55 || octets[55] == UInt8(ascii: "-"),
            octets[2] == UInt8(ascii: "-"), octets[35] == UInt8(ascii: "-"), octets[52] == UInt8(ascii: "-"),
            let high = TraceContext.number(hex: octets[3..<19]), let low = TraceContext.number(hex: octets[19..<35]),
            let span = TraceContext.number(hex: octets[36..<52]), let flags = TraceContext.number(hex: octets[53..<55]),
            high | low != 0, span != 0
        else { return nil }
        self.init(traceID: (high, low), spanID: span, parentID: 0, flags: UInt8(flags & 3), state: "")
    }

    /// This call as its callees' parent: `00-TRACE-SPAN-FLAGS`.
    package var traceParent: String { "00-\(traceText)-\(spanText)-\(TraceContext.text(UInt64(flags), digits: 2))" }

    /// The trace's id in 32 digits.
    package var traceText: String {
        TraceContext.text(traceID.high, digits: 16) + TraceContext.text(traceID.low, digits: 16)
    }

    /// This call's id in 16 digits.
    package var spanText: String { TraceContext.text(spanID, digits: 16) }

    /// The caller's id in 16 digits; empty when nobody said.
    package var parentText: String { parentID == 0 ? "" : TraceContext.text(parentID, digits: 16) }

    /// An environment for a program that this call runs: as it came, but with this call as the parent.
    ///
    /// `environment`: `NAME=value` each.
    package func passed(on environment: [String]) -> [String] {
        var passed = environment.filter { !$0.hasPrefix("TRACEPARENT=") && !$0.hasPrefix("TRACESTATE=") }
        passed.append("TRACEPARENT=\(traceParent)")
        if !state.isEmpty { passed.append("TRACESTATE=\(state)") }
        return passed
    }

    /// Lower case only: Trace Context, 3.2.2.
    private static func number(hex octets: ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for octet in octets {
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt64(octet - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt64(octet - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return number
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        var number: UInt64 = 0
        for octet in octets { number = number << 8 | UInt64(octet) }
        return number
    }

    private static func text(_ number: UInt64, digits: Int) -> String {
        var octets: [UInt8] = []
        for position in 0..<digits {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(4 * (digits - 1 - position))) & 15
            octets.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
