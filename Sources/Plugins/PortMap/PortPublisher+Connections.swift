// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Linux
internal import Netlink
internal import PacketFilter

extension PortPublisher {
    /// Makes the kernel forget connections of UDP that would go on as before: past the container when its ports are
    /// new, to a container that is gone when they are not.
    ///
    /// TCP ends by itself; a datagram's sender never learns.
    func forgetConnections(_ forwards: [Forward], isOver: Bool) throws(KernelError) {
        let forwards = forwards.filter { $0.transport == .udp }
        guard !forwards.isEmpty else { return }
        let filter = try PacketFilterSocket()
        let routes = try NetlinkSocket()
        var stale: [TrackedConnection] = []
        for connection in try filter.connections(of: .udp) {
            let original = connection.original
            for forward in forwards where forward.family == original.destination.family {
                var isStale = false
                if forward.hostPort == original.destinationPort {
                    // Who asks a port of that number of somebody else, through this host, is none of our business.
                    if let address = forward.hostAddress {
                        isStale = address == original.destination
                    } else {
                        isStale = try routes.isLocal(original.destination)
                    }
                }
                let isAnsweredByUs =
                    forward.target == connection.reply.source && forward.containerPort == connection.reply.sourcePort
                guard isStale || isOver && isAnsweredByUs else { continue }
                stale.append(connection)
                break
            }
        }
        try filter.forget(stale)
    }
}
