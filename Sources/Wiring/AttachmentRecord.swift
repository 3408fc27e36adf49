// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What a record says of one attachment: what we intend, what we made, and the exact configuration used.
package struct AttachmentRecord: Hashable, Sendable {
    /// How far the work on an attachment is.
    package enum State: String, Hashable, Sendable {
        /// Changes are about to be made, or half of them were when the process died.
        case intended
        /// All of it stands.
        case attached
        /// It is being taken back, or part of it could not be.
        case removing
    }

    package let key: AttachmentKey
    package var state: State
    /// The namespace's path as the runtime gave it.
    package var namespacePath: String
    /// Device and inode of the namespace; empty when unknown.
    package var namespaceIdentity: String
    /// When the intent was written, by ``Machine/bootNanoseconds``.
    package var intendedNanoseconds: Int64
    /// The host's end of the pair; empty before it is known.
    package var hostInterface: String
    /// The link of the host that the container has; nil when it has none.
    package var device: LentDevice?
    /// The plugin's standard input.
    package var configuration: JSONValue
    /// What ADD answered; null before.
    package var result: JSONValue

    package init(
        key: AttachmentKey,
        state: State,
        namespacePath: String,
        namespaceIdentity: String,
        intendedNanoseconds: Int64,
        hostInterface: String = "",
        device: LentDevice? = nil,
        configuration: JSONValue,
        result: JSONValue = .null
    ) {
        self.key = key
        self.state = state
        self.namespacePath = namespacePath
        self.namespaceIdentity = namespaceIdentity
        self.intendedNanoseconds = intendedNanoseconds
        self.hostInterface = hostInterface
        self.device = device
        self.configuration = configuration
        self.result = result
    }

    /// Reads a record; nil when its writer died over it.
    ///
    /// Everything it would say can be computed from the key.
    init?(key: AttachmentKey, content: [UInt8]) {
        guard let document = try? JSONValue(parsing: content) else { return nil }
        let reader = JSONReader(document)
        do throws(JSONTypeError) {
            guard let state = State(rawValue: try reader.string("state") ?? "") else { return nil }
            self.init(
                key: key,
                state: state,
                namespacePath: try reader.string("netns") ?? "",
                namespaceIdentity: try reader.string("netnsIdentity") ?? "",
                intendedNanoseconds: try reader.member("intendedBootNanoseconds")?.integer() ?? 0,
                hostInterface: try reader.string("hostInterface") ?? "",
                device: try reader.object("device").map { member throws(JSONTypeError) in try LentDevice(member) },
                configuration: reader.value.member("configuration") ?? .null,
                result: reader.value.member("result") ?? .null
            )
        } catch {
            return nil
        }
    }

    var content: [UInt8] {
        var object: JSONObject = [
            "state": .string(state.rawValue),
            "network": .string(key.network),
            "containerID": .string(key.containerID),
            "ifname": .string(key.interfaceName),
            "netns": .string(namespacePath),
            "netnsIdentity": .string(namespaceIdentity),
            "intendedBootNanoseconds": .integer(intendedNanoseconds),
            "hostInterface": .string(hostInterface),
        ]
        if let device { object[exact: "device"] = device.json }
        object[exact: "configuration"] = configuration
        object[exact: "result"] = result
        return JSONValue.object(object).serialized()
    }
}

extension JSONValue {
    fileprivate func member(_ key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[exact: key]
    }
}
