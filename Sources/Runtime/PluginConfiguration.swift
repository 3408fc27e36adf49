// SPDX-License-Identifier: Apache-2.0
package import CNI
package import JSON

/// One element of a list's `plugins`.
package struct PluginConfiguration: Hashable, Sendable {
    /// The plugin's file name in CNI_PATH.
    package let type: String
    /// Its own name, empty when it has none, which only messages show: plugins see the network's.
    package let name: String
    /// All members as they were written.
    package let object: JSONObject
    /// The capabilities declared `true`, in the order of the configuration.
    package let capabilities: [String]

    /// Reads one element.
    ///
    /// - Throws: `JSONTypeError` when `type` is missing or a member is of another type.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        object = try reader.object()
        type = try reader.string("type") ?? ""
        guard !type.isEmpty else { throw reader.mismatch(expected: "a plugin with its \"type\"") }
        name = try reader.string("name") ?? ""
        var capabilities: [String] = []
        if let declared = try reader.object("capabilities") {
            for member in try declared.object().members where try declared.bool(member.key) == true {
                capabilities.append(member.key)
            }
        }
        self.capabilities = capabilities
    }

    /// Reads the text of a file that holds one plugin.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - file: For the error.
    /// - Throws: `CNIError` with code 6, naming the file and the place.
    init(parsing text: [UInt8], file: String) throws(CNIError) {
        let failure = "cannot decode the plugin configuration"
        let document: JSONValue
        do throws(JSONValue.SyntaxError) {
            document = try JSONValue(parsing: text)
        } catch {
            throw CNIError(.decoding, failure, details: "\(file): \(error)")
        }
        do throws(JSONTypeError) {
            try self.init(JSONReader(document))
        } catch {
            throw CNIError(.decoding, failure, details: "\(file): \(error)")
        }
    }

    /// Such as `plugin type="bridge" name="lan"`, as libcni words it.
    var description: String {
        "plugin type=\"\(type)\"" + (name.isEmpty ? "" : " name=\"\(name)\"")
    }

    /// The plugin's standard input for a verb about an attachment.
    ///
    /// CNI 1.1.0, section 3, "Deriving request configuration from plugin configuration".
    ///
    /// - Parameters:
    ///   - network: Its name and version replace the plugin's own.
    ///   - previousResult: Of the plugin before (ADD) or of the whole list (CHECK, DEL).
    ///   - capabilityArguments: Those go in whose capability the plugin declares.
    /// - Returns: An object.
    package func input(
        network: NetworkList,
        previousResult: JSONValue? = nil,
        capabilityArguments: JSONObject = JSONObject()
    ) -> JSONValue {
        var input = object
        input.replace("name", .string(network.name))
        input.replace("cniVersion", .string(network.version.rawValue))
        if let previousResult { input.replace("prevResult", previousResult) }
        var runtimeConfig = JSONObject()
        for capability in capabilities {
            runtimeConfig[exact: capability] = capabilityArguments[exact: capability]
        }
        if !runtimeConfig.isEmpty { input.replace("runtimeConfig", .object(runtimeConfig)) }
        return .object(input)
    }

    /// The plugin's standard input for GC (CNI 1.1.0, section 2).
    ///
    /// - Parameters:
    ///   - network: As for other verbs.
    ///   - valid: The attachments to keep; libcni sends them under the newer and the older key.
    /// - Returns: An object.
    package func input(network: NetworkList, sparing valid: [AttachmentID]) -> JSONValue {
        guard case .object(var input) = input(network: network) else { preconditionFailure("input is an object") }
        let list = JSONValue.array(
            valid.map { ["containerID": .string($0.containerID), "ifname": .string($0.interfaceName)] }
        )
        input.replace("cni.dev/valid-attachments", list)
        input.replace("cni.dev/attachments", list)
        return .object(input)
    }
}

extension JSONObject {
    /// Sets a member; those whose key differs in case only go, since a reader might take them instead.
    fileprivate mutating func replace(_ key: String, _ value: JSONValue) {
        remove(anyCase: key)
        self[exact: key] = value
    }
}
