// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Forwarding
internal import SwitchControl

// What networks want to become of frames, whatever else the switch would do.
extension RunningSwitch {
    /// All ports together: what a rule is made of takes some hundred octets.
    private static let mostRules = 16_384

    /// Of the rule about what cannot be read: above all that a network can say.
    static let guardPriority: UInt32 = 65_536

    /// Refuses a port whose rules find no room.
    ///
    /// - Parameters:
    ///   - order: what the port is to be.
    ///   - port: that it is now, whose rules would go.
    /// - Throws: ``CNIError``.
    func requireRoom(for order: SwitchPortOrder, insteadOf port: OpenPort?) throws(CNIError) {
        // For the count it does not matter whose frames they are about.
        let wanted = order.rules.reduce(order.keepsBack ? 1 : 0) { $0 + $1.matches(from: InterfaceID(index: 0)).count }
        let others = live.pointee.core.rules.count - (port?.rules.count ?? 0)
        guard others + wanted > RunningSwitch.mostRules else { return }
        throw CNIError(
            .tryAgainLater,
            "switch \(name) has \(others) rules, and \(wanted) more would be too many",
            details: "there can be \(RunningSwitch.mostRules); a range of ports counts as up to thirty"
        )
    }

    /// Gives a port the rules that its network has for it, instead of those that it has.
    func renewRules(of port: OpenPort) {
        dropRules(of: port)
        guard let order = port.order, !order.rules.isEmpty else { return }
        var rules: [Rule] = []
        if order.keepsBack {
            var match = RuleMatch()
            match.require(ingress: port.id)
            match.requireMalformed()
            rules.append(Rule(priority: RunningSwitch.guardPriority, match: match, action: .deny))
        }
        var targeted: [(place: Int, rule: SwitchRule)] = []
        for rule in order.rules {
            let action = action(of: rule, at: rule.target.flatMap { id(of: $0) })
            for match in rule.matches(from: port.id) {
                if rule.target != nil { targeted.append((rules.count, rule)) }
                rules.append(Rule(priority: rule.priority, match: match, action: action))
            }
        }
        port.rules = live.pointee.core.addRules(rules)
        port.targeted = targeted.map { (port.rules[$0.place], $0.rule) }
    }

    /// Numbers of interfaces are given again: with a port its rules go.
    func dropRules(of port: OpenPort) {
        for id in port.rules { live.pointee.core.removeRule(id) }
        port.rules = []
        port.targeted = []
    }

    /// A port of this name has come or gone, to which others may send frames: only what becomes of these changes.
    func renewRules(naming name: String) {
        let target = id(of: name)
        for port in ports.values {
            for (id, rule) in port.targeted where rule.target == name {
                live.pointee.core.setAction(ofRule: id, to: action(of: rule, at: target))
            }
        }
    }

    private func id(of name: String) -> InterfaceID? {
        ports.values.first { $0.name == name }?.id
    }

    private func action(of rule: SwitchRule, at target: InterfaceID?) -> RuleAction {
        switch rule.action {
        case .permit: .permit
        case .deny: .deny
        // What is meant for somebody who looks at it first passes nobody by.
        case .redirect: target.map { .redirect($0) } ?? .deny
        case .mirror: target.map { .mirror($0) } ?? .permit
        }
    }
}

extension SwitchPortOrder {
    /// Whether frames are kept from where they would go: then nothing may pass by that cannot be read.
    ///
    /// A receiver may read it all the same, such as what comes behind any number of tags.
    var keepsBack: Bool {
        rules.contains { rule in
            switch rule.action {
            case .deny, .redirect: true
            case .permit, .mirror: false
            }
        }
    }
}

extension SwitchRule {
    /// The port that it names.
    var target: String? {
        switch action {
        case .permit, .deny: nil
        case .redirect(let name), .mirror(let name): name
        }
    }

    /// The same for the core: ranges of ports and both families of IP are several.
    func matches(from ingress: InterfaceID) -> [RuleMatch] {
        var match = RuleMatch()
        match.require(ingress: ingress)
        if let vlan { match.require(vlan: vlan) }
        if let stations = sourceStations { match.require(source: stations.address, mask: stations.mask) }
        if let stations = destinationStations { match.require(destination: stations.address, mask: stations.mask) }
        var matches: [RuleMatch] = families.isEmpty ? [match] : []
        for family in families {
            var packet = match
            if let protocolNumber { packet.require(protocolNumber: protocolNumber, family: family) }
            if let source { packet.require(sourceNetwork: source) }
            if let destination { packet.require(destinationNetwork: destination) }
            matches.append(packet)
        }
        if let etherType {
            for index in matches.indices { matches[index].require(etherType: etherType) }
        }
        if let sourcePorts {
            matches = SwitchRule.each(of: matches, sourcePorts) { $0.require(sourcePort: $1, mask: $2) }
        }
        if let destinationPorts {
            matches = SwitchRule.each(of: matches, destinationPorts) { $0.require(destinationPort: $1, mask: $2) }
        }
        return matches
    }

    private static func each(
        of matches: [RuleMatch],
        _ ports: ClosedRange<UInt16>,
        _ require: (inout RuleMatch, UInt16, UInt16) -> Void
    ) -> [RuleMatch] {
        matches.flatMap { match in
            RuleMatch.prefixes(of: ports).map { port, mask in
                var match = match
                require(&match, port, mask)
                return match
            }
        }
    }
}
