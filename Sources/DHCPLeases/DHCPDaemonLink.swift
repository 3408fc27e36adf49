// SPDX-License-Identifier: Apache-2.0
package import DaemonTalk
package import JSON

/// The way to the daemon.
package enum DHCPDaemonLink {
    /// Where the daemon listens unless somebody says otherwise: the reference's.
    package static let usualPath = "/run/cni/dhcp.sock"

    /// Asks, and waits for the answer: as long as the daemon says it may take.
    ///
    /// - Returns: the member `result` of the answer.
    /// - Throws: ``DaemonLinkError``.
    package static func ask(_ question: DHCPQuestion, at path: String) throws(DaemonLinkError) -> JSONValue {
        try DaemonLink.ask(
            question.line,
            at: path,
            waitingAtMost: .seconds(10),
            httpServer: "the reference's daemon, which speaks another language"
        )
    }
}
