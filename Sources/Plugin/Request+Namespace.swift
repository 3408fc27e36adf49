// SPDX-License-Identifier: Apache-2.0
package import CNI
package import Linux

extension Request {
    /// What tells the container's namespace from any other, without opening it; empty when it cannot be told.
    ///
    /// Whose namespace cannot be looked at is never taken for dead.
    package var namespaceIdentity: String {
        do throws(KernelError) {
            return try FileStatus.of(invocation.namespacePath).map { "\($0.identity)" } ?? ""
        } catch {
            return ""
        }
    }

    /// Opens the container's network namespace.
    ///
    /// - Throws: ``CNIError``, code 4, when CNI_NETNS is no namespace.
    package func openNamespace() throws(CNIError) -> NetworkNamespace {
        let path = invocation.namespacePath
        do throws(KernelError) {
            return try NetworkNamespace(path: path)
        } catch {
            throw CNIError(
                .invalidEnvironment,
                "failed to open netns \"\(path)\"",
                details: "\(error); CNI_NETNS must be the path of a network namespace, such as /run/netns/NAME"
            )
        }
    }
}
