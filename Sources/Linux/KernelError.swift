// SPDX-License-Identifier: Apache-2.0

/// What the kernel refused, and what we had asked it for.
package struct KernelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The request in words, such as `add link veth0`; lower case, no full stop.
    package let operation: String
    package let errno: Errno
    /// The kernel's own explanation (netlink extended acknowledgement), if it gave one.
    package let explanation: String?

    package init(_ operation: String, _ errno: Errno, explanation: String? = nil) {
        self.operation = operation
        self.errno = errno
        self.explanation = explanation
    }

    package var description: String {
        guard let explanation else { return "\(operation): \(errno)" }
        return "\(operation): \(errno) (\(explanation))"
    }
}
