// SPDX-License-Identifier: Apache-2.0
package import CNI
package import JSON

/// What is remembered of an ADD for the DEL: libcni's file `cniCacheV1`, member for member.
package struct CachedAttachment: Hashable, Sendable {
    package let network: String
    package let attachment: Attachment
    /// The text of the list that ADD ran; empty when it is not known.
    package let configuration: [UInt8]
    /// What ADD answered.
    package let result: JSONValue?

    private static let kind = "cniCacheV1"

    package init(network: String, attachment: Attachment, configuration: [UInt8], result: JSONValue?) {
        self.network = network
        self.attachment = attachment
        self.configuration = configuration
        self.result = result
    }

    /// Reads a file's content; one without `kind` is what libcni 0.6 and older wrote, the bare result.
    ///
    /// - Parameters:
    ///   - text: The content.
    ///   - network: Whose file this is by its name, for a bare result.
    ///   - attachment: Likewise.
    /// - Throws: `CNIError` with code 6 when it makes no sense.
    package init(parsing text: [UInt8], network: String, attachment: Attachment) throws(CNIError) {
        let reader = JSONReader(try Self.document(text))
        do throws(JSONTypeError) {
            guard let kind = try reader.member("kind") else {
                let result = JSONValue.object(try reader.object())
                self.init(network: network, attachment: attachment, configuration: [], result: result)
                return
            }
            try self.init(reader, kind: kind)
        } catch {
            throw CNIError(error, in: "cached attachment")
        }
    }

    /// Reads a file of which only the content is known.
    ///
    /// - Throws: `CNIError` with code 6 when it makes no sense or is a bare result.
    package init(parsing text: [UInt8]) throws(CNIError) {
        let reader = JSONReader(try Self.document(text))
        do throws(JSONTypeError) {
            guard let kind = try reader.member("kind") else { throw reader.mismatch(expected: "an object with kind") }
            try self.init(reader, kind: kind)
        } catch {
            throw CNIError(error, in: "cached attachment")
        }
    }

    private init(_ reader: JSONReader, kind: JSONReader) throws(JSONTypeError) {
        guard try kind.string() == Self.kind else { throw kind.mismatch(expected: Self.kind) }
        network = try reader.string("networkName") ?? ""
        let encoded = try reader.member("config")
        guard let configuration = Base64.decode(try encoded?.string() ?? "") else {
            throw (encoded ?? reader).mismatch(expected: "base64")
        }
        self.configuration = configuration
        attachment = Attachment(
            containerID: try reader.string("containerId") ?? "",
            namespacePath: try reader.string("netns") ?? "",
            interfaceName: try reader.string("ifName") ?? "",
            arguments: RuntimeArguments(pairs: try Self.pairs(reader)),
            capabilityArguments: try reader.object("capabilityArgs")?.object()
        )
        result = try reader.object("result")?.value
    }

    private static func pairs(_ reader: JSONReader) throws(JSONTypeError) -> [(key: String, value: String)] {
        var pairs: [(key: String, value: String)] = []
        for element in try reader.array("cniArgs") ?? [] {
            let sides = try element.array()
            guard sides.count == 2 else { throw element.mismatch(expected: "a key and a value") }
            pairs.append((key: try sides[0].string(), value: try sides[1].string()))
        }
        return pairs
    }

    private static func document(_ text: [UInt8]) throws(CNIError) -> JSONValue {
        do throws(JSONValue.SyntaxError) {
            return try JSONValue(parsing: text)
        } catch {
            throw CNIError(.decoding, "cannot decode the cached attachment", details: error.description)
        }
    }

    /// The file's content: members in libcni's order, those that say nothing left out.
    package var text: [UInt8] {
        var object: JSONObject = [
            "kind": .string(Self.kind),
            "containerId": .string(attachment.containerID),
            "config": .string(Base64.encode(configuration)),
            "ifName": .string(attachment.interfaceName),
            "networkName": .string(network),
        ]
        if !attachment.namespacePath.isEmpty { object[exact: "netns"] = .string(attachment.namespacePath) }
        if let pairs = attachment.arguments?.pairs, !pairs.isEmpty {
            object[exact: "cniArgs"] = .array(pairs.map { [.string($0.key), .string($0.value)] })
        }
        if let capabilities = attachment.capabilityArguments, !capabilities.isEmpty {
            object[exact: "capabilityArgs"] = JSONValue.object(capabilities).sorted
        }
        object[exact: "result"] = result?.sorted
        return JSONValue.object(object).serialized()
    }

    /// Whether a list of attachments to keep holds this one, by itself or with its whole container.
    func isAmong(_ valid: [AttachmentID]) -> Bool {
        valid.contains { one in
            one.containerID == attachment.containerID
                && (one.interfaceName.isEmpty || one.interfaceName == attachment.interfaceName)
        }
    }
}
