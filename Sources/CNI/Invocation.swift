// SPDX-License-Identifier: Apache-2.0

/// The CNI_* variables of one call, validated (CNI 1.1.0, section 2, "Protocol parameters").
package struct Invocation: Hashable, Sendable {
    package let command: Command
    /// Safe to use as a file name; empty unless the command concerns an attachment.
    package let containerID: String
    /// Path of the container's network namespace; empty when there is none, which DEL must cope with.
    package let namespacePath: String
    /// Name of the interface inside the container; empty unless the command concerns an attachment.
    package let interfaceName: String
    /// CNI_ARGS as it came, for `CNIArguments`; empty unless the command concerns an attachment.
    package let arguments: String
    /// The directories where delegated plugins are looked up, in order.
    package let searchPath: [String]
    /// Whether a namespace that is the plugin's own is accepted.
    package let namespaceOverride: Bool

    /// Reads the variables in the reference's order: an invalid value fails at once, missing ones are collected.
    ///
    /// A variable that is set to nothing counts as unset, because libcni sets all of them for every command. Values
    /// that the command has no use for are neither validated nor kept.
    ///
    /// - Throws: `CNIError` with code 4, naming the variables or the value.
    package init(environment: [String: String]) throws(CNIError) {
        try self.init { environment[$0] }
    }

    /// As `init(environment:)`, for an environment that is asked one variable at a time.
    package init(variable: (String) -> String?) throws(CNIError) {
        func value(_ name: String) -> String {
            variable(name) ?? ""
        }
        guard let command = Command(rawValue: value("CNI_COMMAND")) else {
            guard value("CNI_COMMAND").isEmpty else {
                throw CNIError(.invalidEnvironment, "unknown CNI_COMMAND: \(value("CNI_COMMAND"))")
            }
            throw Self.missing(["CNI_COMMAND"])
        }
        let isAboutAttachment = command.concernsAttachment
        containerID = isAboutAttachment ? value("CNI_CONTAINERID") : ""
        namespacePath = isAboutAttachment ? value("CNI_NETNS") : ""
        interfaceName = isAboutAttachment ? value("CNI_IFNAME") : ""
        arguments = isAboutAttachment ? value("CNI_ARGS") : ""
        searchPath = value("CNI_PATH").pieces(separatedBy: ":").filter { !$0.isEmpty }
        namespaceOverride = ["1", "true"].contains(value("CNI_NETNS_OVERRIDE").lowercased())
        self.command = command

        if !containerID.isEmpty { try Self.validate(containerID: containerID) }
        if !interfaceName.isEmpty { try Self.validate(interfaceName: interfaceName) }
        if command == .add { try Self.validate(newInterfaceName: interfaceName) }
        var missing: [String] = []
        for name in Self.required(for: command) where value(name).isEmpty { missing.append(name) }
        guard missing.isEmpty else { throw Self.missing(missing) }
    }

    private static func required(for command: Command) -> [String] {
        switch command {
        case .add, .check: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]
        case .delete: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"]
        case .collectGarbage, .status: ["CNI_PATH"]
        case .version: []
        }
    }

    private static func missing(_ names: [String]) -> CNIError {
        CNIError(.invalidEnvironment, "required env variables [\(names.joined(separator: ","))] missing")
    }
}

extension Invocation {
    /// Accepts what the specification allows as a container's name, which is also safe as a file name.
    ///
    /// - Throws: `CNIError` with code 4 and the name as details.
    package static func validate(containerID: String) throws(CNIError) {
        guard isPlainName(containerID) else {
            throw CNIError(.invalidEnvironment, "invalid characters in CNI_CONTAINERID", details: containerID)
        }
        guard containerID.utf8.count <= longestName else {
            throw CNIError(.invalidEnvironment, "CNI_CONTAINERID is \(tooLong)", details: containerID)
        }
    }

    /// Accepts what the specification allows as a network's name, which is also safe as a file name.
    ///
    /// - Throws: `CNIError` with code 7, `missing network name` when it is empty, else with the name as details.
    package static func validate(networkName: String) throws(CNIError) {
        guard !networkName.isEmpty else { throw CNIError(.invalidConfiguration, "missing network name") }
        guard isPlainName(networkName) else {
            throw CNIError(.invalidConfiguration, "invalid characters in the network name", details: networkName)
        }
        guard networkName.utf8.count <= longestName else {
            throw CNIError(.invalidConfiguration, "the network name is \(tooLong)", details: networkName)
        }
    }

    /// Both become parts of the names of files, beside an interface and a plugin, and those have 255 octets at most.
    private static let longestName = 200

    private static let tooLong = "longer than \(longestName) octets"

    /// Accepts what the kernel takes as a name of an interface (`dev_valid_name`).
    ///
    /// - Throws: `CNIError` with code 4, saying what is wrong with which name.
    package static func validate(interfaceName: String) throws(CNIError) {
        let problem: String? =
            if interfaceName.isEmpty {
                "is empty"
            } else if interfaceName.utf8.count > 15 {
                "is longer than 15 bytes"
            } else if [".", ".."].contains(interfaceName) {
                "means a directory"
            } else if interfaceName.unicodeScalars.contains(where: isForbiddenInInterfaceName) {
                "contains '/', ':', NUL or white space"
            } else {
                nil
            }
        guard let problem else { return }
        throw CNIError(.invalidEnvironment, "interface name \"\(interfaceName)\" \(problem)", details: interfaceName)
    }

    /// Refuses what the kernel takes as the name of a link, and gives the link another one or none.
    ///
    /// `%d` is the next free number to it (`dev_alloc_name`), and there are settings of no link under the two words.
    /// An attachment that has such a name all the same can be ended.
    ///
    /// - Throws: `CNIError` with code 4, saying what is wrong with which name.
    private static func validate(newInterfaceName name: String) throws(CNIError) {
        let problem: String
        if name.utf8.contains(UInt8(ascii: "%")) {
            problem = "contains '%', for which the kernel puts a number"
        } else if name == "all" || name == "default" {
            problem = "is the kernel's word for the settings of all interfaces"
        } else {
            return
        }
        throw CNIError(.invalidEnvironment, "interface name \"\(name)\" \(problem)", details: name)
    }

    private static func isForbiddenInInterfaceName(_ letter: Unicode.Scalar) -> Bool {
        guard letter.isASCII else { return letter.properties.isWhitespace }
        return switch letter {
        case "/", ":", "\0", " ", "\t"..."\r": true
        default: false
        }
    }

    /// One ASCII letter or digit, then letters, digits, `_`, `.` and `-`.
    private static func isPlainName(_ name: String) -> Bool {
        guard let first = name.utf8.first, isLetterOrDigit(first) else { return false }
        return name.utf8.allSatisfy { isLetterOrDigit($0) || "_.-".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
