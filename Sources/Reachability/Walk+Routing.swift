// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Doctor
internal import PacketFilter

extension Walk {
    /// Begins in a namespace: route, rules of what is sent, and out.
    ///
    /// - Parameters:
    ///   - packet: as it is afterwards.
    ///   - namespace: where it begins.
    ///   - binding: the link that its socket is bound to, or that it answers by.
    ///   - cause: of an error or a reset that the kernel sends for a rule, the connection of the packet that it is
    ///     about; it belongs to that one from the beginning.
    /// - Returns: where it ends.
    mutating func send(
        _ packet: inout Packet,
        from namespace: Int,
        by binding: HostModel.Link? = nil,
        about cause: Attachment? = nil
    ) -> Fate {
        (mark, isUntracked, attached, shown) = (0, false, nil, nil)
        isRelated = false
        if let cause, cause.namespace == namespace {
            attached = cause
            attached?.isReply.toggle()
            isRelated = true
        }
        let way: (route: HostModel.Route, link: HostModel.Link)
        switch lookup(packet, namespace, input: nil, binding) {
        case .found(let found): way = found
        case .stopped(let verdict, _): return .stopped(verdict)
        }
        var output = way.link
        let before = packet
        var place = HookPlace(point: .output, namespace: namespace, input: nil, output: output, bridge: nil)
        nextHop = way.route.gateway
        remarkLoopback(packet, way.route, namespace)
        if let verdict = ask(place, &packet) { return .stopped(verdict) }
        if packet.destinationAddress != before.destinationAddress {
            switch lookup(packet, namespace, input: nil, binding) {
            case .found(let found):
                output = found.link
                nextHop = found.route.gateway
            case .stopped(var verdict, _):
                // Of a route that is lost on the way out TCP is not told (ip_route_me_harder of the kernel).
                if verdict.outcome == .unreachable, packet.protocolNumber == 6 { verdict.outcome = .dropped }
                return .stopped(verdict)
            }
        }
        if let verdict = rulesOfVRF(output, namespace) { return .stopped(verdict) }
        if let verdict = confineLoopback(packet, output, namespace) { return .stopped(verdict) }
        place.point = .postrouting
        place.output = output
        if let verdict = ask(place, &packet) { return .stopped(verdict) }
        return transmit(packet, by: output, of: namespace)
    }

    enum Lookup {
        case found((route: HostModel.Route, link: HostModel.Link))
        /// With what a sender beyond a link is told, if anything.
        case stopped(TraceVerdict, Notice?)
    }

    /// The route of a packet, and the link that it leads to; of an own address that is the loopback link.
    mutating func lookup(
        _ packet: Packet,
        _ namespace: Int,
        input: HostModel.Link?,
        _ binding: HostModel.Link? = nil
    ) -> Lookup {
        let space = model.namespaces[namespace]
        let question = RouteQuestion(
            destination: packet.destinationAddress,
            source: packet.sourceAddress,
            input: input,
            output: binding,
            mark: mark
        )
        let route: HostModel.Route
        switch space.route(question) {
        case .found(let found): route = found
        case .none:
            note(.route, namespace, "no route to \(packet.destinationAddress)")
            let reason = "\(title(namespace)) has no route to \(packet.destinationAddress)"
            let advice = loopbackAdvice(packet.destinationAddress, namespace) ?? noRouteAdvice(namespace)
            return .stopped(stop(.unreachable, namespace, reason, advice: advice), .noRoute)
        case .unknown(let words):
            return .stopped(stop(.unknown, namespace, "routes of \(title(namespace)): \(words)"), nil)
        }
        if route.kind == .local {
            let domain = space.domain(binding ?? input)
            guard let loopback = domain ?? space.links.first(where: { $0.isLoopback }) else {
                return .stopped(stop(.unknown, namespace, "\(title(namespace)) has no loopback link"), nil)
            }
            return .found((route, loopback))
        }
        guard [.unicast, .broadcast, .multicast].contains(route.kind), let link = space.link(route.link) else {
            note(.route, namespace, "\(route.destination) is \(route.kind)")
            let reason = "the route of \(title(namespace)) to \(route.destination) is \(route.kind)"
            let isSilent = route.kind == .blackhole && input != nil
            let hard = packet.family == .v4 && route.kind != .prohibit ? Notice.error(1) : .noRoute
            let notice = route.kind == .prohibit ? Notice.prohibited(packet.family) : hard
            return .stopped(stop(isSilent ? .dropped : .unreachable, namespace, reason), notice)
        }
        if route.ways.count > 1 { note(.remark, namespace, "the route has several ways; the first is taken here") }
        let way = route.gateway.map { " via \($0)" } ?? ""
        let table = route.table == 254 ? "" : " of table \(route.table)"
        let target = packet.destinationAddress
        note(.route, namespace, "\(target): route \(route.destination)\(way) dev \(link.name)\(table)")
        return .found((route, link))
    }

    private func noRouteAdvice(_ namespace: Int) -> String {
        guard namespace != 0 else { return "ip route" }
        return "give the network a route: \"isDefaultGateway\" of bridge, or \"routes\" of its IPAM"
    }

    // MARK: - What comes in

    /// A frame comes to a link from below.
    mutating func receive(_ packet: Packet, by link: HostModel.Link, of namespace: Int) -> Fate {
        settleArrivals(enter(packet, by: link, of: namespace), packet)
    }

    /// A packet of IP comes to a namespace.
    mutating func receivePacket(
        _ original: Packet,
        by link: HostModel.Link,
        of namespace: Int,
        wasAsked: Bool
    ) -> Fate {
        var packet = original
        let space = model.namespaces[namespace]
        if !link.leadsBack, !wasAsked { (mark, isUntracked, attached) = (0, false, nil) }
        if let verdict = refuseLoopback(packet, link, namespace) { return .stopped(verdict) }
        if !wasAsked {
            let place = HookPlace(point: .prerouting, namespace: namespace, input: link, output: nil, bridge: nil)
            if let verdict = ask(place, &packet) { return .stopped(verdict) }
        }
        if !wasAsked, let fate = takeOver(packet, by: link, of: namespace) { return fate }
        // What comes in by a link of a VRF comes in by the VRF from here on.
        let domain = space.domain(link)
        if let domain, domain.index != link.index {
            let place = HookPlace(point: .prerouting, namespace: namespace, input: domain, output: nil, bridge: nil)
            if let verdict = ask(place, &packet) { return .stopped(verdict) }
        }
        let port = link
        let link = domain ?? link
        let way: (route: HostModel.Route, link: HostModel.Link)
        switch lookupIncoming(packet, namespace, link) {
        case .found(let found): way = found
        case .stopped(let verdict, _): return .stopped(verdict)
        }
        if !port.leadsBack, let verdict = checkSource(packet, namespace, link) { return .stopped(verdict) }
        if way.route.kind == .local {
            let place = HookPlace(point: .input, namespace: namespace, input: link, output: nil, bridge: nil)
            if let verdict = ask(place, &packet) { return .stopped(verdict) }
            (arrived, arrivedBy) = (packet, port)
            return .local(namespace)
        }
        guard way.route.kind == .unicast else {
            return .stopped(stop(.dropped, namespace, "\(packet.destinationAddress) is of all or of many"))
        }
        return forward(packet, namespace, link, way)
    }

    private mutating func lookupIncoming(_ packet: Packet, _ namespace: Int, _ link: HostModel.Link) -> Lookup {
        let answer = lookup(packet, namespace, input: link)
        guard case .stopped(let verdict, let notice) = answer, verdict.outcome == .unreachable, let notice else {
            return answer
        }
        // Who does not forward says nothing either; with IPv6 he does (ip6_pkt_discard of the kernel).
        if packet.family == .v4, let closed = forwardingOff(packet, namespace, link) { return .stopped(closed, nil) }
        let place = HookPlace(point: .prerouting, namespace: namespace, input: link, output: nil, bridge: nil)
        return .stopped(tell(notice, packet, place, verdict), nil)
    }

    func forwardingOff(_ packet: Packet, _ namespace: Int, _ link: HostModel.Link) -> TraceVerdict? {
        let space = model.namespaces[namespace]
        let name = packet.family == .v4 ? "ipv4/conf/\(link.name)/forwarding" : "ipv6/conf/all/forwarding"
        guard space.setting(name) == 0 else { return nil }
        return stop(
            .dropped,
            namespace,
            "\(title(namespace)) does not forward what comes in by \(link.name): \(name) is 0",
            advice: packet.family == .v4
                ? "sysctl net.ipv4.ip_forward=1; \"isGateway\" of bridge sees to it at each ADD"
                : "sysctl net.ipv6.conf.all.forwarding=1",
            finding: namespace == 0 ? .forwardingOff : nil
        )
    }

    /// Whether a packet may come from where it says; `fib_validate_source` of the kernel.
    private mutating func checkSource(_ packet: Packet, _ namespace: Int, _ link: HostModel.Link) -> TraceVerdict? {
        guard packet.family == .v4 else { return nil }
        let space = model.namespaces[namespace]
        let source = packet.sourceAddress
        if space.isOwn(source, on: link), space.setting("accept_local", of: link) == 0 {
            let reason = "\(source) is an address of \(title(namespace)) itself, and comes in by \(link.name)"
            return stop(.dropped, namespace, reason)
        }
        let mode = space.setting("rp_filter", of: link)
        guard mode > 0 else { return nil }
        let question = RouteQuestion(
            destination: source,
            source: packet.destinationAddress,
            input: link,
            output: nil,
            mark: 0
        )
        guard case .found(let route) = space.route(question), [.unicast, .local].contains(route.kind) else {
            note(.setting, namespace, "rp_filter: no way back to \(source)")
            return stop(.dropped, namespace, "there is no way back to \(source), and rp_filter is on")
        }
        // Any of several ways will do (`fib_info_nh_uses_dev` of the kernel).
        let isRight = route.links.contains { $0 == link.index || space.domain(space.link($0))?.index == link.index }
        guard mode == 1, !isRight else { return nil }
        let other = space.link(route.link)?.name ?? "elsewhere"
        note(.setting, namespace, "rp_filter is strict: the way back to \(source) is by \(other)")
        return stop(
            .dropped,
            namespace,
            "rp_filter of \(link.name) is strict, and the way back to \(source) is by \(other)",
            advice: "sysctl net.ipv4.conf.\(link.name).rp_filter=2, or send from an address that belongs there",
            finding: .strictReversePath
        )
    }

    private mutating func forward(
        _ original: Packet,
        _ namespace: Int,
        _ input: HostModel.Link,
        _ way: (route: HostModel.Route, link: HostModel.Link)
    ) -> Fate {
        var packet = original
        if let verdict = forwardingOff(packet, namespace, input) { return .stopped(verdict) }
        hops += 1
        guard hops < 16 else { return .stopped(stop(.dropped, namespace, "it goes round in a circle")) }
        nextHop = way.route.gateway
        var place = HookPlace(point: .forward, namespace: namespace, input: input, output: way.link, bridge: nil)
        if let verdict = ask(place, &packet) { return .stopped(verdict) }
        place.point = .postrouting
        if let verdict = ask(place, &packet) { return .stopped(verdict) }
        return transmit(packet, by: way.link, of: namespace)
    }
}
