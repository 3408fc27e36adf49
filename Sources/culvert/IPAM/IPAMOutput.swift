// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import JSON
import Linux
import Pools

/// How something is printed.
struct IPAMOutput: ParsableArguments {
    enum Form: String, ExpressibleByArgument, CaseIterable {
        /// For people.
        case table
        /// For people with wide screens: every column.
        case wide
        case json
        case yaml
        /// Only the names, one a line, for other programs.
        case name
    }

    @Option(name: .shortAndLong, help: ArgumentHelp("table, wide, json, yaml or name.", valueName: "form"))
    var output = Form.table

    @Flag(help: "Leave the titles of a table away.")
    var noHeaders = false

    /// What standard output can show.
    var look: Look { Look.ofStandardOutput }

    /// Prints a whole document in JSON or YAML.
    func print(_ document: JSONValue) throws {
        let text =
            output == .yaml
            ? Array(document.yaml.utf8) : document.serialized(indent: 2) + [UInt8(ascii: "\n")]
        var console = Console()
        try console.write(text)
        try console.flush()
    }

    /// Prints lines, each with its end.
    func print(_ lines: [String]) throws {
        var console = Console()
        for line in lines { try console.writeLine(line) }
        try console.flush()
    }
}

extension Look {
    /// What standard output can show: colours on a terminal unless NO_COLOR is set (no-color.org) or it has none.
    static var ofStandardOutput: Look {
        let width = culvert_terminal_width(1)
        let isTerminal = width >= 0
        let isPlain = !(Machine.variable("NO_COLOR") ?? "").isEmpty || Machine.variable("TERM") == "dumb"
        // locale(7): the first of these that is set counts.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { Machine.variable($0) }.first { !$0.isEmpty }
        let isUnicode = (locale ?? "UTF-8").lowercased().replacing("-", with: "").hasSuffix("utf8")
        return Look(
            hasColor: isTerminal && !isPlain,
            hasBlocks: isUnicode,
            width: isTerminal ? (width > 0 ? Int(width) : 80) : nil
        )
    }
}

/// Standard output, written in large pieces; a reader that goes away ends the program in silence.
struct Console {
    private var waiting: [UInt8] = []

    /// Whose words messages are: of `ipam` by that name or as a subcommand, else of `culvert`.
    private static var speaker: String {
        let isTool = CommandLine.arguments.prefix(2).contains { $0.split(separator: "/").last == "ipam" }
        return isTool ? "ipam" : "culvert"
    }

    mutating func writeLine(_ line: String) throws {
        waiting.append(contentsOf: line.utf8)
        waiting.append(UInt8(ascii: "\n"))
        if waiting.count >= 64 << 10 { try flush() }
    }

    mutating func write(_ bytes: [UInt8]) throws {
        waiting += bytes
        if waiting.count >= 64 << 10 { try flush() }
    }

    /// - Throws: `ExitCode` 0 when nobody reads any more, 1 when it cannot be written for another reason.
    mutating func flush() throws(ExitCode) {
        guard !waiting.isEmpty else { return }
        do throws(KernelError) {
            try Machine.writeStandardOutput(waiting)
            waiting = []
        } catch {
            guard error.errno == .brokenPipe else {
                Machine.log("\(Console.speaker): \(error)")
                throw ExitCode(1)
            }
            throw ExitCode(0)
        }
    }
}

extension ParsableCommand {
    /// Does a command's work; why it cannot be done goes to standard error.
    ///
    /// - Throws: `ExitCode` 1 after a ``PoolFailure``; anything else as it is.
    func explaining<Value>(_ work: () throws(PoolFailure) -> Value) throws(ExitCode) -> Value {
        do throws(PoolFailure) {
            return try work()
        } catch {
            Machine.log("ipam: \(error)")
            throw ExitCode(1)
        }
    }
}
