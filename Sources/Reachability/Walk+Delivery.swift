// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension Walk {
    /// What the sender sees of it in the end: whether somebody listens, and whether the answer comes back.
    mutating func conclude(_ fate: Fate, origin: Int, outside: HostModel.Link?) -> TraceVerdict {
        switch fate {
        case .stopped(let verdict): return verdict
        case .left(let place, let link): return imagine(place, link, origin, outside)
        case .local(let place):
            guard let packet = arrived, let isHeard = listens(packet, place) else {
                return stop(.connected, place, "it reaches \(title(place))")
            }
            return answer(packet, place, isHeard, origin, outside)
        }
    }

    /// Nobody knows who is beyond: an answer from there has to find its way back.
    private mutating func imagine(_ place: Int, _ link: HostModel.Link, _ origin: Int, _ outside: HostModel.Link?)
        -> TraceVerdict
    {
        let reason = "it leaves \(title(place)) by \(link.name), and what is beyond cannot be seen"
        guard let packet = departed, packet.family != nil, outside == nil else {
            return stop(.connected, place, reason)
        }
        isAnswer = true
        hops = 0
        var answer = packet.answer(isRefusal: false)
        (answer.destination, answer.vlan) = (packet.source, exitTag)
        note(.link, place, "an answer would come in by \(link.name)")
        switch receive(answer, by: link, of: place) {
        case .local(let home) where home == origin:
            guard let begun, let trouble = arrived.flatMap({ isAbout($0, begun.packet) }) else {
                return stop(.connected, place, reason)
            }
            return stop(.dropped, place, "\(reason), but an answer would not fit: \(trouble)")
        case .stopped(var verdict):
            if verdict.outcome != .unknown { verdict.outcome = .dropped }
            verdict.reason = "it leaves \(title(place)) by \(link.name), but no answer comes back: \(verdict.reason)"
            return verdict
        case .local(let other): return stop(.dropped, place, "an answer would go to \(title(other))")
        case .left(_, let exit): return stop(.dropped, place, "an answer would leave by \(exit.name)")
        }
    }

    /// Whether somebody takes the packet; nil when nobody can know.
    private mutating func listens(_ packet: Packet, _ namespace: Int) -> Bool? {
        let space = model.namespaces[namespace]
        switch packet.protocolNumber {
        case 1, 58:
            guard packet.isEchoRequest else {
                note(.socket, namespace, "it asks for no echo, and who hears it cannot be seen")
                return nil
            }
            let name = packet.family == .v4 ? "ipv4/icmp_echo_ignore_all" : "ipv6/icmp/echo_ignore_all"
            if space.setting(name) != 0 {
                note(.setting, namespace, "\(name) is on")
                return nil
            }
            note(.socket, namespace, "the kernel answers an echo request")
            return true
        case 6, 17:
            let (address, port) = (packet.destinationAddress, packet.destinationPort)
            let hearers = space.sockets.filter { socket in
                guard socket.transport == packet.protocolNumber, socket.port == port else { return false }
                guard isReached(socket, space) else { return false }
                guard address.family == .v4 ? socket.hearsIPv4 : socket.hearsIPv6 else { return false }
                return socket.address.isUnspecified || Self.plain(socket.address) == address
            }
            let isHeard = !hearers.isEmpty
            // A server of datagrams that is not bound answers past the VRF that it was asked by.
            answersUnbound = isHeard && packet.protocolNumber == 17 && hearers.allSatisfy { $0.link == 0 }
            let end = "\(TransportName.name(packet.protocolNumber)) port \(port) of \(address)"
            note(.socket, namespace, isHeard ? "a socket listens at \(end)" : "no socket listens at \(end)")
            if isHeard, packet.protocolNumber == 17 { remark(packet, space, namespace) }
            return isHeard
        default: return nil
        }
    }

    /// Whether a socket hears what came in by the link that the packet came by: one that is bound hears that link or
    /// VRF only, and any other one nothing of a VRF (`inet_bound_dev_eq` of the kernel).
    private func isReached(_ socket: HostModel.Socket, _ space: HostModel.Namespace) -> Bool {
        let domain = space.domain(arrivedBy)
        guard socket.link == 0 else { return [arrivedBy?.index, domain?.index].contains(socket.link) }
        let name = socket.transport == 6 ? "tcp_l3mdev_accept" : "udp_l3mdev_accept"
        return domain == nil || space.setting("ipv4/\(name)") != 0
    }

    /// Who listens for datagrams at all addresses, and does not care, answers from the one that the route says.
    private mutating func remark(_ packet: Packet, _ space: HostModel.Namespace, _ namespace: Int) {
        let any = packet.family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
        let question = RouteQuestion(destination: packet.sourceAddress, source: any, input: nil, output: nil)
        guard case .found(let route) = space.route(question), let link = space.link(route.link), !link.isLoopback,
            let source = space.source(on: link, to: packet.sourceAddress, route),
            source != packet.destinationAddress
        else { return }
        let text = "a server that listens at all addresses may answer from \(source), which the sender does not take"
        note(.remark, namespace, text)
    }

    /// Addresses of IPv4 as sockets of IPv6 write them (RFC 4291, 2.5.5.2).
    private static func plain(_ address: IPAddress) -> IPAddress {
        guard address.family == .v6, address.value >> 32 == 0xffff else { return address }
        return IPAddress(v4: UInt32(truncatingIfNeeded: address.value))
    }

    private mutating func answer(
        _ packet: Packet,
        _ place: Int,
        _ isHeard: Bool,
        _ origin: Int,
        _ outside: HostModel.Link?
    ) -> TraceVerdict {
        isAnswer = true
        hops = 0
        let isRefusedByError = !isHeard && packet.protocolNumber == 17
        var answer = packet.answer(isRefusal: !isHeard)
        if isRefusedByError, case .error(let code) = Notice.portUnreachable(packet.family) {
            answer = packet.error(code, from: packet.destinationAddress)
        }
        let domain = answersUnbound ? nil : model.namespaces[place].domain(arrivedBy)
        let fate = send(&answer, from: place, by: domain, about: isRefusedByError ? attached : nil)
        let end = Packet.end(packet.destinationAddress, packet.destinationPort)
        let target = packet.hasPorts ? end : "\(packet.destinationAddress)"
        if let verdict = astray(fate, place, origin, outside) { return verdict }
        if let begun, let other = (outside == nil ? arrived : departed).flatMap({ isAbout($0, begun.packet) }) {
            return stop(.dropped, place, "it reaches \(title(place)), but the answer does not fit: \(other)")
        }
        guard isHeard else {
            return stop(
                .refused,
                place,
                "it reaches \(title(place)), where nobody listens at \(target)",
                advice: "start what should listen there, on that address or on all of them"
            )
        }
        return stop(.connected, place, "\(title(place)) answers at \(target)")
    }

    /// What becomes of an answer that does not come home; nil when it does.
    private func astray(_ fate: Fate, _ place: Int, _ origin: Int, _ outside: HostModel.Link?) -> TraceVerdict? {
        switch fate {
        case .stopped(let stopped):
            var verdict = stopped
            if verdict.outcome != .unknown { verdict.outcome = .dropped }
            verdict.reason = "it reaches \(title(place)), but the answer does not come back: \(stopped.reason)"
            return verdict
        case .left(let exit, let link) where outside?.index != link.index || exit != origin:
            let reason = "it reaches \(title(place)), but the answer leaves \(title(exit)) by \(link.name)"
            return stop(outside == nil ? .dropped : .connected, exit, reason)
        case .local(let home) where home != origin || outside != nil:
            return stop(.dropped, place, "it reaches \(title(place)), but the answer goes to \(title(home))")
        case .left(let exit, let link) where link.kind == "veth" && exitTag != begun?.packet.vlan:
            let tag = exitTag == 0 ? "without a tag" : "with tag \(exitTag)"
            let reason = "it reaches \(title(place)), but the answer leaves \(title(exit)) by \(link.name) \(tag)"
            return stop(.dropped, exit, reason)
        default: return nil
        }
    }
}
