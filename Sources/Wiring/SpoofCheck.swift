// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import Forwarding
package import PacketFilter

/// Drops what comes through a bridge's port under a source that is not the container's: what `allowedSources` and
/// `allowedAddresses` of an interface mean, as rules of the kernel.
///
/// The kernel does not compare two fields of a packet: that a message of ARP speaks of the frame's own source, and that
/// an address of a link is made from it, is looked at where the sources are known. Packets that are cut short and frames
/// with two tags are the switch's affair; here they are dropped when their sources cannot be read.
package struct SpoofCheck: Hashable, Sendable {
    package let key: AttachmentKey
    /// The bridge's port; its name is the link's.
    package let interface: VirtualInterface

    package init(key: AttachmentKey, _ interface: VirtualInterface) {
        self.key = key
        self.interface = interface
    }

    /// What it comes to, a line for each check.
    package var words: [String] {
        var words: [String] = []
        if let sources = interface.allowedSources {
            let list = sources.map { "\($0)" }.joined(separator: ", ")
            words.append("drops frames from \(interface.name) unless from \(list)")
        }
        if let networks = interface.allowedAddresses {
            let list = networks.map { $0 == .host($0.address) ? "\($0.address)" : "\($0)" }.joined(separator: ", ")
            words.append("drops packets from \(interface.name) unless from \(list)")
        }
        return words
    }

    private static let table = Table(.bridge, "nat")
    private static let entry = Chain(table, "PREROUTING")

    /// The table of ebtables(8) and libvirt, as the reference uses it too.
    package static let layout = FilterLayout(
        table,
        chains: [
            FilterLayout.FixedChain(
                entry,
                hook: ChainHook(.filter, .prerouting, priority: .bridgeDstnat, policy: .accept),
                isOpen: true
            )
        ]
    )

    /// What the names of the attachment's chains begin with; the same as the reference's.
    private static func prefix(of key: AttachmentKey) -> String {
        "cni-br-iface-\(key.containerID)-\(key.interfaceName)"
    }

    /// The names that chains of an attachment may have; whoever jumps there comes first.
    package static func chains(of key: AttachmentKey) -> [Chain] {
        ["", "-mac", "-ip"].map { Chain(table, prefix(of: key) + $0) }
    }

    /// The comment of all rules; the same as the reference's, which has no room for the network.
    package static func comment(of key: AttachmentKey) -> String {
        String(decoding: "macspoofchk-\(key.containerID)-\(key.interfaceName)".utf8.prefix(128), as: UTF8.self)
    }

    /// What stands in nf_tables for the attachment.
    package var share: FilterShare {
        let names = SpoofCheck.chains(of: key)
        let comment = SpoofCheck.comment(of: key)
        var share = FilterShare(SpoofCheck.layout)
        var jumps: [[Statement]] = []
        func add(_ chain: Chain, _ rules: [[Statement]]) {
            share.chains.append(FilterShare.OwnChain(chain, rules: rules.map { .init(chain, $0, comment: comment) }))
        }
        if let sources = interface.allowedSources {
            add(names[1], sources.map { [.match(.etherSaddr, .ether($0)), .return] } + [[.drop]])
            jumps.append([.jump(names[1].name)])
        }
        if interface.allowedAddresses != nil {
            add(names[2], packetRules)
            jumps.append([.jump(names[2].name)])
        }
        add(names[0], jumps)
        let entry: [Statement] = [.iifname(interface.name), .jump(names[0].name)]
        share.rules = [.init(SpoofCheck.entry, entry, comment: comment)]
        return share
    }

    /// Lets pass what the container may say, and nothing else.
    private var packetRules: [[Statement]] {
        let networks = SpoofCheck.distinct(interface.allowedAddresses ?? [])
        let own = interface.allowedSources?.map { CIDR.host(.linkLocal(of: $0)) } ?? []
        let four = networks.filter { $0.family == .v4 }
        let six = SpoofCheck.distinct(networks.filter { $0.family == .v6 } + own)
        return arpRules(four) + SpoofCheck.rules(ofIPv4: four) + SpoofCheck.rules(ofIPv6: six) + [[.drop]]
    }

    /// A probe speaks for nobody yet (RFC 5227, 2.1.1).
    private func arpRules(_ networks: [CIDR]) -> [[Statement]] {
        let senders = SpoofCheck.distinct([.host(IPAddress(v4: 0))] + networks).map { SetElement(.network($0)) }
        // Behind a tag too: what the kernel says of a frame, instead of what the frame says. Ethernet and IPv4, RFC 826.
        let condition: [Statement] = [
            .match(.metaProtocol, .network16(0x0806)),
            .raw(.payload(base: .network, offset: 0, length: 6, to: .word(0))),
            .raw(.compare(.equal, .word(0), [0, 1, 8, 0, 6, 4])),
        ]
        let answer: [Statement] = [.member([.arpSaddrIP], .literal(senders)), .return]
        guard let sources = interface.allowedSources else { return [condition + answer] }
        return sources.map { source in
            // The frame's own source has been looked at before, but of several it could be another.
            let own: [Statement] = sources.count > 1 ? [.match(.etherSaddr, .ether(source))] : []
            return own + condition + [.match(.arpSaddrEther, .ether(source))] + answer
        }
    }

    /// Who has no address asks for one (RFC 2131, 4.1), and says nothing else.
    private static func rules(ofIPv4 networks: [CIDR]) -> [[Statement]] {
        let elements = networks.map { SetElement(.network($0)) }
        let asking: [Statement] = [
            .match(.ipSaddr, .address(IPAddress(v4: 0))), .match(.udpDport, .port(67)), .return,
        ]
        return elements.isEmpty ? [asking] : [[.member([.ipSaddr], .literal(elements)), .return], asking]
    }

    /// Who has no address asks whether it is free, and says which groups it hears (RFC 4862, 5.4; RFC 3810, 5.2.13).
    private static func rules(ofIPv6 networks: [CIDR]) -> [[Statement]] {
        let elements = networks.map { SetElement(.network($0)) }
        // Behind a tag too, as with ARP.
        let advertises: [Statement] = [.match(.metaProtocol, .network16(0x86dd)), .match(.icmpv6Type, .octet(136))]
        let asking: [Statement] = [
            .match(.ip6Saddr, .address(IPAddress(v6: 0))), .l4proto(.icmpv6), .return,
        ]
        guard !elements.isEmpty else { return [advertises + [.drop], asking] }
        return [
            advertises + [.nonmember([.icmpv6Taddr], .literal(elements)), .drop],
            [.member([.ip6Saddr], .literal(elements)), .return], asking,
        ]
    }

    /// The same networks, none within another: the kernel's sets have no room for that.
    private static func distinct(_ networks: [CIDR]) -> [CIDR] {
        var distinct: [CIDR] = []
        for network in networks where !distinct.contains(where: { $0.contains(network) }) {
            distinct.removeAll { network.contains($0) }
            distinct.append(network)
        }
        return distinct
    }
}
