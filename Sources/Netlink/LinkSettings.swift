// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink
package import Linux

/// What can be tuned of a link of any kind, as the kernel has it.
package struct LinkSettings: Hashable, Sendable {
    package let index: Int32
    package let name: String
    /// nil when the link has none of six octets.
    package let address: MACAddress?
    /// In octets.
    package let mtu: Int
    /// Whether the administrator asked for all frames; not whether somebody listens with a packet socket.
    package let isPromiscuous: Bool
    /// Whether the administrator asked for all multicast frames.
    package let isAllMulticast: Bool
    /// In frames.
    package let transmitQueueLength: Int

    /// Reads an `RTM_NEWLINK`; nil when it is cut off.
    init?(_ reply: NetlinkReply) {
        guard let link = Link(reply), let flags = reply.payload.integer(at: 8, as: UInt32.self) else { return nil }
        index = link.index
        name = link.name
        address = link.address
        mtu = Int(link.mtu)
        isPromiscuous = link.isPromiscuous
        isAllMulticast = flags & UInt32(IFF_ALLMULTI) != 0
        let attributes = NetlinkAttributes(reply.payload.dropFirst(16))
        transmitQueueLength = attributes[Int(IFLA_TXQLEN)]?.integer(as: UInt32.self).map(Int.init) ?? 0
    }
}

/// Settings that a link should get; what is nil stays as it is.
package struct LinkAdjustment: Hashable, Sendable {
    package var address: MACAddress?
    /// In octets.
    package var mtu: Int?
    package var isPromiscuous: Bool?
    package var isAllMulticast: Bool?
    /// In frames.
    package var transmitQueueLength: Int?

    package init() {}

    package var isEmpty: Bool { self == LinkAdjustment() }
}

extension NetlinkSocket {
    /// The settings of the link of a name; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func settings(ofLink name: String) throws(KernelError) -> LinkSettings? {
        guard name.utf8.count < Int(IFNAMSIZ) else { return nil }
        do throws(KernelError) {
            return LinkSettings(try ask(.linkQuery("find link \(name)", name: name, index: 0)))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
            return nil
        }
    }
}

extension NetlinkRequest {
    /// Changes settings of a link, one request for each, so that a refusal names what was refused.
    ///
    /// Like `ip link set dev NAME address … mtu … promisc … allmulticast … txqueuelen …`.
    package static func adjust(_ index: Int32, name: String, _ adjustment: LinkAdjustment) -> [NetlinkRequest] {
        var requests: [NetlinkRequest] = []
        if let address = adjustment.address { requests.append(.setAddress(address, link: index, name: name)) }
        if let isOn = adjustment.isPromiscuous {
            requests.append(setFlag(Int(IFF_PROMISC), isOn, index, "set promiscuous mode of link \(name) to \(isOn)"))
        }
        if let mtu = adjustment.mtu {
            requests.append(set(Int(IFLA_MTU), mtu, index, "set MTU of link \(name) to \(mtu)"))
        }
        if let isOn = adjustment.isAllMulticast {
            requests.append(
                setFlag(Int(IFF_ALLMULTI), isOn, index, "set all-multicast mode of link \(name) to \(isOn)")
            )
        }
        if let length = adjustment.transmitQueueLength {
            let operation = "set transmit queue length of link \(name) to \(length)"
            requests.append(set(Int(IFLA_TXQLEN), length, index, operation))
        }
        return requests
    }

    private static func set(_ attribute: Int, _ value: Int, _ index: Int32, _ operation: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: index))
        message.put(attribute, UInt32(clamping: value))
        return NetlinkRequest(operation, message)
    }

    private static func setFlag(
        _ flag: Int,
        _ isOn: Bool,
        _ index: Int32,
        _ operation: String
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        let bit = UInt32(flag)
        message.append(ifinfomsg(index: index, flags: isOn ? bit : 0, change: bit))
        return NetlinkRequest(operation, message)
    }
}
