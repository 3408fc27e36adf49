// SPDX-License-Identifier: Apache-2.0

/// Why a pool of addresses cannot be as it was configured, or cannot give what was asked of it.
package struct PoolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The reason in the words that operators know from host-local; no full stop.
    package let message: String

    init(_ message: String) {
        self.message = message
    }

    /// The message.
    package var description: String {
        message
    }
}
