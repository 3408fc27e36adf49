// SPDX-License-Identifier: Apache-2.0
package import Linux

/// Why a plan was not carried out.
package struct PlanFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package let cause: KernelError
    /// What could not be taken back, in words; empty in the ordinary case.
    package let leftovers: [String]

    package init(cause: KernelError, leftovers: [String] = []) {
        self.cause = cause
        self.leftovers = leftovers
    }

    package var description: String {
        leftovers.isEmpty ? "\(cause)" : "\(cause); left behind: \(leftovers.joined(separator: "; "))"
    }
}
