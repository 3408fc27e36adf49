// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux
internal import Netlink
package import Plugin
package import Pools

extension SafeRemedy {
    /// Puts it right.
    ///
    /// - Parameters:
    ///   - networks: those whose leases may be collected.
    ///   - settings: where records and the index are.
    /// - Returns: what was done, in words; nil when somebody else has to do it.
    /// - Throws: ``PoolFailure``; then nothing has changed.
    package func apply(_ networks: [PoolNetwork], _ settings: Settings) throws(PoolFailure) -> String? {
        do throws(KernelError) {
            switch self {
            case .setting(let name, let value):
                try Sysctl(name).write(value)
                return "set net/\(name)=\(value)"
            case .linkUp(let index, let name):
                try NetlinkSocket().execute(.setUp(true, link: index, name: name))
                return "set link \(name) up"
            case .address(let address, let index, let link):
                try NetlinkSocket().execute(.addAddress(address, to: index, name: link))
                return "added address \(address) to \(link)"
            case .executable(let path):
                guard path.withCString({ chmod($0, 0o755) }) == 0 else { throw KernelError("chmod \(path)", .current) }
                return "made \(path) executable"
            case .collect, .reload: break
            }
        } catch {
            throw PoolFailure(error, intention: "cannot put it right")
        }
        guard case .collect(let directory) = self,
            let network = networks.first(where: { $0.directory == directory }),
            let facts = try network.facts(settings)
        else { return nil }
        // Who only seems to be dead is given another minute.
        let done = try network.collectGarbage(facts, settings).filter { $0.kind != .suspect }
        guard !done.isEmpty else {
            return "nothing of network \(network.name) is provably dead yet: try again in a minute"
        }
        let words = done.map { action in action.kind.rawValue + (action.address.map { " \($0)" } ?? "") }
        return "collected garbage of network \(network.name): \(words.joined(separator: ", "))"
    }
}
