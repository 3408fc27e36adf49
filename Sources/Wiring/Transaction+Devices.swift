// SPDX-License-Identifier: Apache-2.0
internal import Linux
internal import Netlink

// Devices of the host in containers.
extension Transaction {
    mutating func make(_ move: DeviceMove) throws(KernelError) {
        let (index, name) = (move.index, move.currentName)
        // Marked before it goes: wherever it gets stuck, it is found.
        try host.execute([
            .setAlias(move.device.name, link: index, name: name),
            .move(link: index, name: name, to: container.rawDescriptor, as: move.name),
        ])
        guard let found = try inside.link(named: move.name) else {
            throw KernelError("find link \(move.name)", .noSuchDevice)
        }
        containerLink = found
        containerIndex = found.index
    }

    static func moveHome(
        _ move: DeviceMove,
        on host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(KernelError) {
        var warnings: [String] = []
        let home = try host.namespace()
        try move.device.moveHome(from: inside, called: move.name, to: home)
        try move.device.restore(on: host, &warnings)
        for warning in warnings { Machine.log("culvert: \(warning)") }
    }
}
