// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import JSON
internal import LeaseStore
internal import Plugin
package import Pools
package import Runtime
internal import Wiring

/// An attachment that is of use to nobody any more, and what is done about it.
package struct AttachmentGarbage: Hashable, Sendable {
    /// What is done, by the word that reports use; these words stay.
    package enum Kind: String, Hashable, Sendable {
        /// The plugins of its chain get the DEL that their runtime owes them.
        case disconnect
        /// Half a record goes, whose writer died before it made anything.
        case forget
    }

    package let kind: Kind
    package let facts: AttachmentFacts
    /// Why, in words.
    package let finding: String

    /// What there is to do about an attachment; nil when it may be alive, or somebody works on it.
    package init?(_ facts: AttachmentFacts) {
        guard facts.state != .busy else { return nil }
        self.facts = facts
        guard facts.record != nil else {
            kind = .forget
            finding = "its record was never finished, so nothing was made"
            return
        }
        kind = .disconnect
        switch (facts.life.verdict, facts.state) {
        case (.dead, _): finding = "its container is dead: \(facts.life.proof)"
        case (_, .pending): finding = "it was to be taken away before, and part of it could not be"
        default: return nil
        }
    }

    /// Whether a lease goes with the attachment.
    package func covers(_ action: GarbageAction) -> Bool {
        guard let owner = action.owner, action.network == facts.key.network else { return false }
        return owner.containerID == facts.key.containerID
            && (owner.interfaceName.isEmpty || owner.interfaceName == facts.key.interfaceName)
    }

    /// With the keys of ``GarbageAction``, so that one list holds both.
    package var json: JSONValue {
        .object([
            "action": .string(kind.rawValue), "network": .string(facts.key.network), "address": .null,
            "containerID": .string(facts.key.containerID), "interface": .string(facts.key.interfaceName),
            "finding": .string(finding),
        ])
    }
}

/// The calls of DEL that end an attachment, in their order: last plugin first.
package struct DisconnectPlan: Hashable, Sendable {
    package let calls: [Runtime.PluginCall]

    /// Decides from the records, and for plugins of the chain that keep none, from the network's list.
    ///
    /// Plugins get the configuration that they had in ADD, whatever became of the list since. Those that keep no record,
    /// such as `bandwidth`, are called only if there is a list, and it has all that do. Those that keep one are told which
    /// is meant: if the container has come back by then, there is another in its place.
    ///
    /// - Parameters:
    ///   - facts: what the records say.
    ///   - list: the network as it is configured now; nil when it is not.
    package init(_ facts: AttachmentFacts, _ list: NetworkList?) {
        let attachment = Attachment(
            containerID: facts.key.containerID,
            // Of the dead there is none, or it is somebody else's by now.
            namespacePath: facts.life.verdict == .dead ? "" : facts.record?.namespacePath ?? "",
            interfaceName: facts.key.interfaceName
        )
        var recorded: [(type: String, input: JSONValue, begun: Int64?)] = []
        for note in facts.notes {
            guard let record = note.record else { continue }
            recorded.append((note.plugin, DisconnectPlan.input(record), record.intendedNanoseconds))
        }
        var chain = recorded
        let result = recorded.first.flatMap { DisconnectPlan.previousResult(of: $0.input) }
        if let list, recorded.allSatisfy({ one in list.plugins.contains { $0.type == one.type } }) {
            chain = list.plugins.map { plugin in
                recorded.first { $0.type == plugin.type }
                    ?? (plugin.type, plugin.input(network: list, previousResult: result), nil)
            }
        }
        calls = chain.reversed().map { type, input, begun in
            let besides = begun.map { [Settings.onlyBegunVariable: "\($0)"] } ?? [:]
            return Runtime.PluginCall(.delete, type: type, attachment: attachment, input: input, besides: besides)
        }
    }

    /// What the plugin read in ADD, with what came of it if it made the interface.
    private static func input(_ record: AttachmentRecord) -> JSONValue {
        guard case .object(var object) = record.configuration, record.result != .null,
            object["prevResult"] == nil, DisconnectPlan.version(of: object) >= .v0_4_0
        else { return record.configuration }
        object[exact: "prevResult"] = record.result
        return .object(object)
    }

    private static func version(of object: JSONObject) -> CNIVersion {
        guard case .string(let text) = object["cniVersion"], let version = CNIVersion(text) else { return .v0_1_0 }
        return version
    }

    private static func previousResult(of input: JSONValue) -> JSONValue? {
        guard case .object(let object) = input else { return nil }
        return object["prevResult"]
    }
}
