// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// The log of the host: journald where there is one, else whoever listens at `/dev/log`.
///
/// One datagram a call, dropped when it would have to wait.
package struct SystemLog: Sendable {
    /// `CULVERT_JOURNALD`: which calls are told.
    package enum Choice: String, CaseIterable, Hashable, Sendable {
        case all
        /// Those that failed, and those that took longer than ``SystemLog/slow``: a call that went well costs nothing.
        case failures
        case off
    }

    /// Longer than this a runtime should not have had to wait, in nanoseconds: 10 seconds.
    package static var slow: Int64 { 10_000_000_000 }

    /// systemd.journal-fields(7) and <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.
    private static var journald: String { "/run/systemd/journal/socket" }
    private static var classic: String { "/dev/log" }

    private let choice: Choice

    package init(_ choice: Choice) {
        self.choice = choice
    }

    /// Tells of a call, if it is one to be told of.
    package func tell(_ report: CallReport) {
        let isNotable = report.hasFailed || report.duration > SystemLog.slow
        guard choice == .all || (choice == .failures && isNotable) else { return }
        let fields = SystemLog.fields(report)
        guard culvert_send_local_datagram(SystemLog.journald, fields, fields.count) != 0 else { return }
        var time = [CChar](repeating: 0, count: 16)
        culvert_log_time(Machine.wallNanoseconds / 1_000_000_000, &time)
        let moment = String(decoding: time.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let line = SystemLog.line(report, at: moment)
        _ = culvert_send_local_datagram(SystemLog.classic, line, line.count)
    }

    /// As journald takes it: a field a line.
    package static func fields(_ report: CallReport) -> [UInt8] {
        var octets: [UInt8] = []
        func append(_ name: String, _ value: String) {
            guard !value.isEmpty else { return }
            octets.append(contentsOf: "\(name)=\(oneLine(value, limit: 3072))\n".utf8)
        }
        append("MESSAGE", sentence(report))
        append("PRIORITY", "\(severity(report))")
        append("SYSLOG_IDENTIFIER", "culvert")
        append("SYSLOG_FACILITY", "3")
        append("CULVERT_PLUGIN", report.plugin)
        append("CULVERT_VERB", report.verb)
        append("CULVERT_NETWORK", report.network)
        append("CULVERT_CONTAINER", report.containerID)
        append("CULVERT_INTERFACE", report.interfaceName)
        append("CULVERT_TOOK_USEC", "\(report.duration / 1000)")
        if case .failed(let code, _, _) = report.outcome { append("CULVERT_CODE", "\(code)") }
        append("CULVERT_TRACE", report.trace?.traceText ?? "")
        append("CULVERT_SPAN", report.trace?.spanText ?? "")
        return octets
    }

    /// As syslog daemons take it from their own host (RFC 3164, 4.1, but for the host's name): facility `daemon`.
    ///
    /// `moment`: the local time, as in `Nov 22 01:02:03`.
    package static func line(_ report: CallReport, at moment: String) -> [UInt8] {
        let head = "<\(24 + severity(report))>\(moment) culvert[\(report.process)]: "
        return Array((head + oneLine(sentence(report), limit: 3072)).utf8)
    }

    /// RFC 5424, 6.2.1: error, warning, or for information.
    private static func severity(_ report: CallReport) -> Int {
        report.hasFailed ? 3 : report.duration > slow ? 4 : 6
    }

    /// What happened, for people: `bridge ADD lan/c1:eth0 failed after 2.1 ms with code 103: no address is free`.
    package static func sentence(_ report: CallReport) -> String {
        let attachment = report.containerID.isEmpty ? "" : "/\(report.containerID):\(report.interfaceName)"
        let subject = "\(report.plugin) \(report.verb) \(report.network)\(attachment)"
        let tenths = report.duration / 100_000
        let took = "\(tenths / 10).\(tenths % 10) ms"
        guard case .failed(let code, let message, let details) = report.outcome else {
            return "\(subject) done in \(took)"
        }
        return "\(subject) failed after \(took) with code \(code): \(message)"
            + (details.isEmpty ? "" : ": \(details)")
    }

    /// A text without line ends and other control characters, cut off beyond so many octets.
    private static func oneLine(_ text: String, limit: Int) -> String {
        var line = ""
        var count = 0
        for scalar in text.unicodeScalars {
            count += scalar.utf8.count
            guard count <= limit else { return line + "…" }
            line.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7f ? " " : scalar)
        }
        return line
    }
}
