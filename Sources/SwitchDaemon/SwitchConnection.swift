// SPDX-License-Identifier: Apache-2.0
internal import DaemonTalk
internal import JSON
internal import Linux

/// Somebody who asks the switch, and what its loop knows of them; who asks for copies of frames stays.
final class SwitchConnection {
    let talk: DaemonConnection
    /// Whether the loop waits for room to write.
    var isWaitingToWrite = false
    /// The port that it looks on through.
    var lookout: OpenPort?

    init(_ socket: consuming Descriptor, now: Int64) {
        // The longest question traces a frame of 64 KiB, in two digits for each octet.
        talk = DaemonConnection(socket, longestQuestion: 1 << 20, now: now)
    }

    /// Answers, and stays for copies.
    func lookOn(through port: OpenPort, _ result: JSONValue) {
        talk.stay(saying: ["result": result])
        lookout = port
    }
}
