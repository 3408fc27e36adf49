// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Attachments
internal import CNI
internal import JSON
internal import Netlink
internal import Wiring

extension Topology {
    /// Makes the tree of what was seen.
    ///
    /// - Parameters:
    ///   - facts: what was seen.
    ///   - earlier: what was seen before, for rates; nil leaves them out.
    ///   - network: only its attachments, and what they share links with; nil is everything.
    package init(_ facts: TopologyFacts, since earlier: TopologyFacts? = nil, network: String? = nil) {
        var builder = TopologyBuilder(facts, since: earlier)
        let host = builder.host()
        self.init(host: network.map { host.narrowed(to: $0) } ?? host)
    }
}

extension Topology.Node {
    /// Leaves what belongs to one network, and what shares a link with that.
    fileprivate func narrowed(to network: String) -> Topology.Node {
        var node = self
        let isShared = role != .host && children.contains { $0.key?.network == network }
        node.children = children.compactMap { child in
            guard child.key.map({ $0.network == network }) ?? child.leads(to: network) || child.isLeafOf(isShared)
            else { return nil }
            return child.narrowed(to: network)
        }
        return node
    }

    private func isLeafOf(_ isShared: Bool) -> Bool { isShared && key == nil && children.isEmpty }

    private func leads(to network: String) -> Bool {
        key?.network == network || children.contains { $0.leads(to: network) }
    }
}

/// Puts every link and every attachment in one place.
private struct TopologyBuilder {
    private let facts: TopologyFacts
    private let links: [Int32: TopologyFacts.Link]
    private let indexes: [String: Int32]
    private let before: TopologyFacts?
    private let seconds: Double
    /// The attachment whose end a link is.
    private var owners: [Int32: TopologyFacts.Attachment] = [:]
    /// Attachments without an end, by the link that they hang on; 0 is the host.
    private var endless: [Int32: [TopologyFacts.Attachment]] = [:]
    /// Links by the link that they hang on; 0 is the host.
    private var below: [Int32: [Int32]] = [:]
    private var placed: Set<Int32> = []
    private let switches: SwitchPlaces

    init(_ facts: TopologyFacts, since earlier: TopologyFacts?) {
        self.facts = facts
        links = Dictionary(facts.links.map { ($0.index, $0) }) { first, _ in first }
        indexes = Dictionary(facts.links.map { ($0.name, $0.index) }) { first, _ in first }
        switches = SwitchPlaces(facts.switches)
        before = earlier
        seconds = earlier.map { Double(facts.nanoseconds - $0.nanoseconds) / 1e9 } ?? 0
        for attachment in facts.attachments {
            if let end = indexes[attachment.facts.hostInterface], owners[end] == nil {
                owners[end] = attachment
            } else {
                endless[place(of: attachment), default: []].append(attachment)
            }
        }
        for link in facts.links where !link.isLoopback { below[place(of: link), default: []].append(link.index) }
    }

    // MARK: - Where things are

    private func place(of link: TopologyFacts.Link) -> Int32 {
        if let master = link.master, links[master] != nil { return master }
        if let place = switches.place(ofLink: link.name) { return place }
        if let below = link.below, links[below] != nil { return below }
        // A gateway's link into a VLAN: the other end of the pair is the bridge's port.
        if let peer = link.peer.flatMap({ links[$0] }), peer.master != nil { return peer.index }
        return 0
    }

    private func place(of attachment: TopologyFacts.Attachment) -> Int32 {
        if let place = switches.place(of: attachment.facts.key) { return place }
        if let below = attachment.inside?.below, links[below] != nil { return below }
        let name = attachment.facts.bridge ?? attachment.facts.master
        return name.flatMap { indexes[$0] } ?? 0
    }

    // MARK: - The tree

    mutating func host() -> Topology.Node {
        var node = Topology.Node(.host)
        node.children = children(of: 0) + switches.places.map { self.node(ofSwitch: $0) }
        // No kernel lets links rest upon one another in a circle; what may be seen while links change is another thing.
        for link in facts.links.sorted(by: { $0.name < $1.name }) where !link.isLoopback && !placed.contains(link.index)
        {
            node.children.append(self.node(of: link))
        }
        node.children = node.children.filter { !isIdle($0) }.sorted { $0.rank < $1.rank }
        return node
    }

    private mutating func children(of index: Int32) -> [Topology.Node] {
        var nodes: [Topology.Node] = []
        for child in below[index] ?? [] where !placed.contains(child) {
            if let link = links[child] { nodes.append(node(of: link)) }
        }
        for attachment in endless[index] ?? [] { nodes.append(node(of: attachment)) }
        for link in facts.links where index > 0 && link.below == index {
            if let owner = nameOfSwitch(with: link) { nodes.append(reference(to: link, ofSwitch: owner)) }
        }
        return nodes.sorted { $0.rank < $1.rank }
    }

    private mutating func node(ofSwitch place: Int32) -> Topology.Node {
        var node = Topology.Node(.userSwitch)
        node.describe(switches[place])
        node.children = children(of: place)
        return node
    }

    /// What a link is a port of; nil when it is none.
    private func nameOfSwitch(with link: TopologyFacts.Link) -> String? {
        link.master.flatMap { links[$0] }?.name ?? switches.place(ofLink: link.name).map { switches[$0].name }
    }

    /// What a module of the kernel leaves in every namespace, and shapers need for themselves.
    private func isIdle(_ node: Topology.Node) -> Bool {
        guard node.role == .link, node.children.isEmpty, node.addresses.isEmpty else { return false }
        return node.kind == "ifb" || (Self.fallbacks.contains(node.kind) && node.isDown)
    }

    private static let fallbacks: Set<String> = [
        "erspan", "gre", "gretap", "ip6erspan", "ip6gre", "ip6gretap", "ip6tnl", "ipip", "sit", "vti", "vti6",
    ]

    private mutating func node(of link: TopologyFacts.Link) -> Topology.Node {
        placed.insert(link.index)
        let owner = owners[link.index]
        let children = children(of: link.index)
        // The host's own way out may be the end of a pair, where the host is a container itself.
        let place = switches.place(ofLink: link.name)
        let isOwn = !children.isEmpty || place != nil || (link.master == nil && !link.addresses.isEmpty)
        let isStrange = owner == nil && !isOwn && isIntoElsewhere(link)
        var node = Topology.Node(owner != nil ? .attachment : isStrange ? .stranger : .link)
        node.describe(link)
        if let owner { node.describe(owner.facts) }
        if let port = place.flatMap({ switches[$0].port(ofLink: link.name) }) { node.describe(port) }
        node.marks += marks(of: link)
        if isStrange { node.marks.append(Topology.Mark(.noRecord, "no record")) }
        if let before, let old = before.links.first(where: { $0.index == link.index && $0.name == link.name }),
            let then = old.counters, let now = link.counters
        {
            node.rates = Topology.Rates(now, since: then, seconds: seconds)
        }
        node.children = children
        return node
    }

    private func node(of attachment: TopologyFacts.Attachment) -> Topology.Node {
        let facts = attachment.facts
        var node = Topology.Node(.attachment)
        node.describe(facts)
        if !facts.hostInterface.isEmpty {
            node.marks.append(Topology.Mark(.gone, "\(facts.hostInterface) is gone"))
        }
        if let inside = attachment.inside { add(inside, of: facts, to: &node) }
        if let place = switches.place(of: facts.key) { node.describeContainer(switches[place].port(of: facts.key)) }
        return node
    }

    private func add(_ inside: TopologyFacts.Inside, of facts: AttachmentFacts, to node: inout Topology.Node) {
        node.kind = [inside.kind, inside.detail].filter { !$0.isEmpty }.joined(separator: " ")
        if !inside.isUp { node.marks.append(Topology.Mark(.linkDown, "link down")) }
        let old = before?.attachments.first { $0.facts.key == facts.key }?.inside?.counters
        if let old, let now = inside.counters {
            node.rates = Topology.Rates(now, since: old, seconds: seconds)?.reversed
        }
    }

    private func reference(to link: TopologyFacts.Link, ofSwitch name: String) -> Topology.Node {
        var node = Topology.Node(.reference)
        node.describe(link)
        node.addresses = []
        node.traits = ["port of \(name)"]
        return node
    }

    // MARK: - What is wrong

    /// Whether frames leave the host's namespace here, for a container or a process.
    private func isIntoElsewhere(_ link: TopologyFacts.Link) -> Bool {
        link.kind == "tun" || (link.kind == "veth" && link.isPeerAbroad)
    }

    private func marks(of link: TopologyFacts.Link) -> [Topology.Mark] {
        var marks: [Topology.Mark] = []
        if !link.isUp {
            marks.append(Topology.Mark(.linkDown, "link down"))
        } else if !link.hasCarrier, !["bridge", "vrf"].contains(link.kind) {
            marks.append(Topology.Mark(.noCarrier, "no carrier"))
        }
        if link.isUp, link.hasCarrier, let port = link.port, !port.isForwarding {
            marks.append(Topology.Mark(.blocked, "not forwarding"))
        }
        if let bridge = owners[link.index]?.facts.bridge, link.master.flatMap({ links[$0] })?.name != bridge {
            marks.append(Topology.Mark(.notAPort, "not a port of \(bridge)"))
        }
        return marks
    }
}

extension Topology.Node {
    fileprivate mutating func describe(_ link: TopologyFacts.Link) {
        self.link = link.name
        kind = [link.kind, link.detail].filter { !$0.isEmpty }.joined(separator: " ")
        addresses = link.addresses
        mac = link.address.map { "\($0)" } ?? ""
        mtu = link.mtu
        if link.port != nil { vlans = link.vlans }
        if link.port?.isIsolated == true { traits.append("isolated") }
        if link.port?.isHairpin == true { traits.append("hairpin") }
        if let word = link.shortcut?.word { traits.append(word) }
        if link.filtersVLANs == true { traits.append("VLAN-aware") }
        if link.hidesVLANs { traits.append("vlans-unknown") }
        if link.hasGuardedPorts { traits.append("VLANs kept by programs") }
    }

    fileprivate mutating func describe(_ facts: AttachmentFacts) {
        key = facts.key
        plugin = facts.chain.first ?? ""
        addresses = facts.addresses
        mac = facts.interface?.mac ?? ""
        mtu = facts.interface?.mtu ?? 0
        if facts.life.verdict == .dead { marks.append(Topology.Mark(.dead, "container dead")) }
        if facts.state != .whole, facts.state != .busy {
            marks.append(Topology.Mark(.unfinished, facts.state.rawValue))
        }
    }

    /// In what order things are drawn: links, containers by network, strangers, and what has ports of its own.
    fileprivate var rank: TopologyRank {
        let order: [Role: Int] = [.host: 0, .link: 1, .userSwitch: 1, .attachment: 2, .stranger: 3, .reference: 4]
        let first = children.isEmpty ? order[role] ?? 0 : 5
        return TopologyRank(words: ["\(first)", key?.network ?? "", TopologyRank.counting(name), name, link])
    }
}

/// A place in the order of a picture.
private struct TopologyRank: Comparable {
    let words: [String]

    /// A name with numbers of one length, so that 10 comes behind 9.
    static func counting(_ name: String) -> String {
        var counting = ""
        var number = ""
        for character in name + "." {
            if character.isASCII, character.isNumber {
                number.append(character)
                continue
            }
            counting += String(repeating: "0", count: number.isEmpty ? 0 : max(0, 20 - number.count)) + number
            counting.append(character)
            number = ""
        }
        return counting
    }

    static func < (one: TopologyRank, other: TopologyRank) -> Bool { one.words.lexicographicallyPrecedes(other.words) }
}

extension AttachmentFacts {
    /// A text of the configuration that its record holds; nil when there is none.
    fileprivate func configured(_ key: String) -> String? {
        guard let record, let text = try? JSONReader(record.configuration).string(key), !text.isEmpty else {
            return nil
        }
        return text
    }

    /// The link that it was to rest upon; nil where none was named, and for other plugins.
    fileprivate var master: String? {
        switch chain.first {
        case "macvlan", "ipvlan", "vlan": configured("master")
        default: nil
        }
    }

    /// The bridge that it was made a port of; nil for other plugins.
    fileprivate var bridge: String? {
        guard chain.first == "bridge" else { return nil }
        return configured("bridge") ?? "cni0"
    }
}
