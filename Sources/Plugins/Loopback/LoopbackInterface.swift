// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin

/// The interface `lo` of one container.
struct LoopbackInterface {
    private static let name = "lo"
    private let request: Request

    init(_ request: Request) {
        self.request = request
    }

    /// Up, with the loopback addresses the kernel gives it.
    func raise() throws(CNIError) -> AddResult {
        let before = try inContainer("look at the loopback interface") { socket, link throws(KernelError) in
            try socket.addresses(ofLink: link.index)
        }
        if let stranger = before.first(where: { !$0.address.address.isLoopback }) {
            throw CNIError(
                .verificationFailed,
                "loopback interface has address \(stranger.address), which is not a loopback address",
                details: "in \(request.invocation.namespacePath); remove it there"
            )
        }
        let (addresses, mac) = try inContainer("bring the loopback interface up") { socket, link throws(KernelError) in
            if !link.isUp { try socket.execute(.setUp(true, link: link.index, name: link.name)) }
            return (try socket.addresses(ofLink: link.index), link.address)
        }
        if let previous = request.configuration.previousResult { return previous }
        let families = [AddressFamily.v4, .v6]
        return AddResult(
            interfaces: [
                AddResult.Interface(
                    name: LoopbackInterface.name,
                    mac: "\(mac ?? MACAddress.zero)",
                    sandbox: request.invocation.namespacePath
                )
            ],
            ips: families.compactMap { family in
                addresses.first { $0.address.family == family }.map { first in
                    AddResult.IPConfiguration(address: first.address, interface: 0)
                }
            }
        )
    }

    func verify() throws(CNIError) {
        let isUp = try inContainer("look at the loopback interface") { _, link throws(KernelError) in link.isUp }
        guard isUp else {
            throw CNIError(
                .verificationFailed,
                "loopback interface is down",
                details: "in \(request.invocation.namespacePath)"
            )
        }
    }

    /// Down, if the container still has a network at all.
    func lower() throws(CNIError) {
        let path = request.invocation.namespacePath
        guard !path.isEmpty else { return }
        do throws(KernelError) {
            let home = try NetworkNamespace.current()
            let container: NetworkNamespace
            do throws(KernelError) {
                container = try NetworkNamespace(path: path)
            } catch {
                // Gone, or a plain file that a lost mount left behind: nothing to lower.
                guard error.isMissingNamespace else { throw error }
                return
            }
            let socket = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
            guard let link = try socket.link(named: LoopbackInterface.name), link.isUp else { return }
            try socket.execute(.setUp(false, link: link.index, name: link.name))
        } catch {
            throw CNIError(.kernelRefused, "cannot bring the loopback interface down", error)
        }
    }

    private func inContainer<Value>(
        _ intention: String,
        _ body: (borrowing NetlinkSocket, Link) throws(KernelError) -> Value
    ) throws(CNIError) -> Value {
        let container = try request.openNamespace()
        do throws(KernelError) {
            let home = try NetworkNamespace.current()
            let socket = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
            guard let link = try socket.link(named: LoopbackInterface.name) else {
                throw KernelError("find link lo", .noSuchDevice)
            }
            return try body(socket, link)
        } catch {
            throw CNIError(.kernelRefused, "cannot \(intention)", error)
        }
    }
}
