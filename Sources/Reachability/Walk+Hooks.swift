// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Doctor
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
        if place.point == .egress {
            families = [.netdev]
        } else if place.point == .ingress {
            families = packet.family == nil ? [.netdev] : [.netdev, .inet]
        } else if place.bridge != nil {
            families = [.bridge]
        } else if let family = packet.family {
            families = [.inet, family == .v4 ? .ip : .ip6]
        } else {
            return nil
        }
        let isFirst = place.point == .prerouting || place.point == .output
        if packet.isDiscovery { isUntracked = true }
        let isIngress = place.point == .ingress
        let device = isIngress ? place.input?.name : place.point == .egress ? place.output?.name : nil
        let tracks = place.bridge == nil && packet.family != nil && !isUntracked && device == nil
        let translationPriority: Int32 = isFirst ? -100 : 100
        let translates = tracks && place.point != .forward
        var isTracked = !isFirst || place.bridge != nil
        var isTranslated = !translates
        let chains = space.ruleset.chains(at: place.point, of: families, device: device)
        if isIngress, !chains.isEmpty { attached = nil }
        if let unseen = space.unseenRules, place.bridge == nil, device == nil {
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
        if place.point == .postrouting || place.point == .input, place.bridge == nil {
            change(place.namespace) { $0.isConfirmed = true }
        }
        return nil
    }

    // MARK: - Connections

    private func connection(_ namespace: Int) -> Connection? {
        guard let attached, attached.namespace == namespace else { return nil }
        return connections[namespace]?[attached.index]
    }

    private mutating func change(_ namespace: Int, _ body: (inout Connection) -> Void) {
        guard let attached, attached.namespace == namespace else { return }
        if var connection = connections[namespace]?[attached.index] {
            body(&connection)
            connections[namespace]?[attached.index] = connection
        }
    }

    private func isReply(_ namespace: Int) -> Bool { attached?.namespace == namespace && attached?.isReply ?? false }

    /// Finds the connection that a packet belongs to, or begins one.
    private mutating func track(_ packet: Packet, _ namespace: Int) {
        // What goes through the loopback link keeps its connection.
        guard attached?.namespace != namespace else { return }
        let known = connections[namespace] ?? []
        isRelated = false
        if let inner = packet.inner { return relate(packet, inner, known, namespace) }
        let tuple = Tuple(packet)
        if let index = known.firstIndex(where: { $0.original == tuple && $0.protocolNumber == packet.protocolNumber }) {
            attached = Attachment(namespace: namespace, index: index, isReply: false)
        } else if let index = known.firstIndex(where: { $0.reply == tuple && $0.matches(packet) }) {
            attached = Attachment(namespace: namespace, index: index, isReply: true)
            change(namespace) { $0.hasSeenReply = true }
        } else {
            connections[namespace, default: []].append(Connection(packet))
            attached = Attachment(namespace: namespace, index: known.count, isReply: false)
        }
    }

    /// Finds the connection that an error is about; one that was never confirmed is not found
    /// (`nf_conntrack_inet_error` of the kernel).
    private mutating func relate(_ packet: Packet, _ inner: Packet, _ known: [Connection], _ namespace: Int) {
        attached = nil
        let answer = Tuple(inner).reversed
        for (index, connection) in known.enumerated() where connection.isConfirmed && connection.matches(inner) {
            guard connection.original == answer || connection.reply == answer else { continue }
            guard answer.destination == packet.destinationAddress else { return }
            let isReply = connection.reply == answer
            attached = Attachment(namespace: namespace, index: index, isReply: isReply)
            isRelated = true
            return
        }
    }

    // MARK: - Translations

    /// Does to a packet what was settled for its connection.
    private mutating func translate(_ packet: inout Packet, _ place: HookPlace) {
        guard let connection = connection(place.namespace) else { return }
        let before = packet
        defer {
            if packet != before { note(.nat, place.namespace, "translated as its connection: now \(packet.words)") }
        }
        guard packet.inner == nil else { return translateError(&packet, connection, place) }
        let isFirst = place.point == .prerouting || place.point == .output
        switch (isFirst, isReply(place.namespace)) {
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
    }

    /// Makes an error one about the packet as its sender knows it (`nf_nat_icmp_reply_translation` of the kernel).
    private func translateError(_ packet: inout Packet, _ connection: Connection, _ place: HookPlace) {
        let isFirst = place.point == .prerouting || place.point == .output
        let isReply = isReply(place.namespace)
        let tuple = isReply ? connection.original : connection.reply
        guard var inner = packet.inner,
            isReply == isFirst ? connection.translatesSource : connection.translatesDestination
        else { return }
        if isFirst {
            (inner.sourceAddress, inner.sourcePort) = (tuple.source, tuple.sourcePort)
            packet.destinationAddress = tuple.source
        } else {
            (inner.destinationAddress, inner.destinationPort) = (tuple.destination, tuple.destinationPort)
            packet.sourceAddress = tuple.destination
        }
        packet.inner = inner
    }

    private mutating func settle(_ place: HookPlace) {
        guard !isReply(place.namespace) else { return }
        let isFirst = place.point == .prerouting || place.point == .output
        change(place.namespace) { connection in
            if isFirst { connection.isDestinationSettled = true } else { connection.isSourceSettled = true }
        }
    }

    /// Translates as a rule says, for this packet and all others of the connection.
    private mutating func apply(_ translation: Translation, _ place: HookPlace, _ packet: inout Packet) {
        let address = address(of: translation, place, packet)
        if translation.isDestination {
            if let address { packet.destinationAddress = address }
            if let port = translation.port { packet.destinationPort = port }
        } else {
            if let address { packet.sourceAddress = address }
            if let port = translation.port { packet.sourcePort = port }
        }
        let tuple = Tuple(packet)
        change(place.namespace) { connection in
            if translation.isDestination {
                (connection.reply.source, connection.reply.sourcePort) = (tuple.destination, tuple.destinationPort)
                connection.isDestinationSettled = true
            } else {
                (connection.reply.destination, connection.reply.destinationPort) = (tuple.source, tuple.sourcePort)
                connection.isSourceSettled = true
            }
        }
    }

    private func address(of translation: Translation, _ place: HookPlace, _ packet: Packet) -> IPAddress? {
        guard translation.usesLink else { return translation.address }
        let space = model.namespaces[place.namespace]
        guard translation.isDestination else {
            let next = packet.family == .v6 ? packet.destinationAddress : nextHop ?? packet.destinationAddress
            return place.output.flatMap { space.sourceAddress(on: $0, to: next) }
        }
        let loopback = packet.family == .v4 ? IPAddress(v4: 0x7f00_0001) : IPAddress(v6: 1)
        guard place.point != .output else { return loopback }
        let own = space.addresses.first { address in
            let own = address.address.address
            return address.link == place.input?.index && own.family == packet.family
                && (packet.family == .v4 || own.isLinkLocalUnicast == packet.destinationAddress.isLinkLocalUnicast)
        }
        return own?.address.address
    }

    // MARK: - One chain

    private mutating func ask(
        _ chain: InstalledChain,
        _ place: HookPlace,
        _ packet: inout Packet,
        isTracked: Bool
    ) -> TraceVerdict? {
        if chain.hook?.kind == .nat {
            let connection = connection(place.namespace)
            let isFirst = place.point == .prerouting || place.point == .output
            let isSettled = isFirst ? connection?.isDestinationSettled : connection?.isSourceSettled
            // Rules of translation see the first packet of a connection only.
            guard connection != nil, !isReply(place.namespace), isSettled == false else { return nil }
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
        hook.connection = isTracked && !isUntracked ? connection(place.namespace) : nil
        (hook.isReply, hook.isRelated) = (isReply(place.namespace), isRelated)
        (hook.mark, hook.isUntracked) = (mark, isUntracked)
        hook.packetType = packet.destination.value == 0xffff_ffff_ffff ? 1 : packet.destination.isMulticast ? 2 : 0
        var run = ChainRun(model.namespaces[place.namespace].ruleset, hook)
        let outcome = run.run(chain)
        (mark, isUntracked) = (run.hook.mark, run.hook.isUntracked)
        if let found = run.hook.connection { change(place.namespace) { $0.mark = found.mark } }
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
        let rule = run.decider.map { RuleWords.place($0.chain, $0.position, $0.rule) }
        let at = rule ?? "policy of chain \(chain.chain)"
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
        case .reject(let notice):
            note(.filter, place.namespace, "rejected by \(at)\(text)")
            let reason = "\(at) rejects it"
            let told = stop(.refused, place.namespace, reason, plugin: owner.plugin, advice: owner.advice)
            return tell(notice, packet, place, told)
        case .translate(let translation):
            if translation.isChoice {
                return stop(.unknown, place.namespace, "\(at) takes one of several addresses by chance")
            }
            apply(translation, place, &packet)
            let end = translation.isDestination ? "destination" : "source"
            note(.nat, place.namespace, "\(end) translated by \(at)\(text)")
            note(.nat, place.namespace, "now \(packet.words)")
            return nil
        case .unknown(let words):
            note(.filter, place.namespace, "not understood: \(words)")
            return stop(.unknown, place.namespace, words, advice: "nft list ruleset shows the rule")
        }
    }
}
