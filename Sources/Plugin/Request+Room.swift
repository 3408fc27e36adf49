// SPDX-License-Identifier: Apache-2.0
package import CNI
internal import Linux

extension Request {
    /// For STATUS: whether an ADD could note what it does.
    ///
    /// - Throws: ``CNIError`` with code 50, saying what is in the way.
    package func probeRecords() throws(CNIError) {
        guard let obstacle = Machine.obstacle(toWritingBelow: settings.runDirectory) else { return }
        throw CNIError(.unavailable, "attachments cannot be noted in \(settings.runDirectory)", obstacle)
    }
}
