// SPDX-License-Identifier: Apache-2.0
package import CNI

extension Request {
    /// Whether an interface of a result is the one this call is about: CNI_IFNAME inside the container.
    ///
    /// A link of the host may bear the same name, so the sandbox decides; if the result names this sandbox nowhere (the
    /// runtime may know the namespace by several paths), any sandbox will do, and without one the name.
    package func concerns(_ interface: AddResult.Interface, of result: AddResult) -> Bool {
        guard interface.name == invocation.interfaceName else { return false }
        let namesakes = result.interfaces.filter { $0.name == invocation.interfaceName }
        if namesakes.contains(where: { $0.sandbox == invocation.namespacePath }) {
            return interface.sandbox == invocation.namespacePath
        }
        return !interface.sandbox.isEmpty || namesakes.allSatisfy { $0.sandbox.isEmpty }
    }
}
