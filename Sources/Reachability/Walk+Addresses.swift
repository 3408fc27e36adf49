// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding
internal import PacketFilter

// Links of kind `ipvlan`: addresses of their own behind the hardware address of the link that they rest upon.
extension Walk {
    /// Whether its packets are routed, where it rests upon another link, and no neighbours are asked.
    static func isRouted(_ link: HostModel.Link) -> Bool { link.kind == "ipvlan" && ["l3", "l3s"].contains(link.mode) }

    /// The link of kind `ipvlan` upon another one that has the address which a frame is for (`ipvlan_addr_lookup` of the
    /// kernel): of a question or an answer of ARP, the one that it is about.
    private func holder(_ packet: Packet, upon lower: Place) -> Place? {
        let target: IPAddress?
        if packet.family != nil {
            target = packet.destinationAddress
        } else if packet.etherType == EtherType.arp, packet.body.count >= 28 {
            target = IPAddress(octets: packet.body[24..<28])
        } else {
            target = nil
        }
        return uppers("ipvlan", upon: lower.link, lower.namespace).first { upper in
            let addresses = model.namespaces[upper.namespace].addresses
            return upper.link.isUp && addresses.contains { $0.link == upper.link.index && $0.address.address == target }
        }
    }

    /// Why nothing is told of a link of kind `ipvlan`; nil where it is one that others may see (flag `bridge`).
    private func strangeness(_ link: HostModel.Link, _ namespace: Int) -> TraceVerdict? {
        guard !["l2", "l3", "l3s"].contains(link.mode) else { return nil }
        let reason = "what \(link.name) does, ipvlan of mode \"\(link.mode)\", is not told here"
        return stop(.unknown, namespace, reason)
    }

    // MARK: - Sending

    /// A link of mode `l2` sends (`ipvlan_xmit_mode_l2` of the kernel).
    mutating func sendByAddress(_ packet: Packet, _ link: HostModel.Link, _ namespace: Int) -> [Arrival] {
        if let verdict = strangeness(link, namespace) { return [.stopped(verdict)] }
        switch base(link, namespace) {
        case .stopped(let verdict): return [.stopped(verdict)]
        case .found(let lower):
            if !packet.destination.isMulticast, packet.destination == link.address {
                guard let other = holder(packet, upon: lower) else {
                    note(.link, lower.namespace, "\(link.name) hands it to \(lower.link.name), whose address it has")
                    return enter(packet, by: lower.link, of: lower.namespace)
                }
                note(.link, other.namespace, "\(other.link.name) is upon \(lower.link.name) as well")
                return enter(packet, by: other.link, of: other.namespace)
            }
            var arrivals: [Arrival] = []
            if packet.destination.isMulticast {
                for other in uppers("ipvlan", upon: lower.link, lower.namespace)
                where (other.namespace, other.link.index) != (namespace, link.index) {
                    arrivals += enter(packet, by: other.link, of: other.namespace)
                }
                arrivals += unseen(lower.namespace)
            }
            note(.link, lower.namespace, "\(link.name) sends by \(lower.link.name)")
            return arrivals + spread(packet, by: lower.link, of: lower.namespace)
        }
    }

    /// A link of mode `l3` or `l3s` sends: to another one at once, else as if the namespace below had begun it
    /// (`ipvlan_xmit_mode_l3`, `ipvlan_process_outbound` of the kernel).
    mutating func transmitByAddress(_ original: Packet, by link: HostModel.Link, of namespace: Int) -> Fate {
        var packet = original
        (packet.source, packet.destination) = (link.address, link.address)
        departed = packet
        if let verdict = depart(&packet, link, namespace) { return .stopped(verdict) }
        switch base(link, namespace) {
        case .stopped(let verdict): return .stopped(verdict)
        case .found(let lower):
            hops += 1
            guard hops < 16 else { return .stopped(stop(.dropped, namespace, "it goes round in a circle")) }
            if let other = holder(packet, upon: lower) {
                note(.link, other.namespace, "\(other.link.name) is upon \(lower.link.name) as well")
                return settleArrivals(enter(packet, by: other.link, of: other.namespace), packet)
            }
            let owner = model.unseen.first { $0.addresses.contains(packet.destinationAddress) }
            if let owner { return settleArrivals([.stranger(owner)], packet) }
            note(.link, lower.namespace, "\(link.name) has \(title(lower.namespace)) send it")
            let fate = send(&packet, from: lower.namespace)
            // Nobody tells the container.
            guard case .stopped(var verdict) = fate, verdict.outcome == .unreachable else { return fate }
            verdict.outcome = .dropped
            return .stopped(verdict)
        }
    }

    private enum Base {
        case found(Place)
        case stopped(TraceVerdict)
    }

    /// The link that one of kind `ipvlan` rests upon, if that works.
    private func base(_ link: HostModel.Link, _ namespace: Int) -> Base {
        guard let lower = lower(link, namespace) else {
            return .stopped(stop(.unknown, namespace, "the link below \(link.name) cannot be seen"))
        }
        guard lower.link.isUp else {
            let reason = "\(lower.link.name), which \(link.name) rests upon, is down"
            return .stopped(stop(.dropped, lower.namespace, reason))
        }
        return .found(lower)
    }

    // MARK: - Receiving

    /// The link of kind `ipvlan` that takes a frame which comes to the link below; nil when it goes on to who else is
    /// there, with those that get it besides (`ipvlan_handle_frame` of the kernel).
    mutating func reachAddresses(
        _ packet: Packet,
        _ link: HostModel.Link,
        _ namespace: Int,
        _ besides: inout [Arrival]
    ) -> [Arrival]? {
        let all = uppers("ipvlan", upon: link, namespace)
        guard let first = all.first else { return nil }
        if let verdict = strangeness(first.link, first.namespace) { return [.stopped(verdict)] }
        if first.link.mode == "l2", packet.destination.isMulticast {
            for each in all { besides += enter(packet, by: each.link, of: each.namespace) }
            besides += unseen(namespace)
            return nil
        }
        // Of mode l3s the namespace below sees it first, as its own.
        guard first.link.mode != "l3s", let taker = holder(packet, upon: Place(namespace: namespace, link: link)) else {
            return nil
        }
        note(.link, taker.namespace, "\(taker.link.name) upon \(link.name) has the address, and takes it")
        var frame = packet
        if first.link.mode == "l3" { frame.destination = taker.link.address }
        return enter(frame, by: taker.link, of: taker.namespace)
    }

    /// Who takes a packet that came to a link of the namespace below, behind its rules for what comes in: of mode `l3s`
    /// it is not asked about again (`ipvlan_l3_rcv`, `ipvlan_nf_input` of the kernel).
    mutating func takeOver(_ packet: Packet, by link: HostModel.Link, of namespace: Int) -> Fate? {
        let place = Place(namespace: namespace, link: link)
        guard uppers("ipvlan", upon: link, namespace).contains(where: { $0.link.mode == "l3s" }),
            let taker = holder(packet, upon: place)
        else { return nil }
        var packet = packet
        let input = HookPlace(point: .input, namespace: namespace, input: link, output: nil, bridge: nil)
        if let verdict = ask(input, &packet) { return .stopped(verdict) }
        note(.link, taker.namespace, "\(taker.link.name) upon \(link.name) has the address, and takes it")
        (arrived, arrivedBy) = (packet, taker.link)
        return .local(taker.namespace)
    }
}
