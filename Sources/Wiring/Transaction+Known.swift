// SPDX-License-Identifier: Apache-2.0
package import Netlink

// For who completes what an earlier transaction made.
extension Transaction {
    /// Tells the transaction which link of the container later changes are about: one that is there already.
    ///
    /// Taking back does not touch it.
    package mutating func remember(inside link: Link) {
        containerIndex = link.index
    }
}
