// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding
internal import PacketFilter

// What tells a sender that its packet goes no further is a packet itself: it has to find its way back, and to be about
// something that the sender's socket knows.
extension Walk {
    /// What the sender sees when a packet is answered with an error, and in what way it is not told.
    ///
    /// - Parameters:
    ///   - notice: what is sent.
    ///   - packet: as it is where it is refused: perhaps with another destination than it was sent to.
    ///   - place: where it is refused.
    ///   - verdict: what it would be if it were told.
    /// - Returns: the same with the outcome that it has, and a reason why if nobody is told.
    mutating func tell(
        _ notice: Notice,
        _ packet: Packet,
        _ place: HookPlace,
        _ verdict: TraceVerdict
    ) -> TraceVerdict {
        var verdict = verdict
        guard let outcome = notice.outcome(packet.family, packet.protocolNumber) else {
            verdict.outcome = .dropped
            verdict.reason += ", of which a socket of UDP is not told"
            return verdict
        }
        verdict.outcome = outcome
        // What rules of a link reject goes back by the same one.
        guard let begun, !isAnswer, !isQuiet, place.bridge == nil, place.point != .ingress else { return verdict }
        let kept = self
        isAnswer = true
        hops = 0
        let fate = deliver(notice, packet, place)
        let trouble = untold(fate, begun)
        let told = steps
        self = kept
        guard let trouble else { return verdict }
        steps = told
        if case .stopped(let stopped) = fate, stopped.outcome == .unknown { return stopped }
        verdict.outcome = .dropped
        verdict.reason += ", but the sender is not told: \(trouble)"
        return verdict
    }

    /// Sends the error.
    private mutating func deliver(_ notice: Notice, _ packet: Packet, _ place: HookPlace) -> Fate {
        var error: Packet
        let namespace = place.namespace
        switch notice {
        case .reset:
            error = packet.answer(isRefusal: true)
            note(.link, namespace, "a reset goes back to \(packet.sourceAddress)")
            if let shown, shown.namespace == namespace {
                // What a bridge showed to the rules of IP is reset by the port that it came by, past everything else
                // (nf_send_reset of the kernel).
                (error.source, error.destination) = (packet.destination, shown.sender)
                departed = error
                return settleArrivals(spread(error, by: shown.port, of: namespace), error)
            }
        case .error(let code):
            note(.link, namespace, "an error of ICMP goes back to \(packet.sourceAddress)")
            let isOwn = place.point == .input || place.output?.isLoopback ?? false
            guard let source = isOwn ? packet.destinationAddress : sourceOfErrors(to: packet, namespace) else {
                return .stopped(stop(.dropped, namespace, "no route back to \(packet.sourceAddress)"))
            }
            error = packet.error(code, from: source)
        }
        return send(&error, from: namespace, about: attached)
    }

    /// The address that errors leave with when the packet was not for this namespace.
    private func sourceOfErrors(to packet: Packet, _ namespace: Int) -> IPAddress? {
        let space = model.namespaces[namespace]
        let any = packet.family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
        let question = RouteQuestion(destination: packet.sourceAddress, source: any, input: nil, output: nil)
        guard case .found(let route) = space.route(question) else { return nil }
        if route.kind == .local { return packet.sourceAddress }
        guard let link = space.link(route.link) else { return nil }
        return space.source(on: link, to: packet.sourceAddress, route)
    }

    /// Why the sender does not hear of it; nil when it does.
    private func untold(_ fate: Fate, _ begun: (packet: Packet, namespace: Int, link: HostModel.Link?)) -> String? {
        let found: Packet?
        switch fate {
        case .stopped(let verdict): return verdict.reason
        case .local(let place):
            guard place == begun.namespace, begun.link == nil else { return "the error goes to \(title(place))" }
            found = arrived
        case .left(let place, let link):
            guard place == begun.namespace, link.index == begun.link?.index else {
                return "the error leaves \(title(place)) by \(link.name)"
            }
            found = departed
        }
        return found.flatMap { isAbout($0, begun.packet) }
    }

    /// Why an answer or an error is not one to what was sent; nil when it is.
    func isAbout(_ packet: Packet, _ begun: Packet) -> String? {
        if let inner = packet.inner {
            return Tuple(inner) == Tuple(begun) ? nil : "the error is about \(inner.words), which it did not send"
        }
        if Tuple(packet).reversed == Tuple(begun) { return nil }
        return "it comes from \(Packet.end(packet.sourceAddress, packet.sourcePort)), whom the sender did not ask"
    }
}
