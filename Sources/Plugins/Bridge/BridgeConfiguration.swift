// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Forwarding
internal import Interfaces
internal import JSON
internal import Plugin
internal import Wiring

/// What a network of type `bridge` says, parsed and validated completely.
struct BridgeConfiguration {
    let bridge: String
    /// The bridge carries the gateway's address and the host forwards.
    let isGateway: Bool
    /// The container gets a default route through the gateway.
    let isDefaultGateway: Bool
    /// A conflicting address of the bridge is replaced instead of refused.
    let forcesAddress: Bool
    let mtu: InterfaceMTU
    let isHairpin: Bool
    let isPromiscuous: Bool
    let isIsolated: Bool
    /// The VLAN of untagged frames; 0 is none.
    let vlan: UInt16
    /// VLANs whose frames carry their tag.
    let trunk: [ClosedRange<UInt16>]
    let keepsDefaultVLAN: Bool
    let detectsDuplicates: Bool
    let disablesContainerInterface: Bool
    let filters: InterfaceFilters
    /// Whether frames between containers may go past the bridge.
    let hasShortcut: Bool
    /// The container's address on the link; nil is a random one.
    let mac: MACAddress?
    let dns: DNS

    init(_ request: Request) throws(CNIError) {
        mtu = try InterfaceMTU(request)
        let fastPath: String?
        do throws(JSONTypeError) {
            let reader = request.configuration.reader
            bridge = try reader.string("bridge").flatMap { $0.isEmpty ? nil : $0 } ?? "cni0"
            isDefaultGateway = try reader.bool("isDefaultGateway") ?? false
            isGateway = try reader.bool("isGateway") ?? false || isDefaultGateway
            forcesAddress = try reader.bool("forceAddress") ?? false
            isHairpin = try reader.bool("hairpinMode") ?? false
            isPromiscuous = try reader.bool("promiscMode") ?? false
            isIsolated = try reader.bool("portIsolation") ?? false
            vlan = UInt16(try reader.integer("vlan", in: 0...4094) ?? 0)
            trunk = try BridgeConfiguration.trunk(try reader.array("vlanTrunk") ?? [])
            keepsDefaultVLAN = try reader.bool("preserveDefaultVlan") ?? false
            detectsDuplicates = try reader.bool("enabledad") ?? false
            disablesContainerInterface = try reader.bool("disableContainerInterface") ?? false
            filters = try InterfaceFilters(reader)
            fastPath = try reader.string("fastPath")
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        hasShortcut = try BridgeConfiguration.shortcut(fastPath)
        dns = request.configuration.dns
        mac = try request.wantedAddress()
        try refuseContradictions(request)
    }

    /// VLANs are told apart only when somebody says which.
    var filtersVLANs: Bool { vlan != 0 || !trunk.isEmpty }

    /// What the container's place on the bridge is to a switch.
    ///
    /// Without a native VLAN it could not send untagged frames at all: one that only has a trunk is in the first.
    ///
    /// `port`: the host's end of the pair.
    /// `address`: the container's; nil where it is not known.
    /// `addresses`: the container's; of no consequence to the flags of its port.
    func interface(_ port: String, address: MACAddress?, _ addresses: [CIDR] = []) -> VirtualInterface {
        var interface = filters.interface(port, address: address, addresses)
        interface.isHairpin = isHairpin
        interface.isIsolated = isIsolated
        if filtersVLANs {
            let native = vlan == 0 ? 1 : vlan
            interface.vlans = trunk.isEmpty ? .access(native) : .trunk(VLANSet(trunk.joined()), native: native)
        }
        return interface
    }

    /// The same as the kernel's bridge has it.
    func port(_ name: String, address: MACAddress?) -> PortSpecification {
        PortSpecification(
            interface(name, address: address),
            of: bridge,
            knowsVLANs: filtersVLANs,
            keepsDefaultVLAN: keepsDefaultVLAN
        )
    }

    /// How the container's frames go past the bridge; nil where the network does not ask for it.
    func shortcut(_ port: String, address: MACAddress, _ addresses: [CIDR]) -> Shortcut? {
        guard hasShortcut else { return nil }
        let interface = interface(port, address: address, addresses)
        return Shortcut(interface, of: bridge, knowsVLANs: filtersVLANs, address: address)
    }

    /// Whether a configuration asks for it, whatever else it says.
    static func asksForShortcut(_ configuration: JSONReader) -> Bool {
        do throws(JSONTypeError) {
            return try configuration.string("fastPath") == "ebpf"
        } catch {
            return false
        }
    }

    private static func shortcut(_ name: String?) throws(CNIError) -> Bool {
        switch name {
        case nil, "", "off": return false
        case "ebpf": return true
        case .some(let name):
            throw CNIError(
                .invalidConfiguration,
                "fastPath: there is no \"\(name)\"",
                details: "\"ebpf\" leads frames between containers past the bridge; \"off\", or no fastPath, does not"
            )
        }
    }

    private static func trunk(_ elements: [JSONReader]) throws(JSONTypeError) -> [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        for element in elements {
            if let id = try element.integer("id", in: 1...4094) { ranges.append(UInt16(id)...UInt16(id)) }
            let lowest = try element.integer("minID", in: 1...4094)
            let highest = try element.integer("maxID", in: 1...4094)
            let isSingle = try element.member("id") != nil
            if let lowest, let highest, lowest <= highest {
                ranges.append(UInt16(lowest)...UInt16(highest))
            } else if lowest != nil || highest != nil || !isSingle {
                throw element.mismatch(expected: "{\"id\": N}, or {\"minID\": N, \"maxID\": M} with N <= M")
            }
        }
        return ranges
    }

    private func refuseContradictions(_ request: Request) throws(CNIError) {
        if !isLinkName(bridge) {
            throw CNIError(
                .invalidConfiguration,
                "bridge: \"\(bridge)\" is not the name of a link",
                details: "at most 15 bytes, without slash, colon, percent sign and blanks, and neither all nor default"
            )
        }
        if vlan != 0, isGateway, bridge.utf8.count + ".\(vlan)".utf8.count > 15 {
            throw CNIError(
                .invalidConfiguration,
                "bridge: the VLAN's gateway link \"\(bridge).\(vlan)\" would have a name longer than 15 bytes",
                details: "shorten bridge, or drop vlan or isGateway"
            )
        }
        if isHairpin, isPromiscuous {
            throw CNIError(
                .invalidConfiguration,
                "cannot set hairpin mode and promiscuous mode at the same time",
                details: "hairpinMode and promiscMode are both true; drop one"
            )
        }
        if hasShortcut, isPromiscuous {
            throw CNIError(
                .invalidConfiguration,
                "cannot lead frames past a promiscuous bridge",
                details: "a bridge with promiscMode is to see every frame, fastPath keeps frames from it; drop one"
            )
        }
        if disablesContainerInterface, !request.configuration.ipamType.isEmpty {
            throw CNIError(
                .invalidConfiguration,
                "cannot use IPAM when disableContainerInterface is set",
                details: "ipam.type is \"\(request.configuration.ipamType)\"; drop ipam or disableContainerInterface"
            )
        }
    }
}
