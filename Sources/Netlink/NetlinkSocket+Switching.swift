// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
internal import CNetlink
package import Linux

/// What the kernel counted at a link since it was made.
package struct LinkCounters: Hashable, Sendable {
    package var receivedOctets: UInt64 = 0
    package var receivedPackets: UInt64 = 0
    package var receivedErrors: UInt64 = 0
    package var receivedDrops: UInt64 = 0
    package var sentOctets: UInt64 = 0
    package var sentPackets: UInt64 = 0
    package var sentErrors: UInt64 = 0
    package var sentDrops: UInt64 = 0

    package init() {}

    /// Reads a `struct rtnl_link_stats64`; nil when it is cut off.
    init?(_ octets: ArraySlice<UInt8>) {
        // In this order, 64 bits each: packets, octets, errors, drops, each received and sent.
        guard let receivedPackets = octets.integer(at: 0, as: UInt64.self),
            let sentPackets = octets.integer(at: 8, as: UInt64.self),
            let receivedOctets = octets.integer(at: 16, as: UInt64.self),
            let sentOctets = octets.integer(at: 24, as: UInt64.self),
            let receivedErrors = octets.integer(at: 32, as: UInt64.self),
            let sentErrors = octets.integer(at: 40, as: UInt64.self),
            let receivedDrops = octets.integer(at: 48, as: UInt64.self),
            let sentDrops = octets.integer(at: 56, as: UInt64.self)
        else { return nil }
        (self.receivedPackets, self.sentPackets) = (receivedPackets, sentPackets)
        (self.receivedOctets, self.sentOctets) = (receivedOctets, sentOctets)
        (self.receivedErrors, self.sentErrors) = (receivedErrors, sentErrors)
        (self.receivedDrops, self.sentDrops) = (receivedDrops, sentDrops)
    }
}

/// A link with what it counted.
package struct CountedLink: Hashable, Sendable {
    package let details: LinkDetails
    /// nil from kernels that count nothing in 64 bits.
    package let counters: LinkCounters?

    /// Reads an `RTM_NEWLINK`; nil when it is cut off.
    init?(_ reply: NetlinkReply) {
        guard reply.type == RTM_NEWLINK, let details = LinkDetails(reply) else { return nil }
        self.details = details
        let attributes = NetlinkAttributes(reply.payload.dropFirst(16))
        counters = attributes[Int(IFLA_STATS64)].flatMap { LinkCounters($0) }
    }
}

/// VLANs that a port lets through.
///
/// IEEE 802.1Q.
package struct PortVLANs: Hashable, Sendable {
    /// One identifier, or several in a row, with the same flags.
    package struct Run: Hashable, Sendable {
        package let identifiers: ClosedRange<UInt16>
        /// Frames without a tag belong to it on their way in.
        package let isNative: Bool
        /// Frames leave without a tag.
        package let isUntagged: Bool

        package init(_ identifiers: ClosedRange<UInt16>, isNative: Bool = false, isUntagged: Bool = false) {
            self.identifiers = identifiers
            self.isNative = isNative
            self.isUntagged = isUntagged
        }
    }

    /// In the order of identifiers.
    package let runs: [Run]

    package init(_ runs: [Run]) {
        self.runs = runs
    }

    /// Reads what a family of a link says, `IFLA_AF_SPEC`; nil when it says nothing of VLANs.
    package init?(_ families: ArraySlice<UInt8>) {
        var runs: [Run] = []
        var begin: UInt16?
        for (type, value) in NetlinkAttributes(families) where type == Int(IFLA_BRIDGE_VLAN_INFO) {
            // struct bridge_vlan_info: flags (16), identifier (16)
            guard let flags = value.integer(at: 0, as: UInt16.self).map(Int32.init),
                let identifier = value.integer(at: 2, as: UInt16.self)
            else { return nil }
            if flags & BRIDGE_VLAN_INFO_RANGE_BEGIN != 0 {
                begin = identifier
                continue
            }
            let first = flags & BRIDGE_VLAN_INFO_RANGE_END != 0 ? begin ?? identifier : identifier
            begin = nil
            runs.append(
                Run(
                    min(first, identifier)...identifier,
                    isNative: flags & BRIDGE_VLAN_INFO_PVID != 0,
                    isUntagged: flags & BRIDGE_VLAN_INFO_UNTAGGED != 0
                )
            )
        }
        guard !runs.isEmpty else { return nil }
        self.init(runs)
    }
}

/// A station that a bridge knows, or is told of.
package struct BridgeStation: Hashable, Sendable {
    package let address: MACAddress
    /// Whose table it is in.
    package let bridge: Int32
    /// The port behind which it is, or the bridge itself.
    package let port: Int32
    /// 0 on bridges that do not tell VLANs apart.
    package let vlan: UInt16
    /// An administrator, or the kernel for an address of its own, says so: it never goes.
    package let isPermanent: Bool
    /// It does not age.
    package let isStatic: Bool
    /// Since a frame of it was seen last, in milliseconds; nil when the kernel does not say.
    package let idleMilliseconds: Int64?

    /// Reads an `RTM_NEWNEIGH`; nil when it is cut off, or about no bridge's table.
    ///
    /// `ticks`: how many of the kernel's ticks are a second (`USER_HZ`, time(7)).
    init?(_ reply: NetlinkReply, ticks: Int64) {
        // ndmsg: family (8), padding (24), index (32), state (16), flags (8), type (8)
        guard reply.type == RTM_NEWNEIGH, reply.payload.count >= 12,
            reply.payload.integer(at: 0, as: UInt8.self) == UInt8(AF_BRIDGE),
            let port = reply.payload.integer(at: 4, as: Int32.self),
            let state = reply.payload.integer(at: 8, as: UInt16.self).map(Int32.init)
        else { return nil }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(12))
        // Addresses that a link itself listens to have no master.
        guard let bridge = attributes[Int(NDA_MASTER)]?.integer(as: Int32.self),
            let address = attributes[Int(NDA_LLADDR)].flatMap({ MACAddress(octets: $0) })
        else { return nil }
        self.address = address
        self.bridge = bridge
        self.port = port
        vlan = attributes[Int(NDA_VLAN)]?.integer(as: UInt16.self) ?? 0
        isPermanent = state & NUD_PERMANENT != 0
        isStatic = state & (NUD_PERMANENT | NUD_NOARP) != 0
        // struct nda_cacheinfo: confirmed, used, updated, references (32 each); a bridge's table ages by the third.
        let age = attributes[Int(NDA_CACHEINFO)]?.integer(at: 8, as: UInt32.self)
        idleMilliseconds = age.map { Int64($0) * 1000 / max(1, ticks) }
    }
}

// Whole tables, for who looks at all of a host; never on the way of an ADD.
extension NetlinkSocket {
    /// All links of the namespace with what they counted.
    ///
    /// - Throws: ``KernelError``.
    package func everyCountedLink() throws(KernelError) -> [CountedLink] {
        let message = NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_DUMP)
        message.append(ifinfomsg())
        return try list(NetlinkRequest("list links and what they count", message)).compactMap { CountedLink($0) }
    }

    /// One link with what it counted; nil when there is none of this name.
    ///
    /// - Throws: ``KernelError``.
    package func countedLink(named name: String) throws(KernelError) -> CountedLink? {
        guard name.utf8.count < Int(IFNAMSIZ) else { return nil }
        let message = NetlinkMessage(type: RTM_GETLINK)
        message.append(ifinfomsg())
        message.put(Int(IFLA_IFNAME), name)
        do throws(KernelError) {
            return CountedLink(try ask(NetlinkRequest("look at link \(name)", message)))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
            return nil
        }
    }

    /// Which VLANs bridges and their ports let through, by index; empty where no bridge tells VLANs apart.
    ///
    /// Like `bridge vlan show`.
    ///
    /// - Throws: ``KernelError``.
    package func everyPortVLANs() throws(KernelError) -> [Int32: PortVLANs] {
        let message = NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_DUMP)
        message.append(ifinfomsg(family: AF_BRIDGE))
        message.put(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_BRVLAN_COMPRESSED))
        let replies: [NetlinkReply]
        do throws(KernelError) {
            replies = try list(NetlinkRequest("list VLANs of ports", message))
        } catch {
            // A kernel without VLAN-aware bridging may not even know the question.
            guard error.errno == .notSupported else { throw error }
            return [:]
        }
        var found: [Int32: PortVLANs] = [:]
        for reply in replies {
            guard reply.type == RTM_NEWLINK, let index = reply.payload.integer(at: 4, as: Int32.self),
                let families = NetlinkAttributes(reply.payload.dropFirst(16))[Int(IFLA_AF_SPEC)],
                let vlans = PortVLANs(families)
            else { continue }
            found[index] = vlans
        }
        return found
    }

    /// The stations that a bridge knows, in the kernel's order.
    ///
    /// Like `bridge fdb show br BRIDGE`.
    ///
    /// - Parameter index: the bridge's.
    /// - Returns: static ones and learned ones.
    /// - Throws: ``KernelError``.
    package func stations(ofBridge index: Int32) throws(KernelError) -> [BridgeStation] {
        let message = NetlinkMessage(type: RTM_GETNEIGH, flags: NLM_F_DUMP)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_BRIDGE)
        message.append(header)
        message.put(Int(NDA_MASTER), UInt32(bitPattern: index))
        let ticks = Int64(sysconf(CInt(_SC_CLK_TCK)))
        let replies = try list(NetlinkRequest("list stations of bridge \(index)", message))
        // Kernels before 5.0 do not filter.
        return replies.compactMap { BridgeStation($0, ticks: ticks) }.filter { $0.bridge == index }
    }
}
