// SPDX-License-Identifier: Apache-2.0
package import CNI
internal import JSON

/// A network as an administrator configures it: plugins that run one after the other (CNI 1.1.0, section 1).
package struct NetworkList: Hashable, Sendable {
    /// Safe as a file name.
    package let name: String
    /// What the plugins are asked to speak.
    package let version: CNIVersion
    /// In the order of ADD; empty only until the plugins of the folder beside the list are appended.
    package private(set) var plugins: [PluginConfiguration]
    /// `disableCheck`: CHECK succeeds without asking anybody.
    package let disablesCheck: Bool
    /// `disableGC`: nothing is collected, for networks that several runtimes share.
    package let disablesCollection: Bool
    /// `loadOnlyInlinedPlugins`: files beside the list add nothing.
    package let loadsOnlyInlinedPlugins: Bool
    /// The configuration as it is remembered with each attachment.
    package private(set) var text: [UInt8]

    /// Reads a configuration list.
    ///
    /// - Throws: `CNIError`: code 6 when it is not JSON or has values of wrong types, 7 when it cannot be accepted,

    package init(parsing text: [UInt8]) throws(CNIError) {
        try self.init(try JSONReader(Self.document(text, "configuration list")), text: text)
    }

    /// Makes a list of one plugin's configuration, in the way and the order of libcni.
    ///
    /// - Throws: `CNIError` as `init(parsing:)` does.
    package init(wrapping text: [UInt8]) throws(CNIError) {
        let reader = JSONReader(try Self.document(text, "configuration"))
        let list: JSONObject
        do throws(JSONTypeError) {
            // Asked first, so that a fault is told at its place in the file and not in the list around it.
            _ = try PluginConfiguration(reader)
            list = [
                "cniVersion": .string(try reader.string("cniVersion") ?? ""),
                "name": .string(try reader.string("name") ?? ""),
                "plugins": [reader.value.sorted],
            ]
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        try self.init(JSONReader(.object(list)), text: JSONValue.object(list).serialized())
    }

    private init(_ reader: JSONReader, text: [UInt8]) throws(CNIError) {
        self.text = text
        let hasPlugins: Bool
        do throws(JSONTypeError) {
            name = try reader.string("name") ?? ""
            version = try Self.version(reader)
            disablesCheck = try reader.flag("disableCheck")
            disablesCollection = try reader.flag("disableGC")
            loadsOnlyInlinedPlugins = try reader.flag("loadOnlyInlinedPlugins")
            let elements = try reader.array("plugins")
            plugins = []
            for element in elements ?? [] { plugins.append(try PluginConfiguration(element)) }
            hasPlugins = elements.map { !$0.isEmpty } ?? !loadsOnlyInlinedPlugins
        } catch {
            throw CNIError(error, in: "network configuration list")
        }
        try Invocation.validate(networkName: name)
        guard hasPlugins else {
            throw CNIError(.invalidConfiguration, "no plugins in list", details: "\"plugins\" needs an element")
        }
    }

    private static func document(_ text: [UInt8], _ kind: String) throws(CNIError) -> JSONValue {
        do throws(JSONValue.SyntaxError) {
            return try JSONValue(parsing: text)
        } catch {
            throw CNIError(.decoding, "cannot decode the network \(kind)", details: error.description)
        }
    }
}

extension NetworkList {
    /// The list with further plugins behind its own, in one text that needs no files beside it.
    ///
    /// - Throws: `CNIError` with code 7 when there are no plugins at all.
    func appending(_ further: [PluginConfiguration]) throws(CNIError) -> NetworkList {
        var list = self
        list.plugins += further
        guard !list.plugins.isEmpty else {
            throw CNIError(
                .invalidConfiguration,
                "no plugins in list",
                details: "neither \"plugins\" nor a folder \(name) with .conf files beside the list names any"
            )
        }
        guard !further.isEmpty, case .object(var object) = try Self.document(text, "configuration list") else {
            return list
        }
        for key in ["plugins", "loadOnlyInlinedPlugins"] { object.remove(anyCase: key) }
        object[exact: "loadOnlyInlinedPlugins"] = true
        object[exact: "plugins"] = .array(list.plugins.map { .object($0.object) })
        list.text = JSONValue.object(object).serialized()
        return list
    }

    /// The newest version that we know of `cniVersion` and `cniVersions`; 0.1.0 when neither is there.
    private static func version(_ reader: JSONReader) throws(JSONTypeError) -> CNIVersion {
        var offers = try reader.array("cniVersions") ?? []
        if let single = try reader.member("cniVersion"), try !single.string().isEmpty { offers.append(single) }
        guard let last = offers.last else { return .v0_1_0 }
        var known: [CNIVersion] = []
        for offer in offers {
            if let version = CNIVersion(try offer.string()) { known.append(version) }
        }
        guard let newest = known.max() else {
            let versions = CNIVersion.allCases.map(\.rawValue).joined(separator: ", ")
            throw last.mismatch(expected: "one of the versions \(versions)")
        }
        return newest
    }
}

extension JSONReader {
    /// A truth value, which the specification lets an administrator write as a string too; false when absent.
    fileprivate func flag(_ key: String) throws(JSONTypeError) -> Bool {
        guard let member = try member(key) else { return false }
        guard case .string(let text) = member.value else { return try member.bool() }
        switch text.lowercased() {
        case "true": return true
        case "false": return false
        default: throw member.mismatch(expected: "true or false")
        }
    }
}
