// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Doctor
internal import Forwarding
internal import PacketFilter

/// Where a frame comes to, or does not.
enum Arrival {
    /// The namespace's own stack gets it from a link; `wasAsked` when the rules for what comes in were asked on a bridge.
    case up(Int, HostModel.Link, Packet, wasAsked: Bool)
    /// It goes out by a link whose far end is not known.
    case left(Int, HostModel.Link)
    /// It comes to an attachment that nobody looked into.
    case stranger(HostModel.Stranger)
    case stopped(TraceVerdict)
}

extension Walk {
    /// Hands a packet of IP to the next station on a link.
    mutating func transmit(_ original: Packet, by link: HostModel.Link, of namespace: Int) -> Fate {
        var packet = original
        guard link.isUp else {
            return .stopped(stop(.dropped, namespace, "link \(link.name) of \(title(namespace)) is down"))
        }
        if link.leadsBack {
            if let verdict = depart(&packet, link, namespace) { return .stopped(verdict) }
            return receivePacket(packet, by: link, of: namespace, wasAsked: false)
        }
        if Walk.isRouted(link) { return transmitByAddress(packet, by: link, of: namespace) }
        let target = nextHop ?? packet.destinationAddress
        packet.source = link.address
        departed = packet
        switch neighbour(target, on: link, of: namespace, from: packet.sourceAddress) {
        case .known(let address):
            note(.neighbour, namespace, "\(target) is at \(address)")
            packet.destination = address
        case .beyond(let place, let exit):
            guard exit.port == nil else {
                note(.link, place, "leaves by \(exit.name) towards \(target)")
                return .left(place, exit)
            }
            note(.neighbour, namespace, "\(target) is beyond \(exit.name)")
            packet.destination = MACAddress(value: 0x0200_5e00_0001)
        case .stopped(let verdict): return .stopped(verdict)
        }
        if let shaping = link.shaping { note(.remark, namespace, "\(link.name) is slowed down: \(shaping)") }
        return settleArrivals(spread(packet, by: link, of: namespace), packet)
    }

    /// What becomes of one packet that came to some places.
    mutating func settleArrivals(_ arrivals: [Arrival], _ packet: Packet) -> Fate {
        for case .up(let place, let link, let frame, let wasAsked) in arrivals
        where frame.destination == link.address || frame.destination.isMulticast || wasAsked {
            guard frame.family != nil else { return .local(place) }
            return receivePacket(frame, by: link, of: place, wasAsked: wasAsked)
        }
        for case .left(let place, let link) in arrivals {
            note(.link, place, "leaves by \(link.name)")
            return .left(place, link)
        }
        for case .stopped(let verdict) in arrivals { return .stopped(verdict) }
        for case .stranger(let stranger) in arrivals {
            var verdict = stop(.unknown, 0, "it goes to container \(stranger.name), which was not looked into")
            verdict.stranger = stranger.name
            return .stopped(verdict)
        }
        return .stopped(stop(.dropped, 0, "nobody takes a frame to \(packet.destination)"))
    }

    // MARK: - Links

    /// A link sends a frame.
    mutating func spread(_ packet: Packet, by link: HostModel.Link, of namespace: Int) -> [Arrival] {
        guard link.isUp else {
            let finding = link.port != nil && namespace == 0
            let reason = "link \(link.name) of \(title(namespace)) is down"
            return [.stopped(stop(.dropped, namespace, reason, finding: finding ? .portDown : nil))]
        }
        hops += 1
        guard hops < 256 else { return [.stopped(stop(.dropped, namespace, "it goes round in a circle"))] }
        var packet = packet
        if let verdict = depart(&packet, link, namespace) { return [.stopped(verdict)] }
        if isHome(link, namespace) {
            exitTag = packet.vlan
            return [.left(namespace, link)]
        }
        switch link.kind {
        case "veth": return cross(packet, link, namespace)
        case "bridge": return bridge(packet, link, from: nil, of: namespace)
        case "vlan": return tag(packet, link, namespace)
        case "macvlan": return sendStation(packet, link, namespace)
        case "dummy":
            return [.stopped(stop(.dropped, namespace, "\(link.name) is a dummy: what it sends is gone"))]
        case "ipvlan": return sendByAddress(packet, link, namespace)
        case "bond": return sendBonded(packet, link, namespace)
        case "team", "ifb":
            let reason = "what \(link.name) does, of kind \(link.kind), is not told here"
            return [.stopped(stop(.unknown, namespace, reason))]
        default:
            if let port = tapPort(link, namespace) { return carry(packet, from: port, link, namespace) }
            exitTag = packet.vlan
            return [.left(namespace, link)]
        }
    }

    /// Whether a link is the one that the first packet came in by, and who is beyond has his answer; questions for his
    /// hardware address go on to him.
    private func isHome(_ link: HostModel.Link, _ namespace: Int) -> Bool {
        isAnswer && !isQuiet && begun?.namespace == namespace && begun?.link?.index == link.index
    }

    /// Asks the chains where a link sends.
    mutating func depart(
        _ packet: inout Packet,
        _ link: HostModel.Link,
        _ namespace: Int
    ) -> TraceVerdict? {
        ask(HookPlace(point: .egress, namespace: namespace, input: nil, output: link, bridge: nil), &packet)
    }

    /// The other end of a pair.
    private mutating func cross(_ packet: Packet, _ link: HostModel.Link, _ namespace: Int) -> [Arrival] {
        shown = nil
        let places = link.isPeerAbroad ? Array(model.namespaces.indices) : [namespace]
        for place in places where link.isPeerAbroad != (place == namespace) {
            let end = model.namespaces[place].links.first { candidate in
                candidate.kind == "veth" && candidate.index == link.peer && candidate.peer == link.index
            }
            guard let end else { continue }
            guard end.isUp else {
                let reason = "the other end of \(link.name), \(end.name) of \(title(place)), is down"
                return [.stopped(stop(.dropped, place, reason))]
            }
            note(.link, place, "comes in by \(end.name), the other end of \(link.name)")
            return enter(packet, by: end, of: place)
        }
        if namespace == 0, let stranger = model.strangers[link.name] { return [.stranger(stranger)] }
        exitTag = packet.vlan
        return [.left(namespace, link)]
    }

    /// A frame comes to a link from outside.
    mutating func enter(_ packet: Packet, by link: HostModel.Link, of namespace: Int) -> [Arrival] {
        guard link.isUp else {
            return [.stopped(stop(.dropped, namespace, "link \(link.name) of \(title(namespace)) is down"))]
        }
        return reachSwitch(packet, link, namespace) + rise(packet, by: link, of: namespace)
    }

    /// What the kernel does with a frame that came to a link.
    private mutating func rise(_ packet: Packet, by link: HostModel.Link, of namespace: Int) -> [Arrival] {
        let space = model.namespaces[namespace]
        var packet = packet
        let place = HookPlace(point: .ingress, namespace: namespace, input: link, output: nil, bridge: nil)
        if let verdict = ask(place, &packet) { return [.stopped(verdict)] }
        if let arrivals = untag(packet, link, namespace) { return arrivals }
        let master = space.link(link.master)
        if let master, master.kind == "bridge", link.port != nil {
            return bridge(packet, master, from: link, of: namespace)
        }
        if let master, master.kind == "bond" { return receiveBonded(packet, link, master, namespace) }
        if let master, master.kind != "bridge", master.kind != "vrf" {
            let reason = "\(link.name) belongs to \(master.name), of kind \(master.kind), which is not told here"
            return [.stopped(stop(.unknown, namespace, reason))]
        }
        var besides: [Arrival] = []
        if let arrivals = reachStations(packet, link, namespace, &besides) { return arrivals }
        if let arrivals = reachAddresses(packet, link, namespace, &besides) { return arrivals }
        guard packet.vlan != 0 else { return besides + [.up(namespace, link, packet, wasAsked: false)] }
        let reason = "nobody above \(link.name) is in VLAN \(packet.vlan)"
        return besides + unseen(namespace) + [.stopped(stop(.dropped, namespace, reason))]
    }
}
