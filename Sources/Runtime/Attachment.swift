// SPDX-License-Identifier: Apache-2.0
package import JSON
internal import Linux
internal import SystemPackage

/// One interface of one container, as a runtime asks plugins for it.
package struct Attachment: Hashable, Sendable {
    package var containerID: String
    /// Absolute path of the container's network namespace; empty when it is gone.
    package var namespacePath: String
    /// Name of the interface inside the container.
    package var interfaceName: String
    /// Nil when nobody said any: then what ADD was given is given again.
    package var arguments: RuntimeArguments?
    /// What the runtime offers per capability, such as `portMappings`; nil as for `arguments`.
    package var capabilityArguments: JSONObject?

    package init(
        containerID: String,
        namespacePath: String,
        interfaceName: String,
        arguments: RuntimeArguments? = nil,
        capabilityArguments: JSONObject? = nil
    ) {
        self.containerID = containerID
        self.namespacePath = namespacePath
        self.interfaceName = interfaceName
        self.arguments = arguments
        self.capabilityArguments = capabilityArguments
    }

    /// The container's id that the original cnitool makes up: `cnitool-` and ten bytes of a digest of the path.
    ///
    /// - Parameter namespacePath: Absolute, as `absolutePath(of:in:)` writes it.
    /// - Returns: The same id for the same path, on every host.
    package static func containerID(forNamespace namespacePath: String) -> String {
        "cnitool-" + SHA512(of: namespacePath).hexadecimal(digits: 20)
    }

    /// A path from the root on, without `.`, `..` and superfluous slashes; symbolic links are not followed.
    ///
    /// - Parameters:
    ///   - path: Relative or absolute.
    ///   - workingDirectory: Where a relative path begins.
    /// - Returns: The path as Go's `filepath.Abs` writes it, so that both tools derive the same container id.
    package static func absolutePath(of path: String, in workingDirectory: String) -> String {
        FilePath(workingDirectory).pushing(FilePath(path)).lexicallyNormalized().string
    }

    /// This attachment with what only the memory of its ADD still knows.
    func completed(by remembered: Attachment) -> Attachment {
        var whole = self
        if whole.namespacePath.isEmpty { whole.namespacePath = remembered.namespacePath }
        whole.arguments = arguments ?? remembered.arguments
        whole.capabilityArguments = capabilityArguments ?? remembered.capabilityArguments
        return whole
    }
}
