// SPDX-License-Identifier: Apache-2.0
internal import JSON
package import Linux

/// Why plugins were not installed or taken away: what is the matter and where, and what can be done.
package struct InstallationFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence without a full stop, naming the thing and the place.
    package let message: String
    /// What to do; empty when there is nothing to be done.
    package let advice: String

    package init(_ message: String, advice: String = "") {
        self.message = message
        self.advice = advice
    }

    /// The kernel refused something.
    package init(_ error: KernelError, intention: String) {
        let advice =
            switch error.errno {
            case .permissionDenied, .notPermitted: "run this as root, on a file system with hard links"
            case .readOnlyFileSystem: "the directory is mounted read-only: mount it for writing, or choose another one"
            case .wouldBlock: "another installer works in this directory: wait for it to end"
            default: ""
            }
        self.init("\(intention): \(error)", advice: advice)
    }

    package var description: String { advice.isEmpty ? message : "\(message); \(advice)" }
}

extension InstallationFailure {
    /// Reads JSON.
    ///
    /// - Throws: ``InstallationFailure`` naming the file.
    static func parsing(_ octets: [UInt8], in file: String) throws(InstallationFailure) -> JSONValue {
        do throws(JSONValue.SyntaxError) {
            return try JSONValue(parsing: octets)
        } catch {
            throw InstallationFailure("\(file) is not JSON: \(error)")
        }
    }
}
