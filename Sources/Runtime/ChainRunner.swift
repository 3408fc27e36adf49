// SPDX-License-Identifier: Apache-2.0
package import CNI
package import JSON

/// Runs the plugins of a network in a runtime's order and remembers what came of it (CNI 1.1.0, section 3).
package struct ChainRunner: Sendable {
    private let configurations: ConfigurationDirectory
    let cache: ResultCache
    /// Runs one plugin and returns what it printed.
    private let execute: @Sendable (PluginCall) throws(CNIError) -> [UInt8]
    /// Told what an operator should know although nothing failed.
    let note: @Sendable (String) -> Void

    package init(
        configurations: ConfigurationDirectory,
        cache: ResultCache,
        note: @escaping @Sendable (String) -> Void,
        execute: @escaping @Sendable (PluginCall) throws(CNIError) -> [UInt8]
    ) {
        self.configurations = configurations
        self.cache = cache
        self.note = note
        self.execute = execute
    }

    /// Connects a container; every plugin gets the result of the one before.
    ///
    /// Stops at the first plugin that fails and undoes nothing: DEL does.
    ///
    /// - Returns: the last plugin's result, in the network's version.
    /// - Throws: `CNIError`, naming the plugin.
    package func add(_ network: String, _ attachment: Attachment) throws(CNIError) -> JSONValue {
        try Self.validate(network, attachment)
        let list = try load(network)
        var result: JSONValue?
        for plugin in list.plugins {
            let input = plugin.input(
                network: list,
                previousResult: result,
                capabilityArguments: attachment.capabilityArguments ?? JSONObject()
            )
            result = try naming(plugin, "add") { () throws(CNIError) in
                let call = PluginCall(.add, type: plugin.type, attachment: attachment, input: input)
                return try parse(try execute(call), list.version)
            }
        }
        guard let result else { preconditionFailure("a list has plugins") }
        let entry = CachedAttachment(
            network: list.name,
            attachment: attachment,
            configuration: list.text,
            result: result
        )
        try cache.store(entry)
        return result
    }

    /// Asks every plugin whether what ADD made still stands.
    ///
    /// - Throws: `CNIError`, naming the first plugin that misses something.
    package func check(_ network: String, _ attachment: Attachment) throws(CNIError) {
        try Self.validate(network, attachment)
        let entry = try cache.entry(network: network, attachment)
        let list = try list(of: network, entry)
        guard list.version >= .v0_4_0 else {
            throw CNIError(
                .incompatibleVersion,
                "configuration version \"\(list.version)\" does not support the CHECK command",
                details: "network \(list.name) needs \"cniVersion\": \"0.4.0\" or newer"
            )
        }
        guard !list.disablesCheck else {
            note("network \(list.name) has disableCheck: nothing was checked")
            return
        }
        guard let entry, let result = entry.result else {
            throw CNIError(
                .unknownContainer,
                "network \"\(network)\" has no cached result for interface \(attachment.interfaceName)",
                details: "ADD would have left \(cache.file(network: network, attachment))"
            )
        }
        let whole = attachment.completed(by: entry.attachment)
        let previous = try parse(result, list.version)
        for plugin in list.plugins {
            try run(.check, plugin, list, whole, previousResult: previous, as: "check")
        }
    }

    /// Disconnects a container, last plugin first; succeeds when it is not connected.
    ///
    /// - Throws: `CNIError`, naming the first plugin that fails; the ones before it in the list were not asked.
    package func delete(_ network: String, _ attachment: Attachment) throws(CNIError) {
        try Self.validate(network, attachment)
        let entry: CachedAttachment?
        do throws(CNIError) {
            entry = try cache.entry(network: network, attachment)
        } catch {
            // Without memory a container must be disconnectable all the same.
            note("\(cache.file(network: network, attachment)) is not used: \(error)")
            entry = nil
        }
        try delete(network, attachment, entry)
    }

    func delete(_ network: String, _ attachment: Attachment, _ entry: CachedAttachment?) throws(CNIError) {
        let list = try list(of: network, entry)
        let whole = entry.map { attachment.completed(by: $0.attachment) } ?? attachment
        var previous: JSONValue?
        if list.version >= .v0_4_0, let result = entry?.result {
            do throws(CNIError) {
                previous = try parse(result, list.version)
            } catch {
                note("the cached result in \(cache.file(network: network, attachment)) is not used: \(error)")
            }
        }
        for plugin in list.plugins.reversed() {
            try run(.delete, plugin, list, whole, previousResult: previous, as: "delete")
        }
        try cache.remove(network: network, attachment)
    }
}

extension ChainRunner {
    /// The network as it is configured now.
    func load(_ network: String) throws(CNIError) -> NetworkList {
        try configurations.network(named: network, warn: note)
    }

    /// The three names make up the name of a file.
    private static func validate(_ network: String, _ attachment: Attachment) throws(CNIError) {
        try Invocation.validate(networkName: network)
        try Invocation.validate(containerID: attachment.containerID)
        try Invocation.validate(interfaceName: attachment.interfaceName)
    }

    /// The network as it was when the container was connected, so that later edits do not keep what it made from
    /// being found; as it is configured now when that is not known, or older than 0.4.0.
    private func list(of network: String, _ entry: CachedAttachment?) throws(CNIError) -> NetworkList {
        guard let entry, !entry.configuration.isEmpty else { return try load(network) }
        do throws(CNIError) {
            let list = try configurations.completed(try NetworkList(parsing: entry.configuration))
            if list.name == network && list.version >= .v0_4_0 { return list }
        } catch {
            note("the cached configuration of network \(network) is not used: \(error)")
        }
        return try load(network)
    }

    private func run(
        _ command: Command,
        _ plugin: PluginConfiguration,
        _ list: NetworkList,
        _ attachment: Attachment,
        previousResult: JSONValue?,
        as verb: String
    ) throws(CNIError) {
        let input = plugin.input(
            network: list,
            previousResult: previousResult,
            capabilityArguments: attachment.capabilityArguments ?? JSONObject()
        )
        try run(PluginCall(command, type: plugin.type, attachment: attachment, input: input), plugin, as: verb)
    }

    func run(_ call: PluginCall, _ plugin: PluginConfiguration, as verb: String) throws(CNIError) {
        try naming(plugin, verb) { () throws(CNIError) in _ = try execute(call) }
    }

    /// A plugin that may be one of several of a type is told apart in every error, in libcni's words.
    private func naming<Value>(
        _ plugin: PluginConfiguration,
        _ verb: String,
        _ body: () throws(CNIError) -> Value
    ) throws(CNIError) -> Value {
        do throws(CNIError) {
            return try body()
        } catch {
            throw CNIError(
                CNIError.Code(rawValue: error.code),
                "\(plugin.description) failed (\(verb)): \(error.message)",
                details: error.details
            )
        }
    }

    private func parse(_ output: [UInt8], _ version: CNIVersion) throws(CNIError) -> JSONValue {
        let document: JSONValue
        do throws(JSONValue.SyntaxError) {
            document = try JSONValue(parsing: output)
        } catch {
            throw CNIError(.delegateFailed, "cannot decode the plugin's result", details: error.description)
        }
        return try parse(document, version)
    }

    private func parse(_ document: JSONValue, _ version: CNIVersion) throws(CNIError) -> JSONValue {
        try AddResult(JSONReader(document), assuming: version).json(version: version)
    }
}
