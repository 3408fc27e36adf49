// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI
import Linux

extension ParsableCommand {
    /// Does a command's work; a refusal goes to standard error in the words and the form of the original cnitool.
    ///
    /// - Throws: `ExitCode` 1 after a refusal.
    func reporting(_ work: () throws(CNIError) -> Void) throws(ExitCode) {
        do throws(CNIError) {
            try work()
        } catch {
            let sentence = error.details.isEmpty ? error.message : "\(error.message); \(error.details)"
            Machine.log("\(sentence) (code \(error.code))")
            throw ExitCode(1)
        }
    }

    /// Does the work of a command about this host; a refusal says whose message it is, and what to do about it.
    ///
    /// - Throws: `ExitCode` 1 after a refusal.
    func operating(_ work: () throws(CNIError) -> Void) throws(ExitCode) {
        do throws(CNIError) {
            try work()
        } catch {
            let sentence = error.details.isEmpty ? error.message : "\(error.message): \(error.details)"
            let isRefused = [Errno.permissionDenied, .notPermitted].contains { sentence.contains("\($0)") }
            Machine.log("culvert: \(sentence)\(isRefused ? "; run this as root" : "")")
            throw ExitCode(1)
        }
    }
}
