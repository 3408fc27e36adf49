// SPDX-License-Identifier: Apache-2.0
package import FastPath
package import Linux

/// The ports of bridges that cannot tell VLANs apart, where programs at their ports do.
package struct GuardedPorts: Sendable {
    /// The ports at which the programs are.
    package let kept: Set<Int32>
    /// The bridges that have such ports.
    package let bridges: Set<Int32>
    /// What each port of these bridges is kept to; one at which no programs are is in all VLANs.
    package let vlans: [Int32: FastPathGuard]

    /// Looks at ports of the calling thread's namespace, and changes nothing.
    ///
    /// - Parameter masters: the bridge of each port.
    /// - Throws: ``KernelError``.
    package init(_ masters: [Int32: Int32]) throws(KernelError) {
        var known: [Int32: FastPathGuard] = [:]
        if let guards = try VLANGuards.existing() {
            for port in masters.keys {
                let link = UInt32(bitPattern: port)
                do throws(KernelError) {
                    guard try guards.areAttached(to: link) else { continue }
                    // Of which nothing is known, that passes nothing.
                    known[port] = try guards.vlans(of: link) ?? FastPathGuard(native: 0, members: [], untagged: [])
                } catch {
                    // Gone since it was listed.
                    guard error.errno == .noSuchDevice else { throw error }
                }
            }
        }
        self.init(masters, known)
    }

    /// - Parameters:
    ///   - masters: the bridge of each port.
    ///   - known: what the ports are kept to at which the programs are.
    package init(_ masters: [Int32: Int32], _ known: [Int32: FastPathGuard]) {
        let bridges = Set(known.keys.compactMap { masters[$0] })
        kept = Set(known.keys)
        self.bridges = bridges
        vlans = masters.filter { bridges.contains($0.value) }
            .reduce(into: [:]) { $0[$1.key] = known[$1.key] ?? FastPathGuard.trunk }
    }
}

extension FastPathGuard {
    /// All VLANs, and the default one without a tag: of a port that nobody keeps to any, and of the bridge itself.
    package static var trunk: FastPathGuard { FastPathGuard(native: 1, members: [1...4094], untagged: [1...1]) }
}
