// SPDX-License-Identifier: Apache-2.0
import Addressing
import FastPath
import Linux
import Netlink

/// Puts ports of a bridge on the shortcut: `shortcut-bench [vlan=N [bridge]] BRIDGE PORT=ADDRESS...`, with the containers'
/// addresses.
///
/// With a VLAN, programs keep the ports to it; with `bridge` they do no more than that.
@main
enum ShortcutBench {
    static func main() throws {
        var arguments = Machine.arguments.dropFirst()
        var vlan: UInt16 = 0
        if let first = arguments.first, first.hasPrefix("vlan=") {
            vlan = UInt16(first.dropFirst(5)) ?? 0
            arguments.removeFirst()
        }
        let isKeptOnly = arguments.first == "bridge"
        if isKeptOnly { arguments.removeFirst() }
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
                vlan: vlan,
                address: address,
                ignoresFilterOfIP: true
            )
            let before = Machine.bootNanoseconds
            if vlan != 0 {
                let own = FastPathGuard(native: vlan, members: [vlan...vlan], untagged: [vlan...vlan])
                try VLANGuards(fastPath).keep(port.link, to: own)
            }
            if !isKeptOnly {
                try fastPath.setPort(port)
                try fastPath.addStation(FastPathStation(port))
            }
            if vlan == 0 { try fastPath.attach(to: port.link) }
            attaching = Machine.bootNanoseconds - before
        }
        print("opened in \((opened - begin) / 1000) us, last port in \(attaching / 1000) us")
    }
}
