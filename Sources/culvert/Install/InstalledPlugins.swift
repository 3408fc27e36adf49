// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Installation
import JSON
import Linux

/// `culvert installed`: what `culvert install` has put somewhere, and what became of it.
struct InstalledPlugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "installed",
        abstract: "Say which plugins were installed, and whether they are still there.",
        discussion: """
            Only looks, and waits for nobody. A program is whole, changed (somebody has \
            written into it), replaced (somebody has put another one in its place) or \
            missing.

            Exit status:
              0   plugins are installed, and all of them are whole
              1   they are not, or an installation was cut off: install or uninstall ends it
              64  the command line makes no sense
            """
    )

    @OptionGroup var place: InstallationPlace
    @OptionGroup var output: IPAMOutput

    func run() throws {
        let path = place.cniBinDir
        let (record, conditions) = try installing {
            () throws(InstallationFailure) -> (InstallationRecord, [String: PluginDirectory.Condition]) in
            let record = try PluginDirectory.record(in: path) ?? InstallationRecord()
            do throws(KernelError) {
                return (record, try PluginDirectory.conditions(of: record, in: path))
            } catch {
                throw InstallationFailure(error, intention: "cannot look at the programs in \(path)")
            }
        }
        let isWhole = record.installed != nil && conditions.values.allSatisfy { $0 == .whole }
        switch output.output {
        case .table, .wide: try output.print(lines(record, conditions))
        case .json, .yaml: try output.print(document(record, conditions))
        case .name: try output.print(conditions.keys.sorted())
        }
        guard isWhole && record.change == nil else { throw ExitCode(1) }
    }

    private func lines(
        _ record: InstallationRecord,
        _ conditions: [String: PluginDirectory.Condition]
    ) -> [String] {
        var lines: [String] = []
        if let installed = record.installed {
            lines.append("\(place.cniBinDir): \(installed.programs.count) programs of Culvert \(installed.release)")
        } else {
            lines.append("\(place.cniBinDir): nothing is installed")
        }
        for (name, condition) in conditions.sorted(by: { $0.key < $1.key }) where condition != .whole {
            lines.append("\(name): \(condition.rawValue)")
        }
        if let configuration = record.configuration { lines.append("with the configuration \(configuration.name)") }
        if record.change != nil { lines.append("an installation was cut off: install or uninstall ends it") }
        return lines
    }

    private func document(
        _ record: InstallationRecord,
        _ conditions: [String: PluginDirectory.Condition]
    ) -> JSONValue {
        var programs: JSONObject = [:]
        for (name, condition) in conditions.sorted(by: { $0.key < $1.key }) {
            programs[exact: name] = .string(condition.rawValue)
        }
        return [
            "directory": .string(place.cniBinDir),
            "release": record.installed.map { .string($0.release) } ?? .null,
            "programs": .object(programs),
            "configuration": record.configuration.map { .string($0.name) } ?? .null,
            "isBeingChanged": .bool(record.change != nil),
        ]
    }
}
