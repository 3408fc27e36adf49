// SPDX-License-Identifier: Apache-2.0
internal import Doctor
internal import Addressing
internal import PacketFilter

/// Where a packet is when rules are asked.
struct HookPlace {
    var point: ChainHook.Point
    var namespace: Int
    var input: HostModel.Link?
    var output: HostModel.Link?
    /// The bridge that asks its own tables; nil for those of IP.
    var bridge: HostModel.Link?
}

extension Walk {
    /// Asks all chains at a point; the packet may be another one afterwards.
    ///
    /// - Returns: why it goes no further, or nil.
    mutating func ask(_ place: HookPlace, _ packet: inout Packet) -> TraceVerdict? {
        let space = model.namespaces[place.namespace]
        let families: [Family]
        if place.bridge != nil {
            families = [.bridge]
        } else if let family = packet.family {
            families = [.inet, family == .v4 ? .ip : .ip6]
        } else {
            return nil
        }
        let isFirst = place.point == .prerouting || place.point == .output
        let tracks = place.bridge == nil && packet.family != nil && !isUntracked
        let translationPriority: Int32 = isFirst ? -100 : 100
        let translates = tracks && place.point != .forward
        var isTracked = !isFirst || place.bridge != nil
        var isTranslated = !translates
        let chains = space.ruleset.chains(at: place.point, of: families)
        if let unseen = space.unseenRules, place.bridge == nil {
            let reason = "rules of \(title(place.namespace)) cannot be told: \(unseen)"
            return stop(.unknown, place.namespace, reason)
        }
        for chain in chains {
            let priority = chain.hook?.priority.rawValue ?? 0
            if !isTracked, priority > -200 {
                if tracks, !isUntracked { track(packet, place.namespace) }
                isTracked = true
            }
            if !isTranslated, priority >= translationPriority {
                translate(&packet, place)
                isTranslated = true
            }
            if let verdict = ask(chain, place, &packet, isTracked: isTracked) { return verdict }
        }
        if !isTracked, tracks, !isUntracked { track(packet, place.namespace) }
        if !isTranslated { translate(&packet, place) }
        if translates { settle(place) }
        return nil
    }

    private func isReply(_ packet: Packet, _ namespace: Int) -> Bool {
        isAnswer && connections[namespace] != nil
    }

    private mutating func track(_ packet: Packet, _ namespace: Int) {
        if connections[namespace] == nil {
            guard !isRelated else { return }
            connections[namespace] = Connection(packet)
        } else if isAnswer {
            connections[namespace]?.hasSeenReply = true
        }
    }

    // MARK: - Translations

    /// Does to a packet what was settled for its connection.
    private mutating func translate(_ packet: inout Packet, _ place: HookPlace) {
        guard let connection = connections[place.namespace] else { return }
        let before = packet
        let isFirst = place.point == .prerouting || place.point == .output
        switch (isFirst, isAnswer) {
        case (true, false) where connection.isDestinationSettled:
            packet.destinationAddress = connection.reply.source
            packet.destinationPort = connection.reply.sourcePort
        case (true, true):
            packet.destinationAddress = connection.original.source
            packet.destinationPort = connection.original.sourcePort
        case (false, false) where connection.isSourceSettled:
            packet.sourceAddress = connection.reply.destination
            packet.sourcePort = connection.reply.destinationPort
        case (false, true):
            packet.sourceAddress = connection.original.destination
            packet.sourcePort = connection.original.destinationPort
        default: break
        }
        if packet != before { note(.nat, place.namespace, "translated back: now \(packet.words)") }
    }

    private mutating func settle(_ place: HookPlace) {
        guard !isAnswer else { return }
        if place.point == .prerouting || place.point == .output {
            connections[place.namespace]?.isDestinationSettled = true
        } else {
            connections[place.namespace]?.isSourceSettled = true
        }
    }

    /// Translates as a rule says, for this packet and all others of the connection.
    private mutating func apply(_ translation: Translation, _ place: HookPlace, _ packet: inout Packet) {
        guard var connection = connections[place.namespace] else { return }
        let space = model.namespaces[place.namespace]
        var address = translation.address
        if translation.usesLink {
            if translation.isDestination {
                let own = place.input.flatMap { link in space.addresses.first { isOf(packet, $0, link) } }
                address = place.point == .output ? Self.loopback(packet) : own?.address.address
            } else if let link = place.output {
                address = space.sourceAddress(on: link, to: nextHop ?? packet.destinationAddress)
            }
        }
        if translation.isDestination {
            if let address { packet.destinationAddress = address }
            if let port = translation.port { packet.destinationPort = port }
            connection.reply.source = packet.destinationAddress
            connection.reply.sourcePort = packet.destinationPort
            connection.isDestinationSettled = true
        } else {
            if let address { packet.sourceAddress = address }
            if let port = translation.port { packet.sourcePort = port }
            connection.reply.destination = packet.sourceAddress
            connection.reply.destinationPort = packet.sourcePort
            connection.isSourceSettled = true
        }
        connections[place.namespace] = connection
    }

    private func isOf(_ packet: Packet, _ address: HostModel.Address, _ link: HostModel.Link) -> Bool {
        address.link == link.index && address.address.address.family == packet.family
    }

    private static func loopback(_ packet: Packet) -> IPAddress {
        packet.family == .v4 ? IPAddress(v4: 0x7f00_0001) : IPAddress(v6: 1)
    }

    // MARK: - One chain

    private mutating func ask(
        _ chain: InstalledChain,
        _ place: HookPlace,
        _ packet: inout Packet,
        isTracked: Bool
    ) -> TraceVerdict? {
        if chain.hook?.kind == .nat {
            let connection = connections[place.namespace]
            let isFirst = place.point == .prerouting || place.point == .output
            let isSettled = isFirst ? connection?.isDestinationSettled : connection?.isSourceSettled
            // Rules of translation see the first packet of a connection only.
            guard connection != nil, !isAnswer, isSettled == false else { return nil }
        }
        var hook = HookPacket(
            packet: packet,
            family: chain.chain.table.family,
            point: place.point,
            input: place.input,
            output: place.output,
            namespace: model.namespaces[place.namespace]
        )
        hook.bridge = place.bridge?.name
        hook.connection = isTracked && !isUntracked ? connections[place.namespace] : nil
        (hook.isReply, hook.isRelated) = (isReply(packet, place.namespace), isRelated)
        (hook.mark, hook.isUntracked) = (mark, isUntracked)
        hook.packetType = packet.destination.value == 0xffff_ffff_ffff ? 1 : packet.destination.isMulticast ? 2 : 0
        var run = ChainRun(model.namespaces[place.namespace].ruleset, hook)
        let outcome = run.run(chain)
        (mark, isUntracked) = (run.hook.mark, run.hook.isUntracked)
        if let connection = run.hook.connection { connections[place.namespace]?.mark = connection.mark }
        for remark in run.remarks { note(.remark, place.namespace, remark) }
        return conclude(outcome, run, chain, place, &packet)
    }

    private mutating func conclude(
        _ outcome: ChainOutcome,
        _ run: ChainRun,
        _ chain: InstalledChain,
        _ place: HookPlace,
        _ packet: inout Packet
    ) -> TraceVerdict? {
        let at = run.decider.map { RuleWords.place($0.chain, $0.position, $0.rule) }
            ?? "policy of chain \(chain.chain)"
        let text = run.decider.map { ": " + RuleWords.text($0.rule.rule) } ?? ""
        let owner = RuleWords.owner(run.decider?.chain ?? chain.chain, run.decider?.rule.rule.comment ?? "")
        switch outcome {
        case .accept:
            if run.decider != nil { note(.filter, place.namespace, "passes by \(at)\(text)") }
            return nil
        case .drop:
            note(.filter, place.namespace, "dropped by \(at)\(text)")
            let isForward = place.point == .forward && run.decider == nil
            return stop(
                .dropped,
                place.namespace,
                "\(at) drops it",
                plugin: owner.plugin,
                advice: owner.advice,
                finding: isForward ? .forwardDropped : nil
            )
        case .reject(let rejection):
            note(.filter, place.namespace, "rejected by \(at)\(text)")
            let outcome: TraceVerdict.Outcome = rejection == .refused ? .refused : .unreachable
            return stop(outcome, place.namespace, "\(at) rejects it", plugin: owner.plugin, advice: owner.advice)
        case .translate(let translation):
            if translation.isChoice {
                return stop(.unknown, place.namespace, "\(at) takes one of several addresses by chance")
            }
            apply(translation, place, &packet)
            note(.nat, place.namespace, "\(translation.isDestination ? "destination" : "source") translated by \(at)\(text)")
            note(.nat, place.namespace, "now \(packet.words)")
            return nil
        case .unknown(let words):
            note(.filter, place.namespace, "not understood: \(words)")
            return stop(.unknown, place.namespace, words, advice: "nft list ruleset shows the rule")
        }
    }
}
