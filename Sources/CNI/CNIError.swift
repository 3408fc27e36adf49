// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What a plugin prints when it fails (CNI 1.1.0, section 5, "Error").
package struct CNIError: Error, Hashable, Sendable {
    /// One of `Code`, or whatever a delegate answered.
    package let code: Int
    /// One sentence for the operator, naming the thing and the value.
    package let message: String
    /// Further facts, possibly empty.
    package let details: String

    package init(_ code: Code, _ message: String, details: String = "") {
        self.code = code.rawValue
        self.message = message
        self.details = details
    }

    /// The error object for stdout.
    ///
    /// The reference leaves `cniVersion` out although the specification asks for it; clients read the other members.
    ///
    /// - Parameter version: The configuration's version as it was written; empty when it is not known.
    /// - Returns: An object with `cniVersion`, `code`, `msg` and `details`, without those that are empty.
    package func json(version: String) -> JSONValue {
        var object = JSONObject()
        object[exact: "cniVersion"] = version.isEmpty ? nil : .string(version)
        object[exact: "code"] = .integer(Int64(code))
        object[exact: "msg"] = .string(message)
        object[exact: "details"] = details.isEmpty ? nil : .string(details)
        return .object(object)
    }
}

extension CNIError: CustomStringConvertible {
    package var description: String {
        details.isEmpty ? message : "\(message): \(details)"
    }
}

extension CNIError {
    /// The meaning of an error for programs: below 100 as the specification and libcni say, from 100 on ours.
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) {
            self.rawValue = rawValue
        }

        /// The configuration asks for a version of the specification that the plugin does not speak.
        package static let incompatibleVersion = Code(rawValue: 1)
        /// The message names the key and the value that are not supported.
        package static let unsupportedField = Code(rawValue: 2)
        /// The container does not exist; the runtime need not send DEL.
        package static let unknownContainer = Code(rawValue: 3)
        /// The message names the CNI_* variables that are missing or wrong.
        package static let invalidEnvironment = Code(rawValue: 4)
        /// Reading stdin or the like failed.
        package static let inputOutput = Code(rawValue: 5)
        /// The input is not JSON, or not of the types it should be.
        package static let decoding = Code(rawValue: 6)
        /// The configuration can be read but not accepted.
        package static let invalidConfiguration = Code(rawValue: 7)
        /// The network namespace is missing, is none, or is the plugin's own (libcni's, not in the specification).
        package static let invalidNamespace = Code(rawValue: 8)
        /// The runtime should send the same request once more, later.
        package static let tryAgainLater = Code(rawValue: 11)
        /// STATUS: ADD cannot be served.
        package static let unavailable = Code(rawValue: 50)
        /// STATUS: ADD cannot be served, and what is connected may be limited too.
        package static let limitedConnectivity = Code(rawValue: 51)
        /// The kernel refused a change.
        package static let kernelRefused = Code(rawValue: 100)
        /// The container already has an interface of this name.
        package static let interfaceExists = Code(rawValue: 101)
        /// An address is in the way of another one.
        package static let addressConflict = Code(rawValue: 102)
        /// The pool has no free address.
        package static let addressesExhausted = Code(rawValue: 103)
        /// The address asked for is taken, or no pool holds it.
        package static let addressUnavailable = Code(rawValue: 104)
        /// CHECK found a difference between what was made and what is there.
        package static let verificationFailed = Code(rawValue: 105)
        /// The lease directory cannot be read or written.
        package static let storeUnusable = Code(rawValue: 106)
        /// A delegated plugin could not be started or made no sense.
        package static let delegateFailed = Code(rawValue: 107)
        /// A port of the host is somebody else's already.
        package static let portTaken = Code(rawValue: 108)
        /// None of the others; libcni's code for errors without one.
        package static let `internal` = Code(rawValue: 999)
    }
}

extension CNIError {
    /// The configuration, the result or something else on the way in has a value of the wrong type.
    package init(_ error: JSONTypeError, in document: String) {
        self.init(.decoding, "cannot decode the \(document)", details: error.description)
    }
}
