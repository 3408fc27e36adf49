// SPDX-License-Identifier: Apache-2.0
package import JSON

/// One interface of one container, as runtimes list those that live on for GC.
package struct AttachmentID: Hashable, Sendable {
    package let containerID: String
    /// Empty for what was recorded before interfaces were: it stands for the container as a whole.
    package let interfaceName: String

    package init(containerID: String, interfaceName: String) {
        self.containerID = containerID
        self.interfaceName = interfaceName
    }

    /// Reads one element of `cni.dev/valid-attachments`.
    ///
    /// An element that names no container is refused: whatever it meant to keep would be removed.
    ///
    /// - Throws: `JSONTypeError` when the container is missing or a member is of another type.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        containerID = try reader.string("containerID") ?? ""
        interfaceName = try reader.string("ifname") ?? ""
        guard !containerID.isEmpty else { throw reader.mismatch(expected: "an object with containerID") }
    }
}
