// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
internal import CNetlink
package import Linux

/// Kinds of links that end in one container, with what tells one such link from another.
///
/// ip-link(8), "TYPE".
package enum LinkKind: Hashable, Sendable {
    /// How the links upon one master see each other.
    package enum MACVLANMode: String, Hashable, Sendable, CaseIterable {
        case bridge
        case `private`
        case vepa
        case passthru

        /// `MACVLAN_MODE_*`.
        var number: UInt32 {
            switch self {
            case .private: 1
            case .vepa: 2
            case .bridge: 4
            case .passthru: 8
            }
        }
    }

    /// Where packets of links that share their master's hardware address are told apart.
    package enum IPVLANMode: String, Hashable, Sendable, CaseIterable {
        case l2
        case l3
        case l3s

        /// `IPVLAN_MODE_*`.
        var number: UInt16 {
            switch self {
            case .l2: 0
            case .l3: 1
            case .l3s: 2
            }
        }
    }

    /// Takes every packet and gives none.
    case dummy
    /// Frames of one VLAN of the master.
    ///
    /// IEEE 802.1Q.
    case vlan(UInt16)
    /// A hardware address of its own on the master; `queue` is the length of its queue of broadcasts, nil the kernel's.
    case macvlan(MACVLANMode, queue: UInt32?)
    /// Addresses of its own behind the master's hardware address.
    case ipvlan(IPVLANMode)
    /// A routing table for the links that are put into it.
    case vrf(table: UInt32)

    /// As the kernel and ip-link(8) call it.
    package var name: String {
        switch self {
        case .dummy: "dummy"
        case .vlan: "vlan"
        case .macvlan: "macvlan"
        case .ipvlan: "ipvlan"
        case .vrf: "vrf"
        }
    }

    /// What a kernel has to be built with.
    package var kernelOption: String { LinkKind.kernelOption(of: name) }

    /// The same of a kind by its name.
    package static func kernelOption(of kind: String) -> String {
        switch kind {
        case "dummy": "CONFIG_DUMMY"
        case "vlan": "CONFIG_VLAN_8021Q"
        case "macvlan": "CONFIG_MACVLAN"
        case "ipvlan": "CONFIG_IPVLAN"
        case "veth": "CONFIG_VETH"
        case "vrf": "CONFIG_NET_VRF"
        case "tun": "CONFIG_TUN"
        default: "support for \(kind)"
        }
    }

    fileprivate func put(into data: borrowing NetlinkMessage) {
        switch self {
        case .dummy: break
        case .vlan(let id): data.put(Int(IFLA_VLAN_ID), id)
        case .macvlan(let mode, let queue):
            data.put(Int(IFLA_MACVLAN_MODE), mode.number)
            if let queue { data.put(Int(IFLA_MACVLAN_BC_QUEUE_LEN), queue) }
        case .ipvlan(let mode): data.put(Int(IFLA_IPVLAN_MODE), mode.number)
        case .vrf(let table): data.put(Int(IFLA_VRF_TABLE), table)
        }
    }
}

extension NetlinkRequest {
    /// Makes a link, down, under its final name and in its final namespace.
    ///
    /// Like `ip link add link MASTER name NAME address ADDRESS mtu MTU netns … type KIND …`.
    ///
    /// `master`: the index of the link that it rests upon, in the namespace of who asks; nil for kinds without.
    /// `address`: nil leaves it to the kernel.
    /// `mtu`: in octets; 0 leaves it to the kernel.
    /// `namespace`: an open descriptor of another namespace to put it into; nil is the own.
    package static func addLink(
        _ name: String,
        _ kind: LinkKind,
        master: Int32? = nil,
        address: MACAddress? = nil,
        mtu: Int = 0,
        namespace: CInt? = nil
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(ifinfomsg())
        message.put(Int(IFLA_IFNAME), name)
        if let address { message.put(Int(IFLA_ADDRESS), octets: address.octets) }
        if mtu > 0 { message.put(Int(IFLA_MTU), UInt32(mtu)) }
        if let master { message.put(Int(IFLA_LINK), UInt32(bitPattern: master)) }
        if let namespace { message.put(Int(IFLA_NET_NS_FD), UInt32(bitPattern: namespace)) }
        message.nest(Int(IFLA_LINKINFO)) { info in
            info.put(Int(IFLA_INFO_KIND), kind.name)
            if kind != .dummy { info.nest(Int(IFLA_INFO_DATA)) { kind.put(into: $0) } }
        }
        return NetlinkRequest("add \(kind.name) \(name)", message)
    }

    /// Asks for a link that no kernel makes, for what it says about the kind.
    ///
    /// The address is that of many stations, and there is no master: `EOPNOTSUPP` means that the kind is unknown, any
    /// other refusal that it is not.
    static func impossibleLink(of kind: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(ifinfomsg())
        message.put(Int(IFLA_ADDRESS), octets: [0x01, 0, 0, 0, 0, 0])
        message.nest(Int(IFLA_LINKINFO)) { $0.put(Int(IFLA_INFO_KIND), kind) }
        return NetlinkRequest("look for links of kind \(kind)", message)
    }
}

extension NetlinkSocket {
    /// Makes sure that the kernel has links of a kind, which may load a module for it; makes nothing.
    ///
    /// - Throws: ``KernelError``; `EOPNOTSUPP`, saying what is missing, when it has none.
    package func require(kind: String) throws(KernelError) {
        let request = NetlinkRequest.impossibleLink(of: kind)
        do throws(KernelError) {
            try execute(request)
        } catch {
            if error.errno == .notSupported { throw error.naming(kind: kind) }
            // Without the right to make links nobody can tell.
            if error.errno == .notPermitted { throw error }
        }
    }

    /// Makes a link as ``NetlinkRequest/addLink(_:_:master:address:mtu:namespace:)`` says, in the socket's namespace.
    ///
    /// - Returns: the link; nil from kernels before 6.2, which do not tell.
    /// - Throws: ``KernelError``; `EOPNOTSUPP`, saying what is missing, when the kernel has no such links.
    package func makeLink(
        _ name: String,
        _ kind: LinkKind,
        master: Int32?,
        address: MACAddress?,
        mtu: Int
    ) throws(KernelError) -> Link? {
        do throws(KernelError) {
            return try make(.addLink(name, kind, master: master, address: address, mtu: mtu))
        } catch {
            throw error.errno == .notSupported ? error.naming(kind: kind.name) : error
        }
    }

    /// The same in another namespace, which the kernel does not tell of.
    ///
    /// - Throws: ``KernelError``, as ``makeLink(_:_:master:address:mtu:)``.
    package func makeLink(
        abroad name: String,
        _ kind: LinkKind,
        master: Int32,
        address: MACAddress?,
        mtu: Int,
        namespace: CInt
    ) throws(KernelError) {
        do throws(KernelError) {
            let request = NetlinkRequest.addLink(
                name,
                kind,
                master: master,
                address: address,
                mtu: mtu,
                namespace: namespace
            )
            try execute(request)
        } catch {
            throw error.errno == .notSupported ? error.naming(kind: kind.name) : error
        }
    }
}

extension KernelError {
    /// The same refusal with what the kernel lacks.
    fileprivate func naming(kind: String) -> KernelError {
        let option = LinkKind.kernelOption(of: kind)
        let missing = "this kernel has no links of kind \(kind): it needs \(option), built in or as a module"
        return KernelError(operation, errno, explanation: missing)
    }
}
