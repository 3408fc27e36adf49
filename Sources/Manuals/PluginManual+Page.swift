// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// The page in the language of man(7).
extension PluginManual {
    /// Such as `culvert-bridge`, since `bridge` may be anything.
    package var pageName: String { "culvert-\(name)" }

    /// The page, without the last line's end.
    ///
    /// - Parameter release: of this program.
    /// - Returns: text for man(1).
    package func page(_ release: String) -> String {
        var lines = [
            ".\\\" SPDX-License-Identifier: Apache-2.0",
            ".TH \(pageName.uppercased().escapedForManual) 7 \"\" \"culvert \(release)\" \"CNI plugins\"",
            ".SH NAME",
            "\(pageName.escapedForManual) \\- CNI plugin \(name.escapedForManual): \(summary.escapedForManual)",
            ".SH DESCRIPTION",
            placement.escapedForManual,
        ]
        for table in tables { lines += section(table) }
        lines += [".SH EXAMPLE", ".nf"]
        let text = String(decoding: exampleList.serialized(indent: 2), as: UTF8.self)
        lines += text.split(separator: "\n").map { String($0).escapedForManual }
        lines.append(".fi")
        lines += [".SH SEE ALSO", related.map { PluginManual.reference($0) }.joined(separator: ", ")]
        return lines.joined(separator: "\n")
    }

    private var placement: String {
        let common = "Keys match in any case, null is the same as no key, and nothing is converted."
        return switch role {
        case .interface: "First in a network's list of plugins. \(common)"
        case .ipam: "Named by ipam.type of the plugin that makes an interface. \(common)"
        case .chained: "Behind the plugin that makes the interface. \(common)"
        }
    }

    private func section(_ table: KeyTable) -> [String] {
        var lines = [table.place.isEmpty ? ".SH KEYS" : ".SH \"KEYS OF \(table.place.escapedForManual)\""]
        for key in table.keys {
            let missing = key.missing.withoutMarkup
            let absence = key.absence == .required ? "required" : "default: \(missing)"
            let form = "\(key.type.withoutMarkup); \(absence)"
            lines += [".TP", "\\fB\(key.name.escapedForManual)\\fR (\(form.escapedForManual))"]
            lines.append(key.meaning.isEmpty ? "\\&" : key.meaning.withoutMarkup.escapedForManual)
        }
        if let sentence = table.compatibility { lines += [".PP", sentence.withoutMarkup.escapedForManual] }
        return lines
    }

    /// `ipam(1)` in the way pages refer to each other; plugins are in section 7.
    private static func reference(_ page: String) -> String {
        let parts = page.split(separator: "(")
        let (name, number) = (String(parts[0]), parts.count > 1 ? "(\(parts[1])" : "(7)")
        return "\\fB\(name.escapedForManual)\\fR\(number)"
    }
}

extension String {
    /// groff_char(7): what would mean something else at the begin of a line or anywhere.
    package var escapedForManual: String {
        var escaped = ""
        for character in self {
            switch character {
            case "\\": escaped += "\\e"
            case "-": escaped += "\\-"
            case "'": escaped += "\\(aq"
            case "`": escaped += "\\(ga"
            case "~": escaped += "\\(ti"
            case "^": escaped += "\\(ha"
            default: escaped.append(character)
            }
        }
        return escaped.hasPrefix(".") ? "\\&" + escaped : escaped
    }
}
