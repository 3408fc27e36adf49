// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension IPTablesRule {
    /// Whether both stand in one chain and say the same, in whatever order and spelling.
    ///
    /// Versions and variants of iptables-save(8) differ in the order in which they print, and our rules and those of a
    /// configuration may be written as for iptables(8).
    package func means(_ other: IPTablesRule) -> Bool {
        guard chain == other.chain else { return false }
        if self == other { return true }
        // Cheap, and enough to tell nearly all rules of a chain apart.
        guard !words.isEmpty, target == other.target, comment == other.comment else { return false }
        return hasArguments(of: other) ?? (meaning == other.meaning)
    }

    /// Whether rules with the same options in the same order have the same arguments as well; nil for other rules.
    ///
    /// Rules of one chain mostly are like that, and to sort the words of hundreds would take long. The comments are the
    /// same already.
    private func hasArguments(of other: IPTablesRule) -> Bool? {
        guard words.count == other.words.count else { return nil }
        for index in words.indices where words[index] != other.words[index] {
            guard !isOption(words[index]), !isOption(other.words[index]), index > 0 else { return nil }
            let option = words[index - 1]
            guard option == "-s" || option == "-d" else { return false }
            guard Self.network(option, [words[index]]) == Self.network(option, [other.words[index]]) else {
                return false
            }
        }
        return true
    }

    /// Each option with its arguments as one text, sorted, without what goes without saying.
    private var meaning: [String] {
        var options: [String] = []
        var index = 0
        var isNegated = false
        while index < words.count {
            let word = words[index]
            index += 1
            if word == "!" {
                isNegated = true
                continue
            }
            var arguments: [String] = []
            // A comment may look like an option, hence exactly one word; of others the next option ends the list.
            while index < words.count, arguments.isEmpty && word == "--comment" || !isOption(words[index]) {
                arguments.append(words[index])
                index += 1
                if word == "--comment" { break }
            }
            if let text = Self.canonical(word, arguments) { options.append((isNegated ? "! " : "") + text) }
            isNegated = false
        }
        return options.sorted()
    }

    private func isOption(_ word: String) -> Bool {
        word == "!" || word.utf8.first == UInt8(ascii: "-") && word.utf8.count > 1
    }

    /// One option as iptables-save(8) would print it; nil for one that says nothing.
    private static func canonical(_ option: String, _ arguments: [String]) -> String? {
        switch option {
        // Which extension reads an option is clear from the option.
        case "-m", "--match": nil
        case "-s", "--source", "--src": network("-s", arguments)
        case "-d", "--destination", "--dst": network("-d", arguments)
        case "--destination-port": join("--dport", arguments)
        case "--source-port": join("--sport", arguments)
        case "--destination-ports": join("--dports", arguments)
        case "--source-ports": join("--sports", arguments)
        case "--in-interface": join("-i", arguments)
        case "--out-interface": join("-o", arguments)
        case "--protocol": join("-p", arguments)
        case "--jump": join("-j", arguments)
        default: join(option, arguments)
        }
    }

    private static func join(_ option: String, _ arguments: [String]) -> String {
        arguments.reduce(option) { $0 + " " + $1 }
    }

    private static func network(_ option: String, _ arguments: [String]) -> String? {
        guard arguments.count == 1 else { return join(option, arguments) }
        guard let network = CIDR(arguments[0]) ?? IPAddress(arguments[0]).map(CIDR.host) else {
            return join(option, arguments)
        }
        return network.prefixLength == 0 ? nil : "\(option) \(network.network)"
    }
}
