// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux
internal import SwitchControl

/// What the command line and the environment say to the daemon.
package struct SwitchSettings: Hashable, Sendable {
    package private(set) var socketPath = SwitchLink.usualPath
    /// How long to look for frames after the last one before sleeping, at most, in nanoseconds.
    package private(set) var busyPoll: Int64
    /// Where the attachment records are.
    package let runDirectory: String

    /// What is wrong with the command line, in words; or what was asked to be told.
    package struct Complaint: Error, Hashable, Sendable {
        package let text: String
        package let isAnswer: Bool
    }

    package static let usage = """
        usage: culvert-switchd [flags]
          -socketpath path     listen there (default /run/culvert/switchd.sock), unless systemd hands a socket over
          -busypoll number     look for frames for up to so many microseconds before sleeping, as long as that pays
                               (at most 1000; default 50, and 0 where there is but one processor): shorter round trips
        CULVERT_RUN_DIR (/run/culvert) is where the records of attachments are.
        """

    /// Reads flags: `-flag value`, `-flag=value`, two dashes if you like.
    ///
    /// `processors`: how many the machine has.
    /// - Throws: ``Complaint``.
    package init(
        _ arguments: [String],
        runDirectory: String,
        processors: Int = Int(culvert_processors())
    ) throws(Complaint) {
        self.runDirectory = runDirectory
        // Alone, who looks keeps those from running who would send.
        busyPoll = processors > 1 ? SwitchSettings.usualBusyPoll : 0
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else { throw Self.complaint("\"\(word)\" is no flag") }
            let parts = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts.first.map(String.init) ?? ""
            if ["h", "help"].contains(name) { throw Complaint(text: Self.usage, isAnswer: true) }
            guard ["socketpath", "busypoll"].contains(name) else { throw Self.complaint("there is no flag -\(name)") }
            guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst(), !value.isEmpty else {
                throw Self.complaint("-\(name) needs a value")
            }
            if name == "socketpath" {
                socketPath = value
            } else {
                guard let number = Int64(value), (0...1000).contains(number) else {
                    throw Self.complaint("-busypoll: \"\(value)\" is no number from 0 to 1000")
                }
                busyPoll = number * 1000
            }
        }
    }

    private static let usualBusyPoll: Int64 = 50_000

    private static func complaint(_ text: String) -> Complaint {
        Complaint(text: "\(text)\n\(usage)", isAnswer: false)
    }
}
