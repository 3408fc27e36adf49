// SPDX-License-Identifier: Apache-2.0
import Addressing
import FastPath
import Linux
import Netlink

/// Puts ports of a bridge on the shortcut: `shortcut-bench BRIDGE PORT=ADDRESS...`, with the containers' addresses.
@main
enum ShortcutBench {
    static func main() throws {
        let arguments = Machine.arguments.dropFirst()
        let host = try NetlinkSocket()
        let begin = Machine.bootNanoseconds
        let fastPath = try FastPath()
        let opened = Machine.bootNanoseconds
        guard let name = arguments.first, let bridge = try host.link(named: name) else {
            throw KernelError("find bridge", .noSuchDevice)
        }
        var attaching: Int64 = 0
        for argument in arguments.dropFirst() {
            let parts = argument.split(separator: "=")
            guard parts.count == 2, let address = MACAddress(String(parts[1])),
                let link = try host.link(named: String(parts[0]))
            else { throw KernelError("understand \(argument)", .invalidArgument) }
            // As the plugin says it where br_netfilter asks no rules of IP.
            let port = FastPathPort(
                link: UInt32(link.index),
                bridge: UInt32(bridge.index),
                address: address,
                ignoresFilterOfIP: true
            )
            let before = Machine.bootNanoseconds
            try fastPath.setPort(port)
            try fastPath.addStation(FastPathStation(port))
            try fastPath.attach(to: port.link)
            attaching = Machine.bootNanoseconds - before
        }
        print("opened in \((opened - begin) / 1000) us, last port in \(attaching / 1000) us")
    }
}
