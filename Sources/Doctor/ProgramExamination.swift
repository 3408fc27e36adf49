// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import JSON

/// Finds plugins that runtimes cannot start, and those that are not what somebody installed.
package struct ProgramExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] {
        var told: Set<String> = []
        return facts.networks.flatMap { network in
            network.plugins.flatMap { plugin -> [Finding] in
                let ipam = plugin.child("ipam")
                let delegate = ipam.map { $0.type }.flatMap { $0.isEmpty ? nil : $0 }
                return [(plugin.type, plugin)].flatMap { findings($0.0, network, $0.1, &told) }
                    + (delegate.map { findings($0, network, ipam ?? plugin, &told) } ?? [])
            }
        } + mixed
    }

    /// All programs of a name, in the order of the search.
    private func programs(_ name: String) -> [HostFacts.Program] {
        facts.searchPath.flatMap { directory in
            facts.programs.filter { $0.directory == directory && $0.name == name }
        }
    }

    private func findings(
        _ type: String,
        _ network: NetworkFile,
        _ reader: JSONReader,
        _ told: inout Set<String>
    ) -> [Finding] {
        let programs = programs(type)
        // Like libcni: the first, whether it can be run or not.
        guard let program = programs.first, program.isExecutable else {
            return absent(type, programs, network, reader, &told)
        }
        var found: [Finding] = []
        if !program.versions.isEmpty, !program.versions.contains(network.version.rawValue) {
            let newest = program.versions.last ?? ""
            found.append(
                Finding(
                    .configVersion,
                    network: network.name,
                    at: "\(network.path): cniVersion",
                    "\(program.path) does not speak cniVersion \(network.version.rawValue); it speaks "
                        + program.versions.joined(separator: ", "),
                    fix: "write \"cniVersion\": \"\(newest)\", or install a newer \(type)"
                )
            )
        }
        if program.implementation == .foreign, let ours = programs.first(where: { $0.implementation == .ours }),
            told.insert(program.path).inserted
        {
            found.append(
                Finding(
                    .pluginShadowed,
                    at: program.path,
                    "it is found before \(ours.path), and is another implementation",
                    fix: "rm \(program.path), or put \(ours.directory) before \(program.directory) in the runtime's "
                        + "list of plugin directories"
                )
            )
        }
        return found
    }

    private func absent(
        _ type: String,
        _ programs: [HostFacts.Program],
        _ network: NetworkFile,
        _ reader: JSONReader,
        _ told: inout Set<String>
    ) -> [Finding] {
        if let program = programs.first {
            guard told.insert(program.path).inserted else { return [] }
            return [
                Finding(
                    .pluginNotExecutable,
                    network: network.name,
                    at: program.path,
                    "the file is not executable",
                    fix: "chmod 755 \(program.path)",
                    remedy: .executable(program.path)
                )
            ]
        }
        let meant = KnownKeys.types.contains(type) ? nil : Spelling.nearest(to: type, of: KnownKeys.types)
        let question = meant.map { ": did you mean \"\($0)\"?" } ?? ""
        let directories = facts.searchPath.joined(separator: ":")
        return [
            Finding(
                .pluginMissing,
                network: network.name,
                at: network.place(reader, "type"),
                "there is no plugin \"\(type)\" in \(directories.isEmpty ? "any directory" : directories)\(question)",
                fix: meant.map { "write \"type\": \"\($0)\"" } ?? "install \(type) into one of them"
            )
        ]
    }

    /// Lists that Culvert and somebody else work on together.
    private var mixed: [Finding] {
        facts.networks.compactMap { network in
            let used = network.plugins.compactMap { plugin in programs(plugin.type).first }
            let foreign = used.filter { $0.implementation == .foreign }
            guard let first = foreign.first, used.contains(where: { $0.implementation == .ours }) else { return nil }
            // Told already, with what to do about it.
            guard !programs(first.name).contains(where: { $0.implementation == .ours }) else { return nil }
            let names = foreign.map { $0.path }.joined(separator: ", ")
            return Finding(
                .pluginForeign,
                network: network.name,
                at: first.path,
                "\(names) is another implementation than the rest of \(network.path)"
            )
        }
    }
}
