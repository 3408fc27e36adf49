// SPDX-License-Identifier: Apache-2.0
package import CNI
package import JSON

/// One call of one plugin by a runtime.
package struct PluginCall: Hashable, Sendable {
    package let command: Command
    /// The plugin's file name in CNI_PATH.
    package let type: String
    /// Nil when the call is about the network as a whole (GC, STATUS).
    package let attachment: Attachment?
    /// The plugin's standard input.
    package let input: JSONValue
    /// Variables of the environment that only this call has, besides those of the protocol.
    package let besides: [String: String]

    package init(
        _ command: Command,
        type: String,
        attachment: Attachment? = nil,
        input: JSONValue,
        besides: [String: String] = [:]
    ) {
        self.command = command
        self.type = type
        self.attachment = attachment
        self.input = input
        self.besides = besides
    }

    /// The variables of the protocol (CNI 1.1.0, section 2), all of them for every command, as libcni sets them.
    package func variables(searchPath: [String]) -> [String: String] {
        let variables = [
            "CNI_COMMAND": command.rawValue,
            "CNI_CONTAINERID": attachment?.containerID ?? "",
            "CNI_NETNS": attachment?.namespacePath ?? "",
            "CNI_IFNAME": attachment?.interfaceName ?? "",
            "CNI_ARGS": attachment?.arguments?.text ?? "",
            "CNI_PATH": searchPath.joined(separator: ":"),
        ]
        return besides.merging(variables) { _, protocols in protocols }
    }
}
