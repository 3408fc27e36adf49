// SPDX-License-Identifier: Apache-2.0
package import Linux

/// Why firewalld did not do what it was asked for.
package enum FirewalldError: Error, Equatable, Sendable {
    /// The bus could not be reached, or did not answer in time (`ETIMEDOUT`).
    case unreachable(KernelError)
    /// What came from the bus is not D-Bus, or no answer to the question.
    case malformed(String)
    /// firewalld, or the bus in its place, said no.
    ///
    /// `name`: the D-Bus name of the error.
    /// `code`: firewalld's own, such as `INVALID_ZONE`; empty for errors of others.
    /// `message`: all of the text, the code included.
    case refused(name: String, code: String, message: String)
}

extension FirewalldError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let error): "\(error)"
        case .malformed(let what): "unexpected answer on the system bus: \(what)"
        case .refused(let name, _, let message): message.isEmpty ? name : "\(message) (\(name))"
        }
    }

    /// The same for those that know only refusals of the kernel.
    package var kernelError: KernelError {
        switch self {
        case .unreachable(let error): error
        case .malformed: KernelError("ask firewalld", .invalidArgument, explanation: description)
        case .refused: KernelError("ask firewalld", .permissionDenied, explanation: description)
        }
    }
}
