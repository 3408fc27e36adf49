// SPDX-License-Identifier: Apache-2.0
package import FastPath
package import Linux

/// The ports of bridges that cannot tell VLANs apart, where programs at their ports do.
package struct GuardedPorts: Sendable {
    /// The ports at which the programs are.
    package let kept: Set<Int32>
    /// Those at which programs of ours are that do not tell: of a former version, or the caller may not ask.
    package let untold: Set<Int32>
    /// The bridges that have such ports.
    package let bridges: Set<Int32>
    /// What each port of these bridges is kept to, but for the untold; one at which no programs are is in all VLANs.
    package let vlans: [Int32: FastPathGuard]

    /// Looks at ports of the calling thread's namespace, and changes nothing.
    ///
    /// - Parameter masters: the bridge of each port.
    /// - Throws: ``KernelError``.
    package init(_ masters: [Int32: Int32]) throws(KernelError) {
        var known: [Int32: FastPathGuard] = [:]
        var untold: Set<Int32> = []
        let guards = try VLANGuards.existing()
        for port in masters.keys {
            let link = UInt32(bitPattern: port)
            do throws(KernelError) {
                if try guards?.areAttached(to: link) == true {
                    // Of which nothing is known, that passes nothing.
                    known[port] = try guards?.vlans(of: link) ?? FastPathGuard(native: 0, members: [], untagged: [])
                } else if try VLANGuards.areSomeAttached(to: link) {
                    untold.insert(port)
                }
            } catch {
                // Gone since it was listed.
                guard error.errno == .noSuchDevice else { throw error }
            }
        }
        self.init(masters, known, untold: untold)
    }

    /// - Parameters:
    ///   - masters: the bridge of each port.
    ///   - known: what the ports are kept to at which the programs are.
    ///   - untold: the ports at which programs are that do not tell.
    package init(_ masters: [Int32: Int32], _ known: [Int32: FastPathGuard], untold: Set<Int32> = []) {
        let bridges = Set((Array(known.keys) + untold).compactMap { masters[$0] })
        kept = Set(known.keys)
        self.untold = untold
        self.bridges = bridges
        vlans = masters.filter { bridges.contains($0.value) && !untold.contains($0.key) }
            .reduce(into: [:]) { $0[$1.key] = known[$1.key] ?? FastPathGuard.trunk }
    }
}

extension FastPathGuard {
    /// All VLANs, and the default one without a tag: of a port that nobody keeps to any, and of the bridge itself.
    package static var trunk: FastPathGuard { FastPathGuard(native: 1, members: [1...4094], untagged: [1...1]) }
}
