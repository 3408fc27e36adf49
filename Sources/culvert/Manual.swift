// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI
import JSON
import Manuals

/// `culvert manual`: the manual pages, made from what `--help` says, so that both say the same.
struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual",
        abstract: "Print the manual page of this program or of one of its tools, for man(1).",
        shouldDisplay: false
    )

    @Argument(help: "culvert, or the name of a tool or of a plugin.")
    var page: String

    func validate() throws {
        guard plugin != nil || Manual.pages.contains(where: { $0.configuration.commandName == page }) else {
            let names = Manual.pages.compactMap { $0.configuration.commandName } + PluginManual.all.map { $0.name }
            throw ValidationError("there are pages for \(names.joined(separator: ", "))")
        }
    }

    /// Computed: the program's own description names this command.
    private static var pages: [any ParsableCommand.Type] { [Culvert.self, IPAMTool.self, CNITool.self] }

    /// Named by itself or by its page.
    private var plugin: PluginManual? { PluginManual.all.first { $0.name == page || $0.pageName == page } }

    func run() throws {
        if let plugin { print(plugin.page(Release.own)) }
        for tool in Manual.pages where tool.configuration.commandName == page {
            try reporting { () throws(CNIError) in
                do throws(JSONTypeError) {
                    let command = try JSONReader(try Manual.help(of: tool)).member("command")
                    // A tool has a page of its own, which the program's need not repeat.
                    let named = Set(Manual.pages.compactMap { $0.configuration.commandName }).subtracting([page])
                    if let command { print(try ManualPage(command, naming: named).text) }
                } catch {
                    throw CNIError(error, in: "description of the command line")
                }
            }
        }
    }

    private static func help(of tool: any ParsableCommand.Type) throws(JSONTypeError) -> JSONValue {
        do throws(JSONValue.SyntaxError) {
            return try JSONValue(parsing: tool._dumpHelp())
        } catch {
            throw JSONTypeError(path: "", expected: "a description in JSON", found: "\(error)")
        }
    }
}
