// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Manuals

/// A page in the language of man(7), from the description that the argument parser gives of a command (ToolInfo).
struct ManualPage {
    /// An option or an argument.
    private struct Word: Hashable {
        /// As it is written, in bold and italics of man(7).
        let form: String
        let meaning: String
    }

    private struct Command {
        let name: String
        let abstract: String
        let discussion: String
        let words: [Word]
    }

    private let main: Command
    private let commands: [Command]
    /// Commands that are only named.
    private let named: Set<String>

    /// - Parameters:
    ///   - reader: the object `command`.
    ///   - named: subcommands that are only named, having pages of their own; all others are described whole.
    /// - Throws: `JSONTypeError` when the description is not as we know it.
    init(_ reader: JSONReader, naming named: Set<String>) throws(JSONTypeError) {
        self.named = named
        main = try ManualPage.command(reader)
        var commands: [Command] = []
        for subcommand in try reader.array("subcommands") ?? [] {
            let isShown = try subcommand.bool("shouldDisplay") ?? true
            if isShown, try subcommand.string("commandName") != "help" {
                commands.append(try ManualPage.command(subcommand))
            }
        }
        self.commands = commands
    }

    private static func command(_ reader: JSONReader) throws(JSONTypeError) -> Command {
        var words: [Word] = []
        for argument in try reader.array("arguments") ?? [] {
            let name = try argument.string("valueName")
            if name == "help" || name == "version" { continue }
            if try argument.bool("shouldDisplay") ?? true { words.append(try word(argument)) }
        }
        return Command(
            name: try reader.string("commandName") ?? "",
            abstract: try reader.string("abstract") ?? "",
            discussion: try reader.string("discussion") ?? "",
            words: words
        )
    }

    private static func word(_ reader: JSONReader) throws(JSONTypeError) -> Word {
        let value = "\\fI\((try reader.string("valueName") ?? "").escapedForManual)\\fR"
        let kind = try reader.string("kind") ?? ""
        var names: [String] = []
        for name in try reader.array("names") ?? [] {
            let text = try name.string("name") ?? ""
            names.append("\\fB\((try name.string("kind") == "short" ? "-\(text)" : "--\(text)").escapedForManual)\\fR")
        }
        var meaning = try reader.string("abstract") ?? ""
        if let usual = try reader.string("defaultValue") { meaning += " (default: \(usual))" }
        let form =
            switch kind {
            case "positional": value
            case "option": names.joined(separator: ", ") + " " + value
            default: names.joined(separator: ", ")
            }
        return Word(form: form, meaning: meaning)
    }

    /// The page, without the last line's end.
    var text: String {
        var lines = [
            ".\\\" SPDX-License-Identifier: Apache-2.0",
            ".TH \(main.name.uppercased()) 1 \"\" \"culvert \(Release.own)\" \"User Commands\"",
            ".SH NAME",
            "\(main.name) \\- \(ManualPage.subject(main.abstract).escapedForManual)",
            ".SH SYNOPSIS",
            "\\fB\(main.name)\\fR \\fIcommand\\fR [\\fIoptions\\fR]",
            ".SH DESCRIPTION",
        ]
        lines += ManualPage.paragraphs(main.discussion)
        lines.append(".SH COMMANDS")
        let common = commonWords
        for command in commands { lines += self.lines(command, without: common) }
        if !common.isEmpty {
            lines.append(".SH COMMON OPTIONS")
            for word in common { lines += ManualPage.lines(word) }
        }
        return lines.joined(separator: "\n")
    }

    private func lines(_ command: Command, without common: [Word]) -> [String] {
        guard !named.contains(command.name) else {
            return [".TP", "\\fB\(main.name) \(command.name)\\fR", command.abstract.escapedForManual]
        }
        var lines = [".SS \"\(main.name) \(command.name)\"", command.abstract.escapedForManual]
        if !command.discussion.isEmpty { lines += [".PP"] + ManualPage.paragraphs(command.discussion) }
        for word in command.words where !common.contains(word) { lines += ManualPage.lines(word) }
        return lines
    }

    /// What at least three commands have is described once.
    private var commonWords: [Word] {
        var common: [Word] = []
        let described = commands.filter { !named.contains($0.name) }
        for word in described.flatMap({ $0.words }) where !common.contains(word) {
            if described.count(where: { $0.words.contains(word) }) >= 3 { common.append(word) }
        }
        return common
    }

    private static func lines(_ word: Word) -> [String] { [".TP", word.form, word.meaning.escapedForManual] }

    /// `Look at X.` as a manual's first line has it: `look at X`.
    private static func subject(_ abstract: String) -> String {
        let text = abstract.hasSuffix(".") ? String(abstract.dropLast()) : abstract
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    /// Text as it is filled, except for indented lines, which stand as they are.
    private static func paragraphs(_ text: String) -> [String] {
        var lines: [String] = []
        var isVerbatim = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isIndented = line.hasPrefix("  ")
            if isIndented != isVerbatim {
                lines += isIndented ? [".RS 2", ".nf"] : [".fi", ".RE"]
                isVerbatim = isIndented
            }
            if isIndented {
                lines.append(String(line.dropFirst(2)).escapedForManual)
            } else {
                lines.append(line.isEmpty ? ".PP" : String(line).escapedForManual)
            }
        }
        return lines + (isVerbatim ? [".fi", ".RE"] : [])
    }
}
