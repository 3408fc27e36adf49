// SPDX-License-Identifier: Apache-2.0
internal import DHCP
package import Linux
internal import Netlink
internal import Wiring

extension DHCPLeaseRecord {
    /// Tells the server that the address is free, without a daemon.
    ///
    /// `namespacePath`: where the interface is; what has gone meanwhile cannot say anything any more, and the server
    /// waits until the lease ends.
    /// - Returns: whether the server was told.
    /// - Throws: ``KernelError``.
    package func release(through namespacePath: String) throws(KernelError) -> Bool {
        let seed = try Machine.randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
        let patience = DHCPClient.Patience(answer: 0, longestPause: 0, wantsBroadcast: false)
        guard var client = try? client(patience: patience, seed: seed) else { return false }
        let now = Machine.bootNanoseconds
        if let end = client.expiresAt, end <= now { return false }
        let container: NetworkNamespace
        do throws(KernelError) {
            container = try NetworkNamespace(path: namespacePath)
        } catch {
            guard error.isMissingNamespace else { throw error }
            return false
        }
        guard "\(container.identity)" == namespaceIdentity else { return false }
        let name = order.key.interfaceName
        var isTold = false
        try container.run(from: NetworkNamespace.current()) { () throws(KernelError) in
            guard let link = try NetlinkSocket().link(named: name), link.address == hardware else { return }
            let packets = try LinkPackets(order.family, of: link.index, named: name)
            for case .send(let message, .server(let server)) in client.handle(.release, at: now) {
                try packets.send(message, to: server, neighbour: serverHardware)
                isTold = true
            }
        }
        return isTold
    }
}
