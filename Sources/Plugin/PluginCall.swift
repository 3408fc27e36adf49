// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import JSON
internal import Journal
internal import Linux
internal import Meters

/// One call of the binary by a runtime: environment and standard input in, one document and an exit status out.
package struct PluginCall {
    private let program: Program
    private let siblings: [Program]
    private let settings: Settings
    private let notes: CallNotes
    /// The network's name as it was written; empty as long as there is none.
    private var network = ""
    /// The configuration's version as it was written, for errors; ours as long as there is none.
    private var version = CNIVersion.newest.rawValue

    /// Answers as the program that the binary was called as.
    ///
    /// - Parameters:
    ///   - arguments: the first one's base name says which plugin this is; if it says none, the second one does.
    ///   - siblings: all plugins of the binary.
    /// - Returns: the exit status.
    package static func run(_ arguments: [String], among siblings: [Program]) -> CInt {
        guard let program = program(arguments, among: siblings) else {
            let called = arguments.dropFirst().first ?? arguments.first ?? ""
            Machine.log("culvert-cni: no plugin is named \"\(called)\"; link it, or call it, as one of")
            for sibling in siblings { Machine.log("  \(sibling.about)") }
            return 2
        }
        // Who only asks what this is has begun nothing that anybody keeps account of.
        guard let command = Machine.variable("CNI_COMMAND"), !command.isEmpty else {
            introduce(program)
            return 0
        }
        if command == Command.version.rawValue {
            let reply = VersionReply.json(supported: program.versions).serialized()
            return write(reply + [UInt8(ascii: "\n")], program) ? 0 : 1
        }
        let settings = Settings(variable: Machine.variable)
        var call = PluginCall(program: program, siblings: siblings, settings: settings)
        return call.run(command)
    }

    private static func program(_ arguments: [String], among siblings: [Program]) -> Program? {
        for argument in arguments.prefix(2) {
            let name = argument.utf8.lastIndex(of: UInt8(ascii: "/")).map {
                argument[argument.utf8.index(after: $0)...]
            }
            for sibling in siblings where sibling.name == name ?? argument[...] { return sibling }
        }
        return nil
    }

    private init(program: Program, siblings: [Program], settings: Settings) {
        self.program = program
        self.siblings = siblings
        self.settings = settings
        notes = CallNotes(
            trace: .current(isKept: settings.journalLimit > 0, variable: Machine.variable)
        )
    }

    private mutating func run(_ command: String) -> CInt {
        let refusal = answer()
        finish(report(command, refusal))
        return refusal == nil ? 0 : 1
    }

    /// Does what the runtime asks, and writes the answer.
    ///
    /// - Returns: why it failed; nil if it did not.
    private mutating func answer() -> CNIError? {
        do throws(CNIError) {
            let invocation = try Invocation(variable: Machine.variable)
            try settings.refuseRelativeDirectories()
            let request = try readRequest(invocation)
            try refuseOwnNamespace(invocation)
            notes.enter(.work)
            guard case .result(let result) = try program.answer(try verb(request)) else { return nil }
            notes.enter(.answer)
            let document = try result.json(version: request.configuration.version)
            if PluginCall.write(document.serialized(indent: 4), program) { return nil }
            notes.enter(.work)
            try takeBackUnheard(request)
            return CNIError(.inputOutput, "nobody read the answer", details: "what was done has been taken back")
        } catch {
            notes.enter(.answer)
            let document = error.json(version: version).serialized(indent: 4)
            _ = PluginCall.write(document + [UInt8(ascii: "\n")], program)
            return error
        }
    }

    private func report(_ command: String, _ refusal: CNIError?) -> CallReport {
        var report = notes.report()
        report.plugin = program.name
        report.verb = command
        report.network = network
        report.containerID = Machine.variable("CNI_CONTAINERID") ?? ""
        report.interfaceName = Machine.variable("CNI_IFNAME") ?? ""
        report.namespacePath = Machine.variable("CNI_NETNS") ?? ""
        if let refusal {
            report.outcome = .failed(code: refusal.code, message: refusal.message, details: refusal.details)
        }
        return report
    }

    /// Hands a call that is over to whoever keeps account of calls; none of them can fail it any more.
    private func finish(_ report: CallReport) {
        guard settings.hasFixedPlaces else { return }
        MeterFile(in: settings.runDirectory).count(report)
        if settings.journalLimit > 0 {
            CallJournal(runDirectory: settings.runDirectory, limit: settings.journalLimit).append(report)
        }
        SystemLog(settings.systemLog).tell(report)
    }

    /// What a bare call prints.
    ///
    /// Consumers parse the rest of the first line as a semantic version.
    private static func introduce(_ program: Program) {
        let versions = program.versions.map { $0.rawValue }.joined(separator: ", ")
        Machine.log("CNI \(program.name) plugin v\(Release.reference)+culvert.\(Release.own)")
        Machine.log("CNI protocol versions supported: \(versions)")
    }

    private mutating func readRequest(_ invocation: Invocation) throws(CNIError) -> Request {
        let input = try readInput()
        var document: JSONValue
        do throws(JSONValue.SyntaxError) {
            document = try JSONValue(parsing: input)
        } catch {
            throw CNIError(.decoding, "cannot decode the network configuration", details: "standard input: \(error)")
        }
        if case .object(let object) = document {
            if case .string(let written) = object["cniVersion"], !written.isEmpty { version = written }
            if case .string(let written) = object["name"] { network = written }
        }
        let configuration: NetworkConfiguration
        do throws(CNIError) {
            configuration = try NetworkConfiguration(document)
        } catch {
            // What makes no sense must not keep anybody from cleaning up.
            guard invocation.command == .delete, case .object(let object) = document else { throw error }
            document = .object(essentials(of: object))
            configuration = try NetworkConfiguration(document)
        }
        guard program.versions.contains(configuration.version) else {
            throw CNIError(incompatible: configuration.version.rawValue, supported: program.versions)
        }
        var request = Request(
            invocation: invocation,
            configuration: configuration,
            document: document,
            settings: settings,
            siblings: siblings,
            beganWall: notes.beganWall,
            beganBoot: notes.beganBoot,
            notes: notes
        )
        request.text = input
        return request
    }

    private func readInput() throws(CNIError) -> [UInt8] {
        let tooLarge = "the network configuration is too large"
        let input: [UInt8]
        do throws(KernelError) {
            input = try Machine.readStandardInput(limit: InputLimits.octets)
        } catch {
            guard error.errno == .fileTooLarge else {
                throw CNIError(.inputOutput, "cannot read the network configuration", error)
            }
            throw CNIError(.decoding, tooLarge, details: "standard input has more than \(InputLimits.octets) octets")
        }
        guard InputLimits.admits(input) else {
            throw CNIError(.decoding, tooLarge, details: "standard input has more than \(InputLimits.values) values")
        }
        return input
    }

    /// What DEL cannot do without: whose the attachment is, who gave the addresses, and which directories are theirs.
    private func essentials(of object: JSONObject) -> JSONObject {
        var kept = JSONObject()
        for key in ["cniVersion", "name", "type", "dataDir"] { kept[exact: key] = object[key] }
        guard case .object(let ipam) = object["ipam"] else { return kept }
        var place = JSONObject()
        for key in ["type", "dataDir", "daemonSocketPath"] {
            if case .string(let text) = ipam[key] { place[exact: key] = .string(text) }
        }
        kept[exact: "ipam"] = .object(place)
        return kept
    }

    private func verb(_ request: Request) throws(CNIError) -> Verb {
        let version = request.configuration.version
        switch request.invocation.command {
        case .add: return .add(request)
        case .delete: return .delete(request)
        case .check:
            try require(version, atLeast: .v0_4_0, for: .check)
            return .check(request)
        case .status:
            try require(version, atLeast: .v1_1_0, for: .status)
            return .status(request)
        case .collectGarbage:
            try require(version, atLeast: .v1_1_0, for: .collectGarbage)
            guard let surviving = request.configuration.validAttachments else {
                throw CNIError(
                    .invalidConfiguration,
                    "GC without cni.dev/valid-attachments",
                    details: "list the attachments to keep, or give [] to keep none"
                )
            }
            return .collectGarbage(request, surviving: surviving)
        case .version: preconditionFailure("VERSION was answered before")
        }
    }

    private func require(_ version: CNIVersion, atLeast minimum: CNIVersion, for command: Command) throws(CNIError) {
        guard version < minimum else { return }
        throw CNIError(
            .incompatibleVersion,
            "config version does not allow \(command.rawValue)",
            details: "cniVersion is \"\(version)\", \(command.rawValue) needs \(minimum) or newer"
        )
    }

    /// A container in the host's own network would get the host rewired.
    private func refuseOwnNamespace(_ invocation: Invocation) throws(CNIError) {
        guard !invocation.namespacePath.isEmpty, !invocation.namespaceOverride else { return }
        do throws(KernelError) {
            guard let theirs = try FileStatus.of(invocation.namespacePath),
                theirs.identity == (try NetworkNamespace.current().identity)
            else { return }
        } catch {
            // DEL and GC do without the namespace; who needs it says what is wrong with it.
            return
        }
        throw CNIError(
            .invalidNamespace,
            "CNI_NETNS \(invocation.namespacePath) is the plugin's own network namespace",
            details: "name the container's, or set CNI_NETNS_OVERRIDE=1 if this is meant"
        )
    }

    /// Nobody heard the answer to an ADD, so nobody will ask for its DEL.
    private func takeBackUnheard(_ request: Request) throws(CNIError) {
        guard request.invocation.command == .add else { return }
        _ = try program.answer(.delete(request))
    }

    private static func write(_ bytes: [UInt8], _ program: Program) -> Bool {
        do throws(KernelError) {
            try Machine.writeStandardOutput(bytes)
            return true
        } catch {
            Machine.log("\(program.name): \(error)")
            return false
        }
    }
}
