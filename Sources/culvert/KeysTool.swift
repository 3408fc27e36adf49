// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import CNI
import JSON
import Linux
import Manuals
import Pools

/// `culvert keys`: what may stand in a configuration.
struct KeysTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Show the keys of a plugin's configuration: types, defaults, and what they mean.",
        discussion: """
            culvert keys              the plugins there are
            culvert keys bridge       the keys of one
            culvert keys -o json      all keys of all plugins, for programs

            The manual pages say the same: man culvert-bridge.
            """
    )

    enum Form: String, ExpressibleByArgument, CaseIterable {
        /// For people.
        case table
        case json
        case yaml
        /// As in docs.
        case markdown
        /// Only the places of keys, one a line.
        case name
    }

    @Argument(
        help: "A plugin, such as bridge or host-local.",
        completion: .list(PluginManual.all.map { $0.name })
    )
    var plugin: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("table, json, yaml, markdown or name.", valueName: "form"))
    var output = Form.table

    @Option(
        help: ArgumentHelp("Write the tables in this page of the manual anew; may be repeated.", visibility: .hidden),
        completion: .file(extensions: ["md"])
    )
    var update: [String] = []

    func validate() throws {
        guard let plugin, PluginManual.of(plugin) == nil else { return }
        throw ValidationError("there is no plugin \"\(plugin)\"; there are \(KeysTool.names)")
    }

    private static var names: String { PluginManual.all.map { $0.name }.joined(separator: ", ") }

    func run() throws {
        guard update.isEmpty else {
            for path in update { try explaining { () throws(PoolFailure) in try KeysTool.update(path) } }
            return
        }
        var printed = IPAMOutput()
        let chosen = plugin.flatMap { PluginManual.of($0) }
        let manuals = chosen.map { [$0] } ?? PluginManual.all
        switch output {
        case .json, .yaml:
            printed.output = output == .json ? .json : .yaml
            try printed.print(["plugins": .array(manuals.map { $0.json })])
        case .markdown:
            let tables = manuals.flatMap { $0.tables } + (chosen == nil ? [.common] : [])
            try printed.print([tables.map { $0.markdown }.joined(separator: "\n\n")])
        case .name:
            let paths = manuals.flatMap { manual in
                manual.tables.flatMap { $0.paths(chosen == nil ? manual : nil) }
            }
            try printed.print(paths)
        case .table:
            try printed.print(chosen.map { KeysTool.lines($0) } ?? KeysTool.overview(manuals))
        }
    }

    private static func overview(_ manuals: [PluginManual]) -> [String] {
        let width = manuals.map { $0.name.count }.max() ?? 0
        return manuals.map { manual in
            let name = manual.name + String(repeating: " ", count: width - manual.name.count)
            return "\(name)  \(manual.summary)"
        }
    }

    /// A paragraph for each key.
    private static func lines(_ manual: PluginManual) -> [String] {
        var lines = ["\(manual.name): \(manual.summary)"]
        if manual.tables.isEmpty { lines.append("It has no keys of its own.") }
        for table in manual.tables {
            for key in table.keys {
                let absence = key.absence == .required ? "required" : "default: \(key.missing.withoutMarkup)"
                lines += ["", "\(table.path(of: key))  (\(key.type.withoutMarkup); \(absence))"]
                if !key.meaning.isEmpty { lines += folded(key.meaning.withoutMarkup, indent: "    ") }
            }
            if let sentence = table.compatibility { lines += [""] + folded(sentence.withoutMarkup, indent: "") }
        }
        return lines
    }

    /// Lines of at most 80 characters.
    private static func folded(_ text: String, indent: String) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent.count + line.count + 1 + word.count > 80 {
                lines.append(indent + line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return lines + (line.isEmpty ? [] : [indent + line])
    }

    /// Writes a page only when something in it is old.
    private static func update(_ path: String) throws(PoolFailure) {
        let old: String
        do throws(KernelError) {
            old = String(decoding: try Descriptor(opening: path, O_RDONLY).readAll(path), as: UTF8.self)
        } catch {
            throw PoolFailure(error, intention: "cannot read \(path)")
        }
        let new: String
        do throws(ManualError) {
            new = try KeyTable.update(old).text
        } catch {
            throw PoolFailure("\(path): \(error)")
        }
        guard new != old else { return }
        do throws(KernelError) {
            try Descriptor(opening: path, O_WRONLY | O_TRUNC).writeAll(Array(new.utf8), path)
        } catch {
            throw PoolFailure(error, intention: "cannot write \(path)")
        }
    }
}

extension KeyTable {
    /// The places of the keys; with a manual, of several, behind the plugin's name.
    fileprivate func paths(_ manual: PluginManual?) -> [String] {
        keys.map { key in (manual.map { "\($0.name) " } ?? "") + path(of: key) }
    }
}
