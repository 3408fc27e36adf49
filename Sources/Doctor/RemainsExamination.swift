// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// Finds what is left of containers that are gone.
package struct RemainsExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { records + caches + (facts.isEverybodyKnown ? links + shapers : []) }

    private var records: [Finding] {
        var told: Set<String> = []
        return facts.records.filter { $0.isDead && told.insert($0.name).inserted }.map { record in
            Finding(
                .recordStale,
                network: record.network,
                at: record.name,
                "its network namespace is gone, and no DEL has come"
            )
        }
    }

    private var caches: [Finding] {
        facts.staleCaches.map { path in
            Finding(.cacheStale, at: path, "the container's network namespace is gone", fix: "rm \(path)")
        }
    }

    /// Pairs of which neither end has left the host: an ADD was killed between making and moving one.
    private var links: [Finding] {
        let ports = Set(facts.records.map { $0.hostInterface })
        return facts.links.filter { link in
            guard link.kind == "veth", !link.isPeerAbroad, !ports.contains(link.name), link.name.isOfPlugin,
                let peer = facts.links.first(where: { $0.index == link.peer })
            else { return false }
            return !(peer.name.isOfPlugin && peer.index < link.index)
        }.map { link in
            Finding(
                .linkStale,
                at: "link \(link.name)",
                "both ends of this veth pair are on the host, and no attachment record names them",
                fix: "ip link del \(link.name)"
            )
        }
    }

    /// Blocks that delay packets bear a digest of network and container, ours also their names.
    private var shapers: [Finding] {
        let known = Set(
            facts.owners.union(facts.recorded).map {
                "bwp" + SHA512(of: $0.network + $0.containerID).hexadecimal(digits: 12)
            }
        )
        return facts.links.compactMap { link in
            guard link.kind == "ifb", link.name.hasPrefix("bwp"), link.name.utf8.count == 15 else { return nil }
            let prefix = "culvert bandwidth "
            if link.alias.hasPrefix(prefix) {
                let owner = link.alias.dropFirst(prefix.count)
                // A name too long to be written is written as a digest.
                guard !owner.contains("#"), let slash = owner.firstIndex(of: "/"), let colon = owner.lastIndex(of: ":"),
                    slash < colon
                else { return nil }
                let container = String(owner[owner.index(after: slash)..<colon])
                guard !facts.isKnown(container) else { return nil }
                return shaper(link, String(owner))
            }
            return known.contains(link.name) ? nil : shaper(link, "a container of which nobody knows")
        }
    }

    private func shaper(_ link: HostFacts.Link, _ owner: String) -> Finding {
        let what = "it limits the bandwidth of \(owner)"
        return Finding(.shaperStale, at: "link \(link.name)", what, fix: "ip link del \(link.name)")
    }
}

extension String {
    /// `veth` and eight hexadecimal digits.
    fileprivate var isOfPlugin: Bool {
        utf8.count == 12 && hasPrefix("veth") && dropFirst(4).allSatisfy { $0.isHexDigit && !$0.isUppercase }
    }
}
