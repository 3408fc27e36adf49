// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding

/// What a routing decision depends on.
struct RouteQuestion {
    var destination: IPAddress
    /// Unspecified when it is not chosen yet.
    var source: IPAddress
    /// The link that a packet came by; nil when it begins here.
    var input: HostModel.Link?
    /// The link that it has to leave by.
    var output: HostModel.Link?
    var mark: UInt32 = 0
}

/// What routes say.
enum RouteAnswer {
    case found(HostModel.Route)
    /// No table has one.
    case none
    case unknown(String)
}

extension HostModel.Namespace {
    /// The route for a packet: rules say which tables are asked, one after the other.
    func route(_ question: RouteQuestion) -> RouteAnswer {
        let family = question.destination.family
        for policy in policies where policy.family == family {
            guard matches(policy, question) else { continue }
            if let unknown = policy.unknown { return .unknown("rule \(policy.priority): \(unknown)") }
            switch policy.action {
            case 1:
                let domain = policy.asksVRF ? domain(question.output ?? question.input) : nil
                let table = domain?.table ?? policy.table
                guard let route = lookup(question.destination, family, table, question.output) else { continue }
                if route.kind == .throw { continue }
                return .found(route)
            case 6, 7, 8:
                guard let any = CIDR(address: question.destination, prefixLength: 0) else { continue }
                var route = HostModel.Route(any.network, link: nil)
                route.kind = HostModel.Route.Kind(rawValue: policy.action) ?? .blackhole
                return .found(route)
            default: return .unknown("rule \(policy.priority) is of a kind that is not understood")
            }
        }
        return .none
    }

    private func matches(_ policy: HostModel.Policy, _ question: RouteQuestion) -> Bool {
        var isMatch = true
        if let source = policy.source {
            isMatch = isMatch && !question.source.isUnspecified && source.contains(question.source)
        }
        if let destination = policy.destination { isMatch = isMatch && destination.contains(question.destination) }
        if policy.asksVRF { isMatch = isMatch && domain(question.output ?? question.input) != nil }
        // A packet that begins here comes in by the loopback link.
        if let input = policy.input { isMatch = isMatch && (question.input?.name ?? "lo") == input }
        if let output = policy.output { isMatch = isMatch && question.output?.name == output }
        if let mark = policy.mark { isMatch = isMatch && question.mark & policy.markMask == mark }
        return isMatch != policy.isInverted
    }

    private func lookup(
        _ address: IPAddress,
        _ family: AddressFamily,
        _ table: Int,
        _ output: HostModel.Link?
    ) -> HostModel.Route? {
        let meant = routes.filter { route in
            guard route.table == table, route.destination.family == family else { return false }
            if let output, output.kind != "vrf", let link = route.link, link != output.index { return false }
            // Routes of links that are down are not used; a host's own addresses stay its own.
            return route.link == nil || route.kind == .local || link(route.link)?.isUp ?? false
        }
        var index = RouteTable()
        for (number, route) in meant.enumerated() {
            var entry = Forwarding.Route(
                destination: route.destination,
                outputInterface: InterfaceID(index: UInt16(truncatingIfNeeded: number & 1023))
            )
            entry.priority = route.priority
            index.insert(entry)
        }
        guard let id = index.lookup(address) else { return nil }
        return meant[Int(id.number)]
    }

    /// What the routing tables know of an address; `RTN_*`.
    func addressType(_ address: IPAddress, on link: HostModel.Link? = nil) -> HostModel.Route.Kind {
        if address.isMulticast { return .multicast }
        if address.family == .v4, address.value == 0xffff_ffff { return .broadcast }
        let question = RouteQuestion(
            destination: address,
            source: IPAddress(v4: 0),
            input: domain(link),
            output: nil
        )
        if case .found(let route) = route(question) { return route.kind }
        return .unicast
    }

    /// Whether an address is one of the namespace: of the VRF of a link, if that is in one.
    func isOwn(_ address: IPAddress, on link: HostModel.Link? = nil) -> Bool {
        addressType(address, on: link) == .local
    }

    /// The address that packets to somebody leave a link with by a route when their sender chose none.
    func source(on link: HostModel.Link, to destination: IPAddress, _ route: HostModel.Route) -> IPAddress? {
        let next = destination.family == .v6 ? destination : route.gateway ?? destination
        return route.source ?? sourceAddress(on: link, to: next)
    }

    /// The address that packets leave a link with when their sender chose none (`inet_select_addr` of the kernel): IPv4
    /// asks for the next station, IPv6 for where it goes in the end.
    func sourceAddress(on link: HostModel.Link, to next: IPAddress) -> IPAddress? {
        let family = next.family
        if family == .v6 { return sourceOfIPv6(on: link, to: next) }
        let own = addresses.filter { $0.link == link.index && $0.address.address.family == family }
        let isGlobal: (HostModel.Address) -> Bool = { !$0.address.address.isLinkLocalUnicast }
        let near = own.first { $0.address.contains(next) && (isGlobal($0) || next.isLinkLocalUnicast) }
        if let found = near ?? own.first(where: isGlobal) { return found.address.address }
        let others = addresses.filter { $0.address.address.family == family && isGlobal($0) }
        return others.first { !$0.address.address.isLoopback }?.address.address ?? own.first?.address.address
    }

    /// RFC 6724, 5, as far as the kernel goes by it: of two that are equal the first one of a link.
    private func sourceOfIPv6(on link: HostModel.Link, to destination: IPAddress) -> IPAddress? {
        var best: (address: IPAddress, rank: [Int])?
        for entry in addresses where entry.address.address.family == .v6 && !entry.isTentative {
            let address = entry.address.address
            let isHere = entry.link == link.index
            guard isHere || !address.isLinkLocalUnicast else { continue }
            let scope = Self.scope(address)
            let wanted = Self.scope(destination)
            let common = (address.value ^ destination.value).leadingZeroBitCount
            let rank = [
                address == destination ? 1 : 0, scope >= wanted ? 100 - scope : scope, isHere ? 1 : 0,
                Self.label(address) == Self.label(destination) ? 1 : 0, min(common, 64),
            ]
            if best.map({ $0.rank.lexicographicallyPrecedes(rank) }) ?? true { best = (address, rank) }
        }
        return best?.address
    }

    /// How far an address means the same: 1 a host, 2 a link, 14 everywhere.
    private static func scope(_ address: IPAddress) -> Int {
        if address.isLoopback { return 1 }
        return address.isLinkLocalUnicast ? 2 : address.isMulticast ? Int(address.value >> 112 & 15) : 14
    }

    /// The table of RFC 6724, 2.1, as the kernel has it.
    private static func label(_ address: IPAddress) -> Int {
        let head = UInt32(truncatingIfNeeded: address.value >> 96)
        if address.isLoopback { return 0 }
        if address.value >> 32 == 0xffff { return 4 }
        if address.value >> 32 == 0 { return 3 }
        if head == 0x2001_0000 { return 6 }
        if head >> 4 == 0x200_1001 { return 7 }
        if head >> 16 == 0x2002 { return 2 }
        if head >> 16 == 0x3ffe { return 12 }
        if head >> 22 == 0x3fb { return 11 }
        return head >> 25 == 0x7e ? 5 : 1
    }
}
