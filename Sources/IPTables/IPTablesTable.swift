// SPDX-License-Identifier: Apache-2.0

/// A table of iptables, by its name.
package enum IPTablesTable: String, Hashable, Sendable {
    case filter
    case nat
    case mangle
    case raw
}
