// SPDX-License-Identifier: Apache-2.0

/// Whose rules and elements are meant, as their comments say.
package enum FilterOwners: Hashable, Sendable {
    /// One attachment.
    case attachment(AttachmentKey)
    /// All attachments of a network but those spared.
    case network(String, sparing: Survivors)

    /// Attachments that keep what they have.
    package struct Survivors: Hashable, Sendable {
        /// By the beginning of their comments.
        private var owners: [String] = []
        /// By their ids: containers of which old runtimes do not say which interface.
        private var containers: [String] = []

        package init() {}

        package mutating func insert(_ key: AttachmentKey) {
            owners.append(key.ruleOwner)
        }

        /// Spares all interfaces of a container.
        package mutating func insert(containerID: String) {
            containers.append(containerID)
        }

        fileprivate func contain(_ comment: String) -> Bool {
            if owners.contains(where: { comment.hasPrefix($0) }) { return true }
            guard !containers.isEmpty else { return false }
            // Long comments are cut: what remains of the id has to do, and if nothing remains, it may be anybody's.
            let isCut = comment.utf8.count == 128
            guard let id = AttachmentKey.containerID(inRuleComment: comment) else { return isCut }
            return containers.contains { $0 == id || isCut && $0.hasPrefix(id) }
        }
    }

    func include(_ comment: String?) -> Bool {
        guard let comment else { return false }
        switch self {
        case .attachment(let key):
            return comment.hasPrefix(key.ruleOwner) || comment == SpoofCheck.comment(of: key)
        case .network(let network, let survivors):
            return comment.hasPrefix(AttachmentKey.ruleOwners(of: network) + "-") && !survivors.contain(comment)
        }
    }
}
