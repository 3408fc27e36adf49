// SPDX-License-Identifier: Apache-2.0
package import Linux

/// Why an operator does not get what he asked for: what is the matter and where, and what he can do.
package struct PoolFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence without a full stop, naming the thing and the place.
    package let message: String
    /// What to do, as a sentence of its own; empty when there is nothing to be done.
    package let advice: String

    package init(_ message: String, advice: String = "") {
        self.message = message
        self.advice = advice
    }

    /// The leases of a directory cannot be used.
    package init(_ error: KernelError, intention: String) {
        let advice =
            switch error.errno {
            case .wouldBlock:
                "somebody else works on these leases all the time: wait, or look at that process; "
                    + "CULVERT_LOCK_TIMEOUT says how many seconds to wait"
            case .permissionDenied, .notPermitted: "run this as root"
            default: ""
            }
        self.init("\(intention): \(error)", advice: advice)
    }

    package var description: String { advice.isEmpty ? message : "\(message); \(advice)" }
}
