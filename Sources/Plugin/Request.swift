// SPDX-License-Identifier: Apache-2.0
package import CNI
package import JSON
package import Journal
internal import Linux
package import Wiring

/// Everything a call of a plugin comes with, parsed.
package struct Request: Sendable {
    package let invocation: Invocation
    package let configuration: NetworkConfiguration
    /// The configuration as it came, for delegates and for the record.
    package let document: JSONValue
    /// The text of it, which shows what parsing loses: members of one object with the same key.
    package var text: [UInt8] = []
    package let settings: Settings
    /// The plugins in this binary, for delegation without another process.
    package let siblings: [Program]
    /// When this call began, by ``Machine/wallNanoseconds``: what is younger was not known to who called.
    package let beganWall: Int64
    /// The same, by ``Machine/bootNanoseconds``.
    package let beganBoot: Int64
    /// Whether nobody had recorded the attachment when this ADD began; nobody asked unless it is true.
    package var isNew = false
    /// What the call notes on its way, shared by all copies of the request.
    package var notes: CallNotes

    package init(
        invocation: Invocation,
        configuration: NetworkConfiguration,
        document: JSONValue,
        settings: Settings,
        siblings: [Program],
        beganWall: Int64,
        beganBoot: Int64,
        notes: CallNotes = CallNotes()
    ) {
        self.invocation = invocation
        self.configuration = configuration
        self.document = document
        self.settings = settings
        self.siblings = siblings
        self.beganWall = beganWall
        self.beganBoot = beganBoot
        self.notes = notes
    }

    /// What identifies the attachment in question.
    package var key: AttachmentKey {
        AttachmentKey(
            network: configuration.name,
            containerID: invocation.containerID,
            interfaceName: invocation.interfaceName
        )
    }

    /// The records of this host.
    package var attachments: AttachmentStore { AttachmentStore(root: settings.runDirectory) }

    /// Whether a DEL may end what a record tells of; nil is no record.
    ///
    /// It always may, unless who calls has named the one that it means.
    package func mayEnd(_ record: AttachmentRecord?) -> Bool {
        guard let meant = settings.onlyBegun else { return true }
        return record?.intendedNanoseconds == meant
    }

    /// CNI_ARGS, strictly.
    ///
    /// - Throws: ``CNIError`` for pairs that make no sense or that nobody knows.
    package func arguments() throws(CNIError) -> CNIArguments {
        try CNIArguments(parsing: invocation.arguments)
    }
}

/// What an operator may say in the environment.
package struct Settings: Sendable {
    /// `CULVERT_RUN_DIR`: where the attachment records are; `/run/culvert` by default.
    package let runDirectory: String
    /// `CULVERT_STATE_DIR`: what is to outlive a reboot; `/var/lib/culvert` by default.
    package let stateDirectory: String
    /// `CULVERT_LOCK_TIMEOUT` in seconds: how long to wait for a lock; 20 by default, well below any runtime's own bound.
    package let lockBound: Duration
    /// `CULVERT_JOURNAL_BYTES`: how large a file of the journal of calls grows; 4 MiB by default, 0 for no journal.
    package let journalLimit: Int
    /// `CULVERT_JOURNALD`: which calls the host's log is told of, `all`, `failures` (the default) or `off`.
    package let systemLog: SystemLog.Choice

    /// `CULVERT_ONLY_BEGUN`: which record DEL is about, by ``AttachmentRecord/intendedNanoseconds``; nil for any.
    ///
    /// `culvert gc` says it: the container that it found dead may be there again by the time its plugins are called.
    package let onlyBegun: Int64?

    /// The environment as it came, `NAME=value` each, for programs we run.
    package let environment: @Sendable () -> [String]

    /// See ``onlyBegun``.
    package static let onlyBegunVariable = "CULVERT_ONLY_BEGUN"

    /// - Parameters:
    ///   - environment: asked only when a program is run.
    ///   - variable: looks a variable of the environment up.
    package init(
        environment: @escaping @Sendable () -> [String] = { Machine.environment },
        variable: (String) -> String?
    ) {
        self.environment = environment
        let directory = variable("CULVERT_RUN_DIR") ?? ""
        runDirectory = directory.isEmpty ? "/run/culvert" : directory
        let state = variable("CULVERT_STATE_DIR") ?? ""
        stateDirectory = state.isEmpty ? "/var/lib/culvert" : state
        var seconds = 20.0
        if let text = variable("CULVERT_LOCK_TIMEOUT"), let number = Machine.number(text) { seconds = number }
        lockBound = .milliseconds(Int64(max(0, min(seconds, 3600)) * 1000))
        var octets = Double(4 << 20)
        if let text = variable("CULVERT_JOURNAL_BYTES"), let number = Machine.number(text) { octets = number }
        systemLog = SystemLog.Choice(rawValue: variable("CULVERT_JOURNALD") ?? "") ?? .failures
        onlyBegun = variable(Settings.onlyBegunVariable).flatMap { Int64($0) }
        journalLimit = octets >= 1 ? Int(max(4096, min(octets, 1_073_741_824))) : 0
    }

    /// Whether records are in one place, wherever a plugin is started.
    package var hasFixedPlaces: Bool {
        runDirectory.utf8.first == UInt8(ascii: "/") && stateDirectory.utf8.first == UInt8(ascii: "/")
    }

    /// Refuses directories that are another one for each working directory.
    ///
    /// - Throws: `CNIError` with code 4, naming the variable and what it says.
    package func refuseRelativeDirectories() throws(CNIError) {
        guard !hasFixedPlaces else { return }
        let isRun = runDirectory.utf8.first != UInt8(ascii: "/")
        let (name, value) =
            isRun ? ("CULVERT_RUN_DIR", runDirectory) : ("CULVERT_STATE_DIR", stateDirectory)
        throw CNIError(
            .invalidEnvironment,
            "\(name) is no absolute path: \"\(value)\"",
            details: "a call from another working directory would not find what this one has noted"
        )
    }
}
