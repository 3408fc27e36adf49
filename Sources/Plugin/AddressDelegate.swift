// SPDX-License-Identifier: Apache-2.0
package import CNI
internal import JSON
internal import Journal
internal import Linux

/// The plugin that hands out a network's addresses.
///
/// CNI 1.1.0, section 4.
///
/// When the file of that name in CNI_PATH is this very binary it is called in process; anything else is executed as
/// the specification says, with the caller's environment and standard input.
package struct AddressDelegate: Sendable {
    private enum Place: Sendable {
        case sibling(Program)
        case executable(String)
    }

    /// The configuration's `ipam.type`.
    package let type: String
    private let request: Request
    private let place: Place

    /// Whether a network's addresses are asked for through the container's own link, which has to be up for it, and gone
    /// only when they were given back.
    package static func needsLink(_ request: Request) -> Bool {
        request.configuration.ipamType == "dhcp"
    }

    /// Finds the plugin; nil when the configuration names none (a network without addresses).
    ///
    /// - Throws: ``CNIError`` when it is nowhere in CNI_PATH.
    package init?(for request: Request) throws(CNIError) {
        let type = request.configuration.ipamType
        guard !type.isEmpty else { return nil }
        guard !type.contains("/"), type != ".", type != ".." else {
            throw CNIError(
                .invalidConfiguration,
                "ipam.type: \"\(type)\" is not the name of a plugin",
                details: "give the name of a file in CNI_PATH, without a slash"
            )
        }
        self.type = type
        self.request = request
        place = try AddressDelegate.find(type, for: request)
    }

    private static func find(_ type: String, for request: Request) throws(CNIError) -> Place {
        let searchPath = request.invocation.searchPath
        do throws(KernelError) {
            for directory in searchPath {
                let path = "\(directory)/\(type)"
                guard let status = try FileStatus.of(path), status.isRegularFile else { continue }
                if let sibling = request.siblings.first(where: { $0.name == type }),
                    try FileStatus.of("/proc/self/exe")?.identity == status.identity
                {
                    return .sibling(sibling)
                }
                return .executable(path)
            }
        } catch {
            throw CNIError(.delegateFailed, "cannot look for IPAM plugin \(type)", error)
        }
        throw CNIError(
            .delegateFailed,
            "failed to find IPAM plugin \"\(type)\"",
            details: "not in CNI_PATH \(searchPath.joined(separator: ":")); install it there, or correct ipam.type"
        )
    }

    /// Notes that the call is at its addresses.
    ///
    /// - Returns: what it was at.
    private func entered() -> CallNotes.Phase {
        request.notes.addressPlugin = type
        return request.notes.enter(.addresses)
    }

    /// Takes the container's addresses.
    ///
    /// - Throws: ``CNIError``; then nothing is taken.
    package func add() throws(CNIError) -> AddResult {
        let phase = entered()
        defer { request.notes.enter(phase) }
        let result: AddResult
        switch place {
        case .sibling(let program):
            guard case .result(let answer) = try program.answer(.add(request)) else {
                throw CNIError(.delegateFailed, "IPAM plugin \(type) answered ADD with nothing")
            }
            result = answer
        case .executable(let path):
            let output = try execute(path, .add, request.document)
            do throws(CNIError) {
                result = try parse(output, path)
            } catch {
                throw takeBack(because: error)
            }
        }
        guard !result.ips.isEmpty else {
            throw takeBack(
                because: CNIError(
                    .delegateFailed,
                    "IPAM plugin returned missing IP config",
                    details: "ipam.type \(type)"
                )
            )
        }
        return result
    }

    /// Gives back what an ADD took whose answer is of no use.
    private func takeBack(because cause: CNIError) -> CNIError {
        do throws(CNIError) {
            try delete()
            return cause
        } catch {
            return cause.adding("left behind: addresses (\(error))")
        }
    }

    /// Gives the container's addresses back; that there are none is no error.
    ///
    /// - Throws: ``CNIError``; then some may still be taken.
    package func delete() throws(CNIError) {
        try forward(.delete, .delete(request))
    }

    /// Asks whether the container still has its addresses.
    ///
    /// - Throws: ``CNIError`` when not.
    package func check() throws(CNIError) {
        try forward(.check, .check(request))
    }

    /// Asks whether the plugin can hand out addresses.
    ///
    /// - Throws: ``CNIError`` when not.
    package func status() throws(CNIError) {
        try forward(.status, .status(request))
    }

    /// Gives the addresses of all but the surviving attachments back.
    ///
    /// - Throws: ``CNIError``.
    package func collectGarbage(surviving: [AttachmentID]) throws(CNIError) {
        try forward(.collectGarbage, .collectGarbage(request, surviving: surviving), surviving: surviving)
    }

    private func forward(_ command: Command, _ verb: Verb, surviving: [AttachmentID]? = nil) throws(CNIError) {
        let phase = entered()
        defer { request.notes.enter(phase) }
        switch place {
        case .sibling(let program):
            _ = try program.answer(verb)
        case .executable(let path):
            _ = try execute(path, command, surviving.map(document) ?? request.document)
        }
    }

    /// The configuration with another list of survivors than it came with.
    private func document(sparing surviving: [AttachmentID]) -> JSONValue {
        var object = request.configuration.object
        let list = JSONValue.array(
            surviving.map { attachment in
                .object([
                    "containerID": .string(attachment.containerID), "ifname": .string(attachment.interfaceName),
                ])
            }
        )
        for key in ["cni.dev/valid-attachments", "cni.dev/attachments"] {
            object.remove(anyCase: key)
            object[exact: key] = list
        }
        return .object(object)
    }

    private func execute(_ path: String, _ command: Command, _ document: JSONValue) throws(CNIError) -> [UInt8] {
        var environment = request.settings.environment().filter { !$0.hasPrefix("CNI_COMMAND=") }
        if let trace = request.notes.trace { environment = trace.passed(on: environment) }
        let child: ChildProcess
        do throws(KernelError) {
            child = try ChildProcess.run(
                path,
                [path],
                environment: environment + ["CNI_COMMAND=\(command.rawValue)"],
                input: document.serialized()
            )
        } catch {
            throw CNIError(.delegateFailed, "cannot run IPAM plugin \(type)", error)
        }
        if child.ending == .exited(0) { return child.output }
        throw refusal(child, command)
    }

    private func refusal(_ child: ChildProcess, _ command: Command) -> CNIError {
        if let document = try? JSONValue(parsing: child.output),
            let refusal = try? refusal(JSONReader(document), command)
        {
            return refusal
        }
        let said = String(decoding: child.output.prefix(200), as: UTF8.self)
        return CNIError(
            .delegateFailed,
            "IPAM plugin \(type) failed \(command.rawValue) with \(child.ending)",
            details: said.isEmpty ? "it printed nothing; see standard error" : "it printed: \(said)"
        )
    }

    private func refusal(_ reader: JSONReader, _ command: Command) throws(JSONTypeError) -> CNIError {
        let code = try reader.integer("code", in: 0...Int(Int32.max)) ?? CNIError.Code.delegateFailed.rawValue
        return CNIError(
            CNIError.Code(rawValue: code),
            try reader.string("msg") ?? "IPAM plugin \(type) refused \(command.rawValue)",
            details: try reader.string("details") ?? ""
        )
    }

    private func parse(_ output: [UInt8], _ path: String) throws(CNIError) -> AddResult {
        let document: JSONValue
        do throws(JSONValue.SyntaxError) {
            document = try JSONValue(parsing: output)
        } catch {
            throw CNIError(.delegateFailed, "cannot decode the result of IPAM plugin \(path)", details: "\(error)")
        }
        return try AddResult(JSONReader(document), assuming: request.configuration.version)
    }
}
