// SPDX-License-Identifier: Apache-2.0
package import DaemonTalk
package import JSON

/// The way to the daemon.
package enum SwitchLink {
    /// Where the daemon listens unless somebody says otherwise.
    package static let usualPath = "/run/culvert/switchd.sock"

    /// Asks, and waits for the answer.
    ///
    /// `bound`: how long to wait for each of connecting and answering.
    /// - Returns: the member `result` of the answer.
    /// - Throws: ``DaemonLinkError``.
    package static func ask(
        _ question: SwitchQuestion,
        at path: String = SwitchLink.usualPath,
        waitingAtMost bound: Duration = .seconds(10)
    ) throws(DaemonLinkError) -> JSONValue {
        try DaemonLink.ask(question.line, at: path, waitingAtMost: bound)
    }
}
