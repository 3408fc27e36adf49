// SPDX-License-Identifier: Apache-2.0

/// Versions that programs tell.
package enum Release {
    /// This suite's own.
    package static let own = "0.1.0"
    /// The release of the reference plugins whose features this suite has: consumers parse it and switch features on.
    package static let reference = "1.9.1"
}
