// SPDX-License-Identifier: Apache-2.0
package import CNI
package import Linux
package import Wiring

extension CNIError {
    /// A refusal of the kernel, in a runtime's terms.
    ///
    /// `code`: for everything but a lock that somebody else holds (11, try again later).
    /// `intention`: what was to be done, such as `cannot connect container c1 to bridge cni0`.
    package init(_ code: Code, _ intention: String, _ error: KernelError) {
        if error.errno == .restart {
            self.init(.tryAgainLater, intention, details: "\(error): others keep changing it; try again later")
            return
        }
        guard error.errno == .wouldBlock else {
            self.init(code, intention, details: "\(error)")
            return
        }
        self.init(.tryAgainLater, intention, details: "\(error): another process holds the lock; try again later")
    }

    /// A plan that was not carried out.
    package init(_ code: Code, _ intention: String, _ failure: PlanFailure) {
        self.init(code, intention, details: "\(failure)")
    }

    /// The same error, with more details behind its own.
    package func adding(_ detail: String) -> CNIError {
        let all = details.isEmpty ? detail : "\(details); \(detail)"
        return CNIError(Code(rawValue: code), message, details: all)
    }
}

/// Runs what may be refused by the kernel, and says a refusal in a runtime's terms.
///
/// `intention`: what is to be done, such as `cannot lease addresses in /var/lib/cni/networks/blue`.
/// `code`: for everything but a lock that somebody else holds.
package func translating<Value: ~Copyable>(
    _ intention: @autoclosure () -> String,
    _ code: CNIError.Code = .kernelRefused,
    _ body: () throws(KernelError) -> Value
) throws(CNIError) -> Value {
    do throws(KernelError) {
        return try body()
    } catch {
        throw CNIError(code, intention(), error)
    }
}
