// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink
package import Linux

/// Who the host believes has an address on a link.
package struct Neighbour: Hashable, Sendable {
    /// What the belief rests on: `NUD_*`, ip-neighbour(8).
    package enum State: Hashable, Sendable {
        /// The neighbour answered, now or a while ago.
        case known
        /// An administrator says so.
        case permanent
        /// Nobody ever answered, or not any more, or nobody has to.
        case unknown
    }

    package let state: State
    /// nil when nobody ever answered, and for links that have no Ethernet addresses.
    package let address: MACAddress?
}

// Single questions to large tables, in no case the tables; kernels before 5.0 do not answer them.
extension NetlinkSocket {
    /// What the host's neighbour table says of an address on a link; nil when it says nothing.
    ///
    /// Like `ip neighbour get ADDRESS dev LINK`.
    ///
    /// - Throws: ``KernelError``.
    package func neighbour(_ address: IPAddress, onLink index: Int32) throws(KernelError) -> Neighbour? {
        try answer(to: .neighbourQuery(address, onLink: index)).flatMap { Neighbour($0) }
    }

    /// Whether a bridge has seen a station lately on a port that it still has.
    ///
    /// Like `bridge fdb get ADDRESS br BRIDGE vlan VLAN`. What it learned on a port goes with the port.
    ///
    /// `vlan`: 0 on bridges that do not tell VLANs apart.
    /// - Throws: ``KernelError``.
    package func hasStation(_ address: MACAddress, onBridge index: Int32, vlan: UInt16) throws(KernelError) -> Bool {
        try answer(to: .stationQuery(address, onBridge: index, vlan: vlan)) != nil
    }

    private func answer(to request: NetlinkRequest) throws(KernelError) -> NetlinkReply? {
        do throws(KernelError) {
            return try ask(request)
        } catch {
            switch error.errno {
            // No entry, a link that just went, and kernels that answer only with the whole table.
            case .noSuchFileOrDirectory, .noSuchDevice, .notSupported, .invalidArgument: return nil
            default: throw error
            }
        }
    }
}

extension Neighbour {
    init?(_ reply: NetlinkReply) {
        guard reply.type == RTM_NEWNEIGH,
            let bits = reply.payload.integer(at: 8, as: UInt16.self).map(Int32.init)
        else { return nil }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(MemoryLayout<ndmsg>.size))
        address = attributes[Int(NDA_LLADDR)].flatMap { MACAddress(octets: $0) }
        if bits & NUD_PERMANENT != 0 {
            state = .permanent
        } else if bits & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE) != 0 {
            state = .known
        } else {
            state = .unknown
        }
    }
}

extension NetlinkRequest {
    /// Forgets who has an address on a link: whoever needs to know asks anew.
    ///
    /// Like `ip neighbour delete ADDRESS dev LINK`; `ENOENT` means that nothing was known.
    package static func deleteNeighbour(_ address: IPAddress, onLink index: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_DELNEIGH)
        message.append(ndmsg(family: address.family.number, index: index))
        message.put(Int(NDA_DST), octets: address.octets)
        return NetlinkRequest("forget neighbour \(address) on link \(index)", message)
    }

    static func neighbourQuery(_ address: IPAddress, onLink index: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_GETNEIGH)
        message.append(ndmsg(family: address.family.number, index: index))
        message.put(Int(NDA_DST), octets: address.octets)
        return NetlinkRequest("find neighbour \(address) on link \(index)", message)
    }

    static func stationQuery(_ address: MACAddress, onBridge index: Int32, vlan: UInt16) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_GETNEIGH)
        message.append(ndmsg(family: UInt8(AF_BRIDGE), index: 0))
        message.put(Int(NDA_LLADDR), octets: address.octets)
        message.put(Int(NDA_MASTER), UInt32(index))
        if vlan != 0 { message.put(Int(NDA_VLAN), vlan) }
        return NetlinkRequest("find station \(address) on bridge \(index)", message)
    }
}

extension ndmsg {
    fileprivate init(family: UInt8, index: Int32) {
        self.init(
            ndm_family: family,
            ndm_pad1: 0,
            ndm_pad2: 0,
            ndm_ifindex: index,
            ndm_state: 0,
            ndm_flags: 0,
            ndm_type: 0
        )
    }
}
