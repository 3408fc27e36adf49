// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding
internal import PacketFilter

/// What a question for a neighbour comes to.
enum NeighbourAnswer {
    case known(MACAddress)
    /// The question leaves everything that is known by this link.
    case beyond(Int, HostModel.Link)
    case stopped(TraceVerdict)
}

/// Somebody who asked for an address of a namespace, by one of its links.
struct Acquaintance: Hashable, Sendable {
    var namespace: Int
    var link: Int32
    var address: IPAddress
}

extension Walk {
    /// Asks a link for who has an address, as ARP and neighbour discovery do: the question has to get there, and the
    /// answer back.
    mutating func neighbour(
        _ target: IPAddress,
        on link: HostModel.Link,
        of namespace: Int,
        from sender: IPAddress
    ) -> NeighbourAnswer {
        let asker = Acquaintance(namespace: namespace, link: link.index, address: target)
        if let known = acquaintances[asker] { return .known(known) }
        // Questions go their own way: what they meet is told only if they fail.
        let kept = self
        isQuiet = true
        let answer = askNeighbours(target, on: link, of: namespace, from: sender)
        let (known, tag) = (acquaintances, exitTag)
        self = kept
        acquaintances = known
        exitTag = tag
        return answer
    }

    private mutating func askNeighbours(
        _ target: IPAddress,
        on link: HostModel.Link,
        of namespace: Int,
        from sender: IPAddress
    ) -> NeighbourAnswer {
        let space = model.namespaces[namespace]
        let isOwn = space.addresses.contains { $0.link == link.index && $0.address.address == sender }
        // Who forwards for somebody else asks in his own name; by IPv6 in that of the link.
        let near = space.addresses.first { $0.link == link.index && $0.address.address.isLinkLocalUnicast }
        let own = target.family == .v4 ? space.sourceAddress(on: link, to: target) : near?.address.address
        let source = isOwn ? sender : own ?? sender
        var question = Packet.question(for: target, from: source, link.address)
        if let verdict = leave(&question, by: link, of: namespace) {
            return .stopped(unanswered(target, link, namespace, verdict))
        }
        let arrivals = spread(question, by: link, of: namespace)
        var trouble: TraceVerdict?
        for case .up(let place, let end, let frame, let wasAsked) in arrivals where answers(place, end, target) {
            guard !(place == namespace && end.index == link.index) else { continue }
            switch reply(to: frame, for: target, by: end, of: place, to: namespace, wasAsked: wasAsked) {
            case .stopped(let verdict): trouble = verdict
            case let answer:
                acquaintances[Acquaintance(namespace: place, link: end.index, address: source)] = link.address
                return answer
            }
        }
        for case .stranger(let stranger) in arrivals where stranger.addresses.contains(target) {
            return .stopped(notSeen(stranger, target, namespace))
        }
        for case .left(let place, let exit) in arrivals {
            if let verdict = apart(target, from: link, namespace) { return .stopped(verdict) }
            return .beyond(place, exit)
        }
        for case .stopped(let verdict) in arrivals where trouble == nil || verdict.outcome == .unknown {
            trouble = verdict
        }
        if trouble == nil { trouble = hindrance(question, target, link, namespace) }
        return .stopped(unanswered(target, link, namespace, trouble))
    }

    /// Who answers somebody beyond a link that asks for an address; `beyond` when nobody but the namespace itself does.
    func receiver(
        _ target: IPAddress,
        _ sender: IPAddress,
        _ link: HostModel.Link,
        _ namespace: Int
    ) -> NeighbourAnswer {
        var walk = self
        walk.isQuiet = true
        let question = Packet.question(for: target, from: sender, MACAddress(value: 0x0200_5e00_0001))
        let arrivals = walk.enter(question, by: link, of: namespace)
        for case .up(let place, let end, _, _) in arrivals where place != namespace && answers(place, end, target) {
            return .known(end.address)
        }
        for case .stranger(let stranger) in arrivals where stranger.addresses.contains(target) {
            return .stopped(notSeen(stranger, target, namespace))
        }
        return .beyond(namespace, link)
    }

    private func notSeen(_ stranger: HostModel.Stranger, _ target: IPAddress, _ namespace: Int) -> TraceVerdict {
        let reason = "\(target) belongs to container \(stranger.name), which was not looked into"
        var verdict = stop(.unknown, namespace, reason)
        verdict.stranger = stranger.name
        return verdict
    }

    /// The answer goes back the same way; that nobody gets it, and nobody knows why, is no answer.
    private mutating func reply(
        to question: Packet,
        for target: IPAddress,
        by end: HostModel.Link,
        of place: Int,
        to home: Int,
        wasAsked: Bool
    ) -> NeighbourAnswer {
        var heard = question
        if let verdict = arrive(&heard, by: end, of: place, wasAsked: wasAsked) { return .stopped(verdict) }
        var answer = heard.neighbourAnswer(end.address, for: target)
        if let verdict = leave(&answer, by: end, of: place) { return .stopped(verdict) }
        let back = spread(answer, by: end, of: place)
        for case .up(let namespace, let link, var frame, let wasAsked) in back where namespace == home {
            if let verdict = arrive(&frame, by: link, of: home, wasAsked: wasAsked) { return .stopped(verdict) }
            return .known(end.address)
        }
        for case .stopped(let verdict) in back { return .stopped(verdict) }
        return .stopped(stop(.dropped, place, "the answer goes elsewhere"))
    }

    /// Neighbour discovery is IPv6, and asks its rules; nobody asks them about ARP.
    private mutating func leave(_ packet: inout Packet, by link: HostModel.Link, of namespace: Int) -> TraceVerdict? {
        isUntracked = true
        var place = HookPlace(point: .output, namespace: namespace, input: nil, output: link, bridge: nil)
        if let verdict = ask(place, &packet) { return verdict }
        place.point = .postrouting
        return ask(place, &packet)
    }

    private mutating func arrive(
        _ packet: inout Packet,
        by link: HostModel.Link,
        of namespace: Int,
        wasAsked: Bool
    ) -> TraceVerdict? {
        isUntracked = true
        var place = HookPlace(point: .prerouting, namespace: namespace, input: link, output: nil, bridge: nil)
        if !wasAsked, let verdict = ask(place, &packet) { return verdict }
        place.point = .input
        return ask(place, &packet)
    }

    /// Any link of a host answers for all of its addresses (`arp_ignore` 0); those of IPv6 only for their own.
    func answers(_ place: Int, _ end: HostModel.Link, _ target: IPAddress) -> Bool {
        let space = model.namespaces[place]
        if target.family == .v4, space.setting("arp_ignore", of: end) == 0 {
            return space.isOwn(target, on: end)
        }
        return isOn(end, target, space)
    }

    private func isOn(_ link: HostModel.Link, _ address: IPAddress, _ space: HostModel.Namespace) -> Bool {
        space.addresses.contains { $0.link == link.index && $0.address.address == address && !$0.isTentative }
    }

    /// Why somebody who has the address does not hear the question: what becomes of it when it is sent to him alone.
    private mutating func hindrance(
        _ question: Packet,
        _ target: IPAddress,
        _ link: HostModel.Link,
        _ namespace: Int
    ) -> TraceVerdict? {
        for (place, space) in model.namespaces.enumerated() where place != namespace {
            for entry in space.addresses where entry.address.address == target {
                guard let end = space.link(entry.link) else { continue }
                var directed = question
                directed.destination = end.address
                for case .stopped(let verdict) in spread(directed, by: link, of: namespace) { return verdict }
            }
        }
        for port in model.switchPorts where port.addresses.contains(target) {
            guard let address = port.address else { continue }
            var directed = question
            directed.destination = address
            for case .stopped(let verdict) in spread(directed, by: link, of: namespace) { return verdict }
        }
        return nil
    }

    private mutating func unanswered(
        _ target: IPAddress,
        _ link: HostModel.Link,
        _ namespace: Int,
        _ trouble: TraceVerdict?
    ) -> TraceVerdict {
        guard var verdict = trouble else {
            return stop(.dropped, namespace, "nobody answers for \(target) on \(link.name) of \(title(namespace))")
        }
        if verdict.outcome != .unknown { verdict.outcome = .dropped }
        verdict.reason = "nobody answers for \(target) on \(link.name) of \(title(namespace)): \(verdict.reason)"
        return verdict
    }
}
