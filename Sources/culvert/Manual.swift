// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI
import JSON

/// `culvert manual`: the manual pages, made from what `--help` says, so that both say the same.
struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual",
        abstract: "Print the manual page of this program or of one of its tools, for man(1).",
        shouldDisplay: false
    )

    @Argument(help: "culvert, or the name of a tool.")
    var page: String

    func validate() throws {
        guard Manual.pages.contains(where: { $0.configuration.commandName == page }) else {
            let names = Manual.pages.compactMap { $0.configuration.commandName }
            throw ValidationError("there are pages for \(names.joined(separator: ", "))")
        }
    }

    /// Computed: the program's own description names this command.
    private static var pages: [any ParsableCommand.Type] { [Culvert.self, IPAMTool.self, CNITool.self] }

    func run() throws {
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
