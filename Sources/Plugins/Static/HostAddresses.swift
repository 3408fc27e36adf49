// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin

/// What the host's kernel knows of addresses: its own, and who was seen on the network's own bridge.
///
/// A few questions of one answer each. Other networks may have the same addresses, so nobody but the bridge's stations
/// counts; of networks without a bridge only the host itself is asked.
struct HostAddresses {
    private let request: Request

    init(_ request: Request) {
        self.request = request
    }

    /// The network's bridge, and the link that its addresses are on.
    private struct Site {
        let bridge: Link
        /// The bridge itself, or with a VLAN the link that carries the VLAN's gateway.
        let link: Link
        /// In which frames of the network may have been seen; 0 on a bridge that does not tell VLANs apart.
        let vlans: [UInt16]
    }

    /// Refuses addresses that are in use, and has the host forget who had them before.
    ///
    /// - Parameters:
    ///   - addresses: none of which may be the host's own.
    ///   - strange: those of them which no station may have either; the others are known to be this container's.
    /// - Throws: ``CNIError``, code 104 when one is in use.
    func refuseUsed(_ addresses: [IPAddress], strange: [IPAddress]) throws(CNIError) {
        let (name, vlan) = bridge
        let intention = "cannot find out who has the addresses"
        let socket = try translating(intention) { () throws(KernelError) in try NetlinkSocket() }
        let site = try translating(intention) { () throws(KernelError) in try find(name, vlan, on: socket) }
        for address in addresses {
            let isLocal = try translating(intention) { () throws(KernelError) in
                try isHosts(address, site, on: socket)
            }
            guard !isLocal else {
                throw CNIError(
                    .addressUnavailable,
                    "requested IP address \(address) is not available: it is this host's own",
                    details: "ip route get \(address) has the link; give the container another address"
                )
            }
            guard let site else { continue }
            let station = try translating(intention) { () throws(KernelError) in
                try self.station(with: address, site, on: socket)
            }
            guard let station, strange.contains(address), try !own().contains(station) else { continue }
            throw CNIError(
                .addressUnavailable,
                "requested IP address \(address) is not available: \(station) has it on \(site.link.name)",
                details: "if it has it no more: ip neighbour delete \(address) dev \(site.link.name)"
            )
        }
    }

    /// The name of the network's bridge, empty without one, and the VLAN that its containers are in.
    ///
    /// These keys are another plugin's: if they are not what they are for `bridge`, that is no business of ours.
    private var bridge: (String, UInt16) {
        let configuration = request.configuration
        do throws(JSONTypeError) {
            let named = try configuration.reader.string("bridge") ?? ""
            let name = named.isEmpty && configuration.type == "bridge" ? "cni0" : named
            return (name, UInt16(try configuration.reader.integer("vlan", in: 0...4095) ?? 0))
        } catch {
            return ("", 0)
        }
    }

    private func find(
        _ name: String,
        _ vlan: UInt16,
        on socket: borrowing NetlinkSocket
    ) throws(KernelError) -> Site? {
        guard !name.isEmpty, let bridge = try socket.link(named: name), bridge.kind == "bridge" else { return nil }
        // Untagged frames are in VLAN 1 where the bridge tells VLANs apart.
        guard vlan != 0 else { return Site(bridge: bridge, link: bridge, vlans: [0, 1]) }
        guard let link = try socket.link(named: "\(name).\(vlan)") else { return nil }
        return Site(bridge: bridge, link: link, vlans: [vlan])
    }

    private func isHosts(
        _ address: IPAddress,
        _ site: Site?,
        on socket: borrowing NetlinkSocket
    ) throws(KernelError) -> Bool {
        // Every link has link-local addresses of its own; only the bridge's own could be in the container's way.
        guard address.family == .v6, address.isLinkLocalUnicast else { return try socket.isLocal(address) }
        guard let site else { return false }
        return try socket.isLocal(address, onLink: site.link.index)
    }

    /// The station that has an address, if the host has lately heard of it and it is on the bridge still.
    ///
    /// The host's entry for a container outlives the container, and the next one often wants just the same address. What
    /// the bridge learned goes with the container's port; an entry that is left behind would only send the next one's
    /// packets to nobody, of IPv6 for eight seconds (RFC 4861, 7.3).
    private func station(
        with address: IPAddress,
        _ site: Site,
        on socket: borrowing NetlinkSocket
    ) throws(KernelError) -> MACAddress? {
        guard let neighbour = try socket.neighbour(address, onLink: site.link.index), let station = neighbour.address
        else { return nil }
        switch neighbour.state {
        case .permanent: return station
        case .unknown: return nil
        case .known:
            for vlan in site.vlans where try socket.hasStation(station, onBridge: site.bridge.index, vlan: vlan) {
                return station
            }
            forget(address, site, on: socket)
            return nil
        }
    }

    private func forget(_ address: IPAddress, _ site: Site, on socket: borrowing NetlinkSocket) {
        do throws(KernelError) {
            try socket.execute(.deleteNeighbour(address, onLink: site.link.index))
        } catch {
            // The kernel forgets in time, and may have by now.
            guard error.errno != .noSuchFileOrDirectory else { return }
            Machine.log("static: \(error)")
        }
    }

    /// The hardware addresses that the runtime wants this container to have; wrong ones are for others to refuse.
    private func own() throws(CNIError) -> [MACAddress] {
        var texts: [String] = []
        if let mac = try request.arguments().mac { texts.append(mac) }
        for reader in [request.configuration.arguments, request.configuration.runtimeConfig] {
            if let mac = try? reader?.string("mac") { texts.append(mac) }
        }
        return texts.compactMap { MACAddress($0) }
    }
}
