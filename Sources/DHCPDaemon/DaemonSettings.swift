// SPDX-License-Identifier: Apache-2.0
internal import DHCP
internal import DHCPLeases
internal import Linux

/// What the command line and the environment say to the daemon.
package struct DaemonSettings: Sendable {
    /// Where the process's number is written; empty for nowhere.
    package private(set) var pidFile = ""
    /// Put before the path of each namespace, for a daemon that sees the host below a directory.
    package private(set) var hostPrefix = ""
    package private(set) var socketPath = DHCPDaemonLink.usualPath
    private var wantsBroadcast = false
    private var timeout = Duration.seconds(10)
    private var resendMaximum = Duration.seconds(62)
    private var resendTimeout = Duration.seconds(208)
    /// Where the leases are remembered, in a directory `dhcp`.
    package let runDirectory: String

    /// What is wrong with the command line, in words; or what was asked to be told.
    package struct Complaint: Error, Hashable, Sendable {
        package let text: String
        package let isAnswer: Bool
    }

    package static let usage = """
        usage: dhcp daemon [flags]
          -pidfile path        write the process's number there
          -hostprefix path     put before the paths of network namespaces
          -socketpath path     listen there (default /run/cni/dhcp.sock), unless systemd hands a socket over
          -broadcast           have servers answer to everybody on the link
          -timeout time        how long a server may think about a request (default 10s)
          -resendmax time      longest time between two messages of a search (default 62s)
          -resendtimeout time  how long an ADD looks for a server (default 208s)
        Times are written as 90s, 1m30s or 500ms. CULVERT_RUN_DIR (/run/culvert) is where leases are remembered.
        """

    /// Reads flags in the forms of Go: `-flag value`, `-flag=value`, two dashes if you like.
    ///
    /// - Throws: ``Complaint``.
    package init(_ arguments: [String], runDirectory: String) throws(Complaint) {
        self.runDirectory = runDirectory
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else { throw Self.complaint("\"\(word)\" is no flag") }
            let parts = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts.first.map(String.init) ?? ""
            let attached = parts.count > 1 ? String(parts[1]) : nil
            if ["h", "help"].contains(name) { throw Complaint(text: Self.usage, isAnswer: true) }
            if name == "broadcast" {
                guard let truth = ["": true, "true": true, "1": true, "false": false, "0": false][attached ?? ""] else {
                    throw Self.complaint("-broadcast is true or false, not \"\(attached ?? "")\"")
                }
                wantsBroadcast = truth
                continue
            }
            guard Self.flagsWithValue.contains(name) else { throw Self.complaint("there is no flag -\(name)") }
            guard let value = attached ?? rest.popFirst() else { throw Self.complaint("-\(name) needs a value") }
            try set(name, value)
        }
    }

    private static let flagsWithValue = [
        "pidfile", "hostprefix", "socketpath", "timeout", "resendmax", "resendtimeout",
    ]

    private mutating func set(_ name: String, _ value: String) throws(Complaint) {
        switch name {
        case "pidfile": pidFile = value
        case "hostprefix": hostPrefix = value
        case "socketpath": socketPath = value
        case "timeout": timeout = try Self.duration(name, value)
        case "resendmax": resendMaximum = try Self.duration(name, value)
        case "resendtimeout": resendTimeout = try Self.duration(name, value)
        default: preconditionFailure("flag \(name) is listed, but not known")
        }
    }

    private static func complaint(_ text: String) -> Complaint {
        Complaint(text: "\(text)\n\(usage)", isAnswer: false)
    }

    /// Numbers and units in turn, as Go's `time.ParseDuration` reads them; from 100 ms to a day.
    private static func duration(_ name: String, _ text: String) throws(Complaint) -> Duration {
        let units: [String: Double] = ["ms": 0.001, "s": 1, "m": 60, "h": 3600]
        var seconds = 0.0
        var rest = text[...]
        while !rest.isEmpty {
            let number = rest.prefix { $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let value = Machine.number(String(number)), let factor = units[String(unit)] else {
                throw complaint("-\(name): \"\(text)\" is no time such as 90s")
            }
            seconds += value * factor
        }
        guard seconds >= 0.1, seconds <= 86_400 else {
            throw complaint("-\(name): \"\(text)\" is not between 100ms and 24h")
        }
        return .milliseconds(Int64(seconds * 1000))
    }

    var patience: DHCPClient.Patience {
        DHCPClient.Patience(
            answer: Int64(timeout / .nanoseconds(1)),
            longestPause: Int64(resendMaximum / .nanoseconds(1)),
            wantsBroadcast: wantsBroadcast
        )
    }

    /// How long an ADD may look for a server, in nanoseconds.
    var searchBound: Int64 { Int64(resendTimeout / .nanoseconds(1)) }
}
