// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// Finds files that no runtime reads as they were meant.
package struct ConfigurationExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { refused + misnamed + facts.networks.flatMap(keys) + duplicates + shadowed }

    // MARK: - Whole files

    private var refused: [Finding] {
        let misnamed = Set(self.misnamed.map { $0.place })
        return facts.refusals.compactMap { text in
            let path = facts.files.map { $0.path }.filter { text.hasPrefix($0) }.max { $0.count < $1.count } ?? ""
            guard !misnamed.contains(path) else { return nil }
            let detail = path.isEmpty ? text : String(text.dropFirst(path.count)).trimmed(of: " :")
            return Finding(.configBroken, at: path.isEmpty ? "networks" : path, detail.withoutPassing)
        }
    }

    private var misnamed: [Finding] {
        facts.files.compactMap { file in
            guard case .object(let object)? = file.document else { return nil }
            let isList = object["plugins"] != nil
            let (ending, wanted) = (file.path.hasSuffix(".conflist"), isList)
            guard ending != wanted, isList || object["type"] != nil else { return nil }
            let stem = file.path.lastIndex(of: ".").map { file.path[..<$0] } ?? file.path[...]
            let target = "\(stem)\(isList ? ".conflist" : ".conf")"
            let content = isList ? "a list of plugins" : "one plugin"
            return Finding(.configWrongEnding, at: file.path, "it holds \(content)", fix: "mv \(file.path) \(target)")
        }
    }

    // MARK: - Keys

    private func keys(_ network: NetworkFile) -> [Finding] {
        var found: [Finding] = []
        let document = facts.files.first { $0.path == network.path }?.document
        if let document, network.path.hasSuffix(".conflist") {
            found += self.keys(of: JSONReader(document), KnownKeys.list, network)
        }
        for plugin in network.plugins {
            if let known = KnownKeys.of(plugin: plugin.type) { found += keys(of: plugin, known, network) }
            guard let ipam = plugin.child("ipam"), let known = KnownKeys.of(ipam: ipam.type) else { continue }
            found += keys(of: ipam, known, network)
            guard case .array(let sets)? = ipam.child("ranges")?.value else { continue }
            for (number, set) in sets.enumerated() {
                guard case .array(let ranges) = set else { continue }
                for (position, range) in ranges.enumerated() {
                    let place = "\(ipam.path).ranges[\(number)][\(position)]"
                    found += keys(of: JSONReader(range, path: place), KnownKeys.range, network)
                }
            }
        }
        return found
    }

    private func keys(of reader: JSONReader, _ known: KnownKeys, _ network: NetworkFile) -> [Finding] {
        guard case .object(let object) = reader.value else { return [] }
        return object.members.compactMap { member in
            let place = network.place(reader, member.key)
            guard let kind = known.kind(of: member.key) else {
                guard let meant = Spelling.nearest(to: member.key, of: known.names) else { return nil }
                return Finding(
                    .configMisspeltKey,
                    network: network.name,
                    at: place,
                    "no plugin knows the key \"\(member.key)\": did you mean \"\(meant)\"?",
                    fix: "rename the key to \"\(meant)\""
                )
            }
            guard !kind.accepts(member.value) else { return nil }
            return Finding(
                .configWrongType,
                network: network.name,
                at: place,
                "expected \(kind.rawValue), found \(member.value.summary)",
                fix: "write \(kind.rawValue)\(Self.example(member.value, kind))"
            )
        }
    }

    /// The value as it was probably meant.
    private static func example(_ value: JSONValue, _ kind: KnownKeys.Kind) -> String {
        switch (kind, value) {
        case (.integer, .string(let text)) where Int(text) != nil: ", without quotes: \(text)"
        case (.boolean, .string(let text)) where ["true", "false"].contains(text.lowercased()):
            ", without quotes: \(text.lowercased())"
        default: ""
        }
    }

    // MARK: - Several files

    private var duplicates: [Finding] {
        facts.networks.enumerated().compactMap { position, network in
            guard let first = facts.networks[..<position].first(where: { $0.name == network.name }) else { return nil }
            return Finding(
                .configDuplicateName,
                network: network.name,
                at: network.path,
                "\(first.path) has a network \"\(network.name)\" too, and is used instead",
                fix: "give it another name, or rm \(network.path)"
            )
        }
    }

    /// Runtimes of Kubernetes use one file; the others do nothing there.
    private var shadowed: [Finding] {
        guard facts.signs.contains(SystemSigns.kubelet), facts.networks.count > 1 else { return [] }
        let sorted = facts.networks.sorted { $0.path.precedesBytewise($1.path) }
        return sorted.dropFirst().map { network in
            Finding(
                .configShadowed,
                network: network.name,
                at: network.path,
                "\(sorted[0].path) sorts before it, and pods join network \"\(sorted[0].name)\""
            )
        }
    }
}

extension String {
    fileprivate func trimmed(of characters: String) -> String { String(drop { characters.contains($0) }) }

    /// Without the words in which a catalog says that it went on.
    fileprivate var withoutPassing: String {
        replacing("was passed over: ", with: "")
    }

    /// Order as runtimes sort files.
    func precedesBytewise(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
