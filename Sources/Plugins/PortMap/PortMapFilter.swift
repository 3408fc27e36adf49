// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import PacketFilter
internal import Wiring

/// Published ports in nf_tables: one map element for each, so that a packet's way does not depend on how many there are.
enum PortMapFilter {
    static let table = Table(.inet, "culvert_portmap")

    private static let families: [AddressFamily] = [.v4, .v6]

    /// Ports of one address of the host.
    static func hosts(_ family: AddressFamily) -> NamedSet {
        NamedSet(
            table,
            "hosts\(family.digit)",
            key: [family.dataType, .inetProto, .inetService],
            content: .values([family.dataType, .inetService])
        )
    }

    /// Ports of every address of the host.
    static func ports(_ family: AddressFamily) -> NamedSet {
        NamedSet(
            table,
            "ports\(family.digit)",
            key: [.inetProto, .inetService],
            content: .values([family.dataType, .inetService])
        )
    }

    /// Runs of ports of every address of the host that lead to ports of the same numbers.
    static func ranges(_ family: AddressFamily, _ transport: Transport) -> NamedSet {
        NamedSet(
            table,
            "\(transport)_ranges\(family.digit)",
            key: [.inetService],
            content: .values([family.dataType]),
            flags: .interval
        )
    }

    /// Ports of one address of the host that are forwarded under conditions: to the chain that knows them.
    static func conditionalHosts(_ family: AddressFamily) -> NamedSet {
        NamedSet(
            table,
            "conditional_hosts\(family.digit)",
            key: [family.dataType, .inetProto, .inetService],
            content: .verdict
        )
    }

    /// The same of every address of the host.
    static func conditional(_ family: AddressFamily) -> NamedSet {
        NamedSet(table, "conditional\(family.digit)", key: [.inetProto, .inetService], content: .verdict)
    }

    /// Containers' addresses: to the chain that knows which connections to them have to be masqueraded.
    static func replies(_ family: AddressFamily) -> NamedSet {
        NamedSet(table, "replies\(family.digit)", key: [family.dataType], content: .verdict)
    }

    static let layout = FilterLayout(
        table,
        comment: "Published ports of containers",
        sets: families.flatMap { family in
            [hosts(family), ports(family)] + Transport.all.map { ranges(family, $0) }
                + [conditionalHosts(family), conditional(family), replies(family)]
        },
        sharedNames: ["from-", "masquerade"],
        sharedRules: 2,
        chains: [
            FilterLayout.FixedChain(Chain(table, "hostports"), rules: families.flatMap { forwarding($0) }),
            FilterLayout.FixedChain(
                Chain(table, "prerouting"),
                hook: ChainHook(.nat, .prerouting, priority: .dstnat),
                rules: [[.fibDaddr(.local), .jump("hostports")]]
            ),
            FilterLayout.FixedChain(
                Chain(table, "output"),
                hook: ChainHook(.nat, .output, priority: .dstnat),
                rules: [[.fibDaddr(.local), .jump("hostports")]]
            ),
            FilterLayout.FixedChain(
                Chain(table, "postrouting"),
                hook: ChainHook(.nat, .postrouting, priority: .srcnat),
                rules: families.map { family in
                    [.ctStatus(.dnat), .verdictMap([family.destination], .set(replies(family)))]
                }
            ),
        ]
    )

    private static func forwarding(_ family: AddressFamily) -> [[Statement]] {
        let port: [Field] = [.metaL4proto, .thDport]
        return [
            [.dnat(.map([family.destination] + port, hosts(family)), [])],
            [.match(.metaNfproto, .nfproto(family)), .dnat(.map(port, ports(family)), [])],
        ]
            + Transport.all.map { transport in
                [
                    .match(.metaNfproto, .nfproto(family)),
                    .dnat(.map([transport.destinationPort], ranges(family, transport)), []),
                ]
            }
            + [
                [.verdictMap([family.destination] + port, .set(conditionalHosts(family)))],
                [.match(.metaNfproto, .nfproto(family)), .verdictMap(port, .set(conditional(family)))],
            ]
    }
}

extension PortMapFilter {
    /// What stands in nf_tables for one attachment.
    ///
    /// `conditions`: what the configuration's further conditions come to.
    static func share(
        of configuration: PortMapConfiguration,
        _ key: AttachmentKey,
        conditions: [AddressFamily: [Statement]]
    ) -> FilterShare {
        var share = FilterShare(layout)
        for target in configuration.targets {
            let family = target.family
            let forwards = configuration.forwards.filter { $0.family == family }
            guard !forwards.isEmpty else { continue }
            if let conditions = conditions[family], !conditions.isEmpty {
                add(forwards, under: conditions, to: target, &share, key)
            } else {
                add(forwards, &share, key)
            }
            if configuration.masquerades { addReplies(to: target, configuration, &share, key) }
        }
        return share
    }

    /// One element for each mapping, or for each run of them.
    private static func add(_ forwards: [Forward], _ share: inout FilterShare, _ key: AttachmentKey) {
        guard let family = forwards.first?.family else { return }
        let comment = key.ruleComment
        var hosts: [SetElement] = []
        var ports: [SetElement] = []
        ports.reserveCapacity(forwards.count)
        var runs: [Transport: [SetElement]] = [:]
        var index = 0
        while index < forwards.count {
            let forward = forwards[index]
            let run = forwards[index...].run
            index += run.count
            guard run.count > 1, let last = run.last else {
                let port: [Datum] = [.octet(forward.transport.rawValue), .port(forward.hostPort)]
                let values: [Datum] = [.address(forward.target), .port(forward.containerPort)]
                if let address = forward.hostAddress {
                    hosts.append(SetElement(key: [.address(address)] + port, values: values, comment: comment))
                } else {
                    ports.append(SetElement(key: port, values: values, comment: comment))
                }
                continue
            }
            let range = Datum.ports(forward.hostPort...last.hostPort)
            runs[forward.transport, default: []].append(
                SetElement(key: [range], values: [.address(forward.target)], comment: comment)
            )
        }
        if !hosts.isEmpty { share.elements.append(.init(PortMapFilter.hosts(family), hosts)) }
        if !ports.isEmpty { share.elements.append(.init(PortMapFilter.ports(family), ports)) }
        for transport in Transport.all {
            guard let elements = runs[transport] else { continue }
            share.elements.append(.init(ranges(family, transport), elements))
        }
    }

    /// A chain of the attachment's own, which asks for the conditions before it looks the port up.
    private static func add(
        _ forwards: [Forward],
        under conditions: [Statement],
        to target: CIDR,
        _ share: inout FilterShare,
        _ key: AttachmentKey
    ) {
        let family = target.family
        let chain = Chain(table, "conditions\(family.digit)-\(key.ruleOwner)")
        let comment = key.ruleComment
        var rules: [Rule] = []
        var hosts: [SetElement] = []
        var ports: [SetElement] = []
        for forward in forwards {
            var statements = conditions
            var element: [Datum] = [.octet(forward.transport.rawValue), .port(forward.hostPort)]
            if let address = forward.hostAddress { statements.append(.match(family.destination, .address(address))) }
            statements.append(.match(forward.transport.destinationPort, .port(forward.hostPort)))
            let port = forward.containerPort...forward.containerPort
            statements.append(.dnat(.address(forward.target, ports: port), []))
            rules.append(Rule(chain, statements, comment: comment))
            if let address = forward.hostAddress {
                element.insert(.address(address), at: 0)
                hosts.append(SetElement(key: element, verdict: .jump(chain.name), comment: comment))
            } else {
                ports.append(SetElement(key: element, verdict: .jump(chain.name), comment: comment))
            }
        }
        share.chains.append(.init(chain, rules: rules))
        if !hosts.isEmpty { share.elements.append(.init(conditionalHosts(family), hosts)) }
        if !ports.isEmpty { share.elements.append(.init(conditional(family), ports)) }
    }

    /// Connections that could not find back otherwise: from the container's own network, and from the host itself.
    private static func addReplies(
        to target: CIDR,
        _ configuration: PortMapConfiguration,
        _ share: inout FilterShare,
        _ key: AttachmentKey
    ) {
        let family = target.family
        let name: String
        var rules: [[Statement]]
        if configuration.masqueradesAll {
            name = "masquerade"
            rules = [[.masquerade]]
        } else {
            // Colons cannot be in a chain's name, and containers of one network share the chain.
            name =
                "from-"
                + String(
                    decoding: "\(target.network)".utf8.map { $0 == UInt8(ascii: ":") ? UInt8(ascii: "_") : $0 },
                    as: UTF8.self
                )
            rules = [[.saddr(target.network), .masquerade]]
            if family == .v4 { rules.append([.saddr(.localhost), .masquerade]) }
        }
        let chain = Chain(table, name)
        if !share.shared.contains(where: { $0.own.chain == chain }) {
            share.shared.append(.init(.init(chain, rules: rules.map { Rule(chain, $0) })))
        }
        let element = SetElement(key: [.address(target.address)], verdict: .goto(name), comment: key.ruleComment)
        share.elements.append(.init(replies(family), [element]))
    }
}

extension ArraySlice<Forward> {
    /// The first one, and as many of its neighbours as lead to neighbouring ports of the same numbers.
    fileprivate var run: ArraySlice<Forward> {
        guard var last = first, last.hostAddress == nil, last.hostPort == last.containerPort else { return prefix(1) }
        var end = startIndex + 1
        while end < endIndex {
            let next = self[end]
            guard next.hostAddress == nil, next.transport == last.transport, next.hostPort == last.hostPort &+ 1,
                next.hostPort == next.containerPort
            else { break }
            last = next
            end += 1
        }
        return self[startIndex..<end]
    }
}

extension AddressFamily {
    /// For the names of sets.
    fileprivate var digit: String {
        switch self {
        case .v4: "4"
        case .v6: "6"
        }
    }

    fileprivate var dataType: DataType {
        switch self {
        case .v4: .ipv4Address
        case .v6: .ipv6Address
        }
    }

    fileprivate var destination: Field {
        switch self {
        case .v4: .ipDaddr
        case .v6: .ip6Daddr
        }
    }
}

extension Transport {
    fileprivate var destinationPort: Field {
        switch self {
        case .tcp: .tcpDport
        case .udp: .udpDport
        case .sctp: .sctpDport
        }
    }
}

extension CIDR {
    /// The host's own addresses for itself (RFC 1122, 3.2.1.3).
    fileprivate static var localhost: CIDR {
        guard let network = CIDR(address: IPAddress(v4: 127 << 24), prefixLength: 8) else {
            preconditionFailure("8 bits fit an address")
        }
        return network
    }
}
