// SPDX-License-Identifier: Apache-2.0
package import Pools
internal import Wiring

/// An attachment, or all of a container's, as a command line names them: `CONTAINER[:INTERFACE]`.
///
/// Neither container ids nor interface names hold a colon (CNI 1.1.0, section 2).
package struct AttachmentName: Hashable, Sendable {
    /// The id, or what it begins with.
    package let container: String
    /// nil is every interface.
    package let interface: String?

    /// Reads a name; nil when it names no container.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        guard let container = parts.first, !container.isEmpty else { return nil }
        self.container = container
        interface = parts.count > 1 ? parts[1] : nil
    }

    /// The attachments that are meant: of one container, whose id is just this or the only one that begins so.
    ///
    /// - Throws: ``PoolFailure`` when there is none, with what may have been meant, or when several containers are.
    package func resolve(among all: [AttachmentFacts]) throws(PoolFailure) -> [AttachmentFacts] {
        var meant = all.filter { $0.key.containerID == container }
        if meant.isEmpty { meant = all.filter { $0.key.containerID.hasPrefix(container) } }
        let ids = Set(meant.map { $0.key.containerID }).sorted()
        guard ids.count < 2 else {
            throw PoolFailure(
                "several containers have an id that begins with \"\(container)\"",
                advice: "write more of it: \(ids.prefix(5).joined(separator: ", "))\(ids.count > 5 ? ", ..." : "")"
            )
        }
        guard !meant.isEmpty else { throw unknownContainer(all) }
        guard let interface else { return meant }
        let named = meant.filter { $0.key.interfaceName == interface }
        guard named.isEmpty else { return named }
        let names = Set(meant.map { $0.key.interfaceName }).sorted().joined(separator: ", ")
        throw PoolFailure("container \(ids[0]) has no attachment \"\(interface)\"", advice: "it has: \(names)")
    }

    private func unknownContainer(_ all: [AttachmentFacts]) -> PoolFailure {
        let message = "no attachment of this host belongs to a container \"\(container)\""
        let ids = Set(all.map { $0.key.containerID }).sorted()
        guard !ids.isEmpty else { return PoolFailure(message, advice: "there are no attachments at all") }
        // Of long ids people type the beginning: what they compare with is as long.
        var near: (id: String, distance: Int)?
        for id in ids {
            let distance = AttachmentName.distance(container, String(id.prefix(container.count)))
            let isNear = distance <= max(1, container.count / 3)
            if isNear, distance < near?.distance ?? .max { near = (id, distance) }
        }
        guard let near else { return PoolFailure(message, advice: "culvert list shows all of them") }
        return PoolFailure(message, advice: "did you mean \(LeaseRow.brief(near.id))?")
    }

    /// How many letters have to be changed, left out, put in or swapped with a neighbour to get from one to the other.
    ///
    /// Damerau's distance, of words with at most one change in a place.
    /// - Complexity: O(nm).
    package static func distance(_ one: String, _ other: String) -> Int {
        let (a, b) = (Array(one), Array(other))
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
