// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink

/// Two virtual Ethernet links, what enters one leaves the other: one on the host, one in a container.
///
/// veth(4).
package struct VethPair: Hashable, Sendable {
    /// One end of the pair.
    package struct End: Hashable, Sendable {
        package let name: String
        package let address: MACAddress

        package init(name: String, address: MACAddress) {
            self.name = name
            self.address = address
        }
    }

    package let host: End
    package let container: End
    /// Of both ends, in octets; 0 leaves it to the kernel.
    package let mtu: Int

    package init(host: End, container: End, mtu: Int) {
        self.host = host
        self.container = container
        self.mtu = mtu
    }
}

extension NetlinkRequest {
    /// Makes the pair in one message: the host's end is up and a port of the bridge, the container's end is down and
    /// already abroad.
    ///
    /// Like `ip link add … type veth peer …`, but also `master`, `up` and the peer's `netns`.
    ///
    /// `bridge`: the index of the host end's bridge; nil leaves it alone.
    /// `namespace`: an open descriptor of the container's namespace.
    /// `isUp`: whether the host's end is up at once.
    package static func addVethPair(
        _ pair: VethPair,
        bridge: Int32?,
        namespace: CInt,
        isUp: Bool = true
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        let up = UInt32(IFF_UP)
        message.append(ifinfomsg(flags: isUp ? up : 0, change: isUp ? up : 0))
        message.put(pair.host, mtu: pair.mtu)
        if let bridge { message.put(Int(IFLA_MASTER), UInt32(bitPattern: bridge)) }
        message.nest(Int(IFLA_LINKINFO)) { info in
            info.put(Int(IFLA_INFO_KIND), "veth")
            info.nest(Int(IFLA_INFO_DATA)) { data in
                data.nest(Int(VETH_INFO_PEER)) { peer in
                    peer.append(ifinfomsg())
                    peer.put(pair.container, mtu: pair.mtu)
                    peer.put(Int(IFLA_NET_NS_FD), UInt32(bitPattern: namespace))
                }
            }
        }
        return NetlinkRequest("add veth \(pair.host.name) with peer \(pair.container.name)", message)
    }

    /// Makes a pair with both ends here: the container's end is up and a port of the bridge, the host's end is down.
    ///
    /// The port has to be the link the message is about: of a peer the kernel takes no master, and it cannot bring it
    /// up before the pair is complete.
    /// `isUp`: whether the port is up at once.
    package static func addVethPair(here pair: VethPair, bridge: Int32, isUp: Bool = true) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        let up = UInt32(IFF_UP)
        message.append(ifinfomsg(flags: isUp ? up : 0, change: isUp ? up : 0))
        message.put(pair.container, mtu: pair.mtu)
        message.put(Int(IFLA_MASTER), UInt32(bitPattern: bridge))
        message.nest(Int(IFLA_LINKINFO)) { info in
            info.put(Int(IFLA_INFO_KIND), "veth")
            info.nest(Int(IFLA_INFO_DATA)) { data in
                data.nest(Int(VETH_INFO_PEER)) { peer in
                    peer.append(ifinfomsg())
                    peer.put(pair.host, mtu: pair.mtu)
                }
            }
        }
        return NetlinkRequest("add veth \(pair.host.name) with peer \(pair.container.name)", message)
    }
}

extension NetlinkMessage {
    fileprivate func put(_ end: VethPair.End, mtu: Int) {
        put(Int(IFLA_IFNAME), end.name)
        put(Int(IFLA_ADDRESS), octets: end.address.octets)
        // All that is used of them. Left to itself the kernel (from 5.15 on) makes one for each processor, switches all
        // but one off, and waits for every processor to have seen that: 0.1 ms and more, for each end.
        put(Int(IFLA_NUM_TX_QUEUES), UInt32(1))
        put(Int(IFLA_NUM_RX_QUEUES), UInt32(1))
        if mtu > 0 { put(Int(IFLA_MTU), UInt32(mtu)) }
    }
}
