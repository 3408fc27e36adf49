// SPDX-License-Identifier: Apache-2.0
package import JSON

/// The answer to VERSION.
package enum VersionReply {
    /// Names the newest version we know, as the reference does, and those that the plugin supports.
    ///
    /// The configuration is not consulted: runtimes ask every plugin of every list and send none (CNI 1.1.0, section 2).
    package static func json(supported: [CNIVersion]) -> JSONValue {
        [
            "cniVersion": .string(CNIVersion.newest.rawValue),
            "supportedVersions": .array(supported.map { .string($0.rawValue) }),
        ]
    }
}
