// SPDX-License-Identifier: Apache-2.0
package import CNI
package import Wiring

extension AttachmentID {
    /// Whether the attachment is meant; old runtimes name only the container.
    package func covers(_ key: AttachmentKey) -> Bool {
        containerID == key.containerID && (interfaceName.isEmpty || interfaceName == key.interfaceName)
    }
}

extension FilterOwners.Survivors {
    /// Those of a network whom GC was told to spare, and those who have a record.
    package init(_ surviving: [AttachmentID], of network: String, and keys: [AttachmentKey]) {
        self.init()
        for key in keys { insert(key) }
        for attachment in surviving {
            guard !attachment.interfaceName.isEmpty else {
                insert(containerID: attachment.containerID)
                continue
            }
            insert(
                AttachmentKey(
                    network: network,
                    containerID: attachment.containerID,
                    interfaceName: attachment.interfaceName
                )
            )
        }
    }
}
