// SPDX-License-Identifier: Apache-2.0
package import JSON

/// The configuration a plugin gets on stdin, parsed once and validated as far as all plugins agree on it.
///
/// Everything else stays in `object`, for the plugin to read and for delegates to get unchanged.
package struct NetworkConfiguration: Hashable, Sendable {
    /// Results are printed in this version; 0.1.0 when the configuration names none.
    package let version: CNIVersion
    /// The network, safe as a file name.
    package let name: String
    /// The plugin the configuration is meant for; empty when it does not say.
    package let type: String
    /// The whole configuration as it came.
    package let object: JSONObject
    /// The `ipam` object; nil when absent or `null`.
    ///
    /// An empty one is there, but has no type: a network without addresses.
    package let ipam: JSONReader?
    /// The IPAM plugin to delegate to; empty when there is none.
    package let ipamType: String
    /// What the plugins before this one made (ADD) or the whole list made (CHECK, DEL).
    package let previousResult: AddResult?
    /// What the runtime set through capabilities.
    package let runtimeConfig: JSONReader?
    /// The object `args.cni`: settings for one container that the runtime put into the configuration.
    package let arguments: JSONReader?
    package let dns: DNS
    /// The attachments that GC must spare, from `cni.dev/valid-attachments` and its older name `cni.dev/attachments`.
    ///
    /// Nil only when both are absent, so that nothing is known; `null`, which CRI-O sends when no pod is left, and
    /// `[]` mean that nothing is to be kept. When both are there, whatever is in either is kept.
    package let validAttachments: [AttachmentID]?

    /// The whole configuration, for typed reading.
    package var reader: JSONReader {
        JSONReader(.object(object))
    }

    /// Reads the text from stdin.
    ///
    /// - Throws: `CNIError`: code 6 when it is not JSON or has values of wrong types, 7 when the name is missing or
    ///   not allowed, 1 when we do not know the version.
    package init(parsing bytes: [UInt8]) throws(CNIError) {
        let document: JSONValue
        do throws(JSONValue.SyntaxError) {
            document = try JSONValue(parsing: bytes)
        } catch {
            throw CNIError(.decoding, "cannot decode the network configuration", details: error.description)
        }
        try self.init(document)
    }

    /// Reads a configuration that is already parsed, with the same demands.
    ///
    /// - Throws: `CNIError` as `init(parsing:)` does.
    package init(_ document: JSONValue) throws(CNIError) {
        let reader = JSONReader(document)
        (name, version) = try Self.identify(reader)
        do throws(JSONTypeError) {
            object = try reader.object()
            type = try reader.string("type") ?? ""
            ipam = try reader.object("ipam")
            ipamType = try ipam?.string("type") ?? ""
            runtimeConfig = try reader.object("runtimeConfig")
            arguments = try reader.object("args")?.object("cni")
            dns = try DNS(reader.object("dns"))
            validAttachments = try Self.validAttachments(reader)
            if let previous = try reader.object("prevResult") {
                previousResult = try AddResult(reading: previous, assuming: version)
            } else {
                previousResult = nil
            }
        } catch {
            throw CNIError(error, in: "network configuration")
        }
    }

    /// What decides whether the rest can be read at all: a name first, then a version we know.
    private static func identify(_ reader: JSONReader) throws(CNIError) -> (String, CNIVersion) {
        let name: String
        let version: String
        do throws(JSONTypeError) {
            name = try reader.string("name") ?? ""
            version = try reader.string("cniVersion") ?? ""
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        try Invocation.validate(networkName: name)
        guard !version.isEmpty else { return (name, .v0_1_0) }
        guard let known = CNIVersion(version) else {
            throw CNIError(incompatible: version, supported: CNIVersion.allCases)
        }
        return (name, known)
    }

    private static func validAttachments(_ reader: JSONReader) throws(JSONTypeError) -> [AttachmentID]? {
        let keys = ["cni.dev/valid-attachments", "cni.dev/attachments"]
        let object = try reader.object()
        guard keys.contains(where: { object[$0] != nil }) else { return nil }
        var attachments: [AttachmentID] = []
        var seen: Set<AttachmentID> = []
        for key in keys {
            for element in try reader.array(key) ?? [] {
                let attachment = try AttachmentID(element)
                if seen.insert(attachment).inserted { attachments.append(attachment) }
            }
        }
        return attachments
    }
}

extension CNIError {
    /// The answer to a configuration in a version that a plugin does not speak, in the reference's words.
    package init(incompatible version: String, supported: [CNIVersion]) {
        let list = supported.map { "\"\($0)\"" }.joined(separator: " ")
        self.init(
            .incompatibleVersion,
            "incompatible CNI versions",
            details: "config is \"\(version)\", plugin supports [\(list)]"
        )
    }
}
