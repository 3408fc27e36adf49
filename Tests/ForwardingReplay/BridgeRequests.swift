// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNetlink
import Forwarding
import Linux
import Netlink

/// What is said to the kernel's bridge and to its ports; links by their indices, which are chosen here.
enum BridgeRequests {
    /// Two ends of a pair, both here, both up.
    static func addPair(_ name: (String, String), _ index: (Int32, Int32), _ address: MACAddress) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(header(index.0, isUp: true))
        message.put(Int(IFLA_IFNAME), name.0)
        message.put(Int(IFLA_ADDRESS), octets: address.octets)
        message.nest(Int(IFLA_LINKINFO)) { info in
            info.put(Int(IFLA_INFO_KIND), "veth")
            info.nest(Int(IFLA_INFO_DATA)) { data in
                data.nest(Int(VETH_INFO_PEER)) { peer in
                    peer.append(header(index.1))
                    peer.put(Int(IFLA_IFNAME), name.1)
                }
            }
        }
        return NetlinkRequest("add veth \(name.0) with peer \(name.1)", message)
    }

    static func addBridge(_ name: String, _ index: Int32, _ scene: Scene) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(header(index, isUp: true))
        message.put(Int(IFLA_IFNAME), name)
        message.put(Int(IFLA_ADDRESS), octets: Scene.bridgeAddress.octets)
        message.nest(Int(IFLA_LINKINFO)) { info in
            info.put(Int(IFLA_INFO_KIND), "bridge")
            info.nest(Int(IFLA_INFO_DATA)) { data in
                data.put(Int(IFLA_BR_MCAST_SNOOPING), 0 as UInt8)
                if scene.forwardedGroups != 0 { data.put(Int(IFLA_BR_GROUP_FWD_MASK), scene.forwardedGroups) }
                guard scene.knowsVLANs else { return }
                data.put(Int(IFLA_BR_VLAN_FILTERING), 1 as UInt8)
                data.put(Int(IFLA_BR_VLAN_PROTOCOL), scene.tagProtocol.bigEndian)
            }
        }
        return NetlinkRequest("add bridge \(name)", message)
    }

    static func remove(_ index: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_DELLINK)
        message.append(header(index))
        return NetlinkRequest("remove link \(index)", message)
    }

    static func setUp(_ isUp: Bool, _ index: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(header(index, isUp: isUp, changesUp: true))
        return NetlinkRequest("set link \(index) up=\(isUp)", message)
    }

    /// How long what is learned stays, in hundredths of a second.
    static func setAgeing(_ time: UInt32, _ bridge: Int32) -> NetlinkRequest {
        setBridge(bridge, "set the ageing time to \(time)") { $0.put(Int(IFLA_BR_AGEING_TIME), time) }
    }

    static func flush(_ bridge: Int32) -> NetlinkRequest {
        setBridge(bridge, "forget what was learned") { $0.put(Int(IFLA_BR_FDB_FLUSH), octets: []) }
    }

    private static func setBridge(
        _ index: Int32,
        _ operation: String,
        _ body: (borrowing NetlinkMessage) -> Void
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK)
        message.append(header(index))
        message.nest(Int(IFLA_LINKINFO)) { info in
            info.put(Int(IFLA_INFO_KIND), "bridge")
            info.nest(Int(IFLA_INFO_DATA), body)
        }
        return NetlinkRequest(operation, message)
    }

    /// What was learned at a port that is disabled is forgotten, as whoever speaks the spanning tree protocol has to see
    /// to (IEEE 802.1D, 17.11).
    static func setSpanningTree(_ state: SpanningTreeState, _ port: Int32) -> NetlinkRequest {
        setPort(port, "set the state of port \(port) to \(state)") { attributes in
            let number =
                switch state {
                case .disabled: BR_STATE_DISABLED
                case .blocking: BR_STATE_BLOCKING
                case .listening: BR_STATE_LISTENING
                case .learning: BR_STATE_LEARNING
                case .forwarding: BR_STATE_FORWARDING
                }
            attributes.put(Int(IFLA_BRPORT_STATE), UInt8(number))
            if state == .disabled { attributes.put(Int(IFLA_BRPORT_FLUSH), octets: []) }
        }
    }

    static func set(_ flag: PortFlag, _ isOn: Bool, _ port: Int32) -> NetlinkRequest {
        setPort(port, "set \(flag) of port \(port) to \(isOn)") { attributes in
            let attribute =
                switch flag {
                case .learning: IFLA_BRPORT_LEARNING
                case .floodsUnknown: IFLA_BRPORT_UNICAST_FLOOD
                case .floodsMulticast: IFLA_BRPORT_MCAST_FLOOD
                case .floodsBroadcast: IFLA_BRPORT_BCAST_FLOOD
                case .isolated: IFLA_BRPORT_ISOLATED
                case .hairpin: IFLA_BRPORT_MODE
                case .locked: IFLA_BRPORT_LOCKED
                }
            attributes.put(Int(attribute), UInt8(isOn ? 1 : 0))
        }
    }

    private static func setPort(
        _ index: Int32,
        _ operation: String,
        _ body: (borrowing NetlinkMessage) -> Void
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(header(index, family: AF_BRIDGE))
        message.nest(Int(IFLA_PROTINFO) | Int(NLA_F_NESTED), body)
        return NetlinkRequest(operation, message)
    }

    static func addVLAN(_ vlan: PortVLAN, _ index: Int32, isBridge: Bool) -> NetlinkRequest {
        var flags: Int32 = 0
        if vlan.isNative { flags |= BRIDGE_VLAN_INFO_PVID }
        if vlan.isUntagged { flags |= BRIDGE_VLAN_INFO_UNTAGGED }
        return changeVLAN(RTM_SETLINK, vlan.number, flags, index, isBridge)
    }

    static func removeVLAN(_ vlan: UInt16, _ index: Int32, isBridge: Bool) -> NetlinkRequest {
        changeVLAN(RTM_DELLINK, vlan, 0, index, isBridge)
    }

    private static func changeVLAN(
        _ type: Int,
        _ vlan: UInt16,
        _ flags: Int32,
        _ index: Int32,
        _ isBridge: Bool
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: type)
        message.append(header(index, family: AF_BRIDGE))
        message.nest(Int(IFLA_AF_SPEC) | Int(NLA_F_NESTED)) { families in
            if isBridge { families.put(Int(IFLA_BRIDGE_FLAGS), UInt16(BRIDGE_FLAGS_SELF)) }
            let information = bridge_vlan_info(flags: UInt16(flags), vid: vlan)
            families.put(Int(IFLA_BRIDGE_VLAN_INFO), octets: withUnsafeBytes(of: information) { Array($0) })
        }
        return NetlinkRequest("change VLAN \(vlan) of link \(index)", message)
    }

    /// One that stays where it is, whoever speaks in its name: in Linux a static one alone would move (`sticky`).
    static func addStation(_ address: MACAddress, _ vlan: UInt16, _ port: Int32) -> NetlinkRequest {
        station(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, address, vlan, port)
    }

    static func removeStation(_ address: MACAddress, _ vlan: UInt16, _ port: Int32) -> NetlinkRequest {
        station(RTM_DELNEIGH, 0, address, vlan, port)
    }

    private static func station(
        _ type: Int,
        _ flags: Int32,
        _ address: MACAddress,
        _ vlan: UInt16,
        _ port: Int32
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: type, flags: flags)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_BRIDGE)
        header.ndm_ifindex = port
        header.ndm_state = UInt16(NUD_NOARP)
        header.ndm_flags = UInt8(NTF_MASTER) | (type == RTM_NEWNEIGH ? UInt8(NTF_STICKY) : 0)
        message.append(header)
        message.put(Int(NDA_LLADDR), octets: address.octets)
        if vlan != 0 { message.put(Int(NDA_VLAN), vlan) }
        return NetlinkRequest("change station \(address) in VLAN \(vlan) at port \(port)", message)
    }

    static func stations(_ bridge: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_GETNEIGH, flags: NLM_F_DUMP)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_BRIDGE)
        message.append(header)
        message.put(Int(NDA_MASTER), UInt32(bitPattern: bridge))
        return NetlinkRequest("list the stations of link \(bridge)", message)
    }

    static func port(_ index: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_GETLINK)
        message.append(header(index))
        return NetlinkRequest("find link \(index)", message)
    }

    private static func header(
        _ index: Int32,
        family: Int32 = AF_UNSPEC,
        isUp: Bool = false,
        changesUp: Bool = false
    ) -> ifinfomsg {
        var header = ifinfomsg()
        header.ifi_family = UInt8(family)
        header.ifi_index = index
        header.ifi_flags = isUp ? UInt32(IFF_UP) : 0
        header.ifi_change = isUp || changesUp ? UInt32(IFF_UP) : 0
        return header
    }
}
