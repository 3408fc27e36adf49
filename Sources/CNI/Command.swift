// SPDX-License-Identifier: Apache-2.0

/// What a runtime asks a plugin to do (`CNI_COMMAND`); upper case only, like the reference.
package enum Command: String, CaseIterable, Hashable, Sendable {
    case add = "ADD"
    case delete = "DEL"
    case check = "CHECK"
    case collectGarbage = "GC"
    case status = "STATUS"
    case version = "VERSION"

    /// Whether the command is about one interface of one container rather than the network or the plugin.
    package var concernsAttachment: Bool {
        switch self {
        case .add, .delete, .check: true
        case .collectGarbage, .status, .version: false
        }
    }
}
