// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Doctor
internal import PacketFilter

/// A flow on its way through the namespaces of a host: what each of them would do with it.
struct Walk {
    let model: HostModel
    var steps: [TraceStep] = []
    /// What each namespace's connection tracking keeps.
    var connections: [Int: [Connection]] = [:]
    /// Which of them the packet belongs to where it is, and whether it is of the direction of answers.
    var attached: Attachment?
    var isAnswer = false
    /// Whether the packet is an error that belongs to the connection where it is.
    var isRelated = false
    /// The first packet as its socket knows it, and where it began; `link` when it came in by one.
    var begun: (packet: Packet, namespace: Int, link: HostModel.Link?)?
    /// Where a bridge showed the packet to the rules of IP, by which port it had come, and from which station.
    var shown: (namespace: Int, port: HostModel.Link, sender: MACAddress)?
    /// Who asked for somebody is known to him.
    var acquaintances: [Acquaintance: MACAddress] = [:]
    /// Steps of questions for neighbours are nobody's business.
    var isQuiet = false
    /// As it was when it came to where it belongs.
    var arrived: Packet?
    /// The link that it came by.
    var arrivedBy: HostModel.Link?
    /// Whether who heard it answers as a socket that is bound to no link.
    var answersUnbound = false
    /// As it was when it was last handed to a link.
    var departed: Packet?
    var mark: UInt32 = 0
    var isUntracked = false
    /// The tag of the last frame that left everything that is known.
    var exitTag: UInt16 = 0
    /// Whom the packet is handed to on its link.
    var nextHop: IPAddress?
    /// Namespace changes are bounded, so that rules that lead in a circle end.
    var hops = 0

    init(_ model: HostModel) {
        self.model = model
    }

    /// Where a packet ends.
    enum Fate {
        /// In a namespace whose own it is.
        case local(Int)
        /// Beyond a link that leads out of everything that is known.
        case left(Int, HostModel.Link)
        case stopped(TraceVerdict)
    }

    mutating func note(_ stage: TraceStep.Stage, _ namespace: Int, _ text: String) {
        guard !isQuiet else { return }
        steps.append(TraceStep(stage, model.namespaces[namespace].name, text, isAnswer: isAnswer))
    }

    func stop(
        _ outcome: TraceVerdict.Outcome,
        _ namespace: Int,
        _ reason: String,
        plugin: String = "",
        advice: String = "",
        finding: FindingKind? = nil
    ) -> TraceVerdict {
        var verdict = TraceVerdict(outcome, at: model.namespaces[namespace].name, reason)
        (verdict.plugin, verdict.advice, verdict.finding) = (plugin, advice, finding)
        return verdict
    }

    func title(_ namespace: Int) -> String {
        let name = model.namespaces[namespace].name
        return namespace == 0 ? "the host" : "container \(name)"
    }
}

extension Trace {
    /// What would become of a flow.
    package init(_ flow: Flow, on model: HostModel) {
        var walk = Walk(model)
        let (verdict, subject) = walk.run(flow)
        self.init(subject: subject, steps: walk.steps, verdict: verdict)
    }

    /// What would become of a frame that comes by a link of a namespace, as it is on the wire; nil when it cannot be read.
    ///
    /// - Parameters:
    ///   - frame: from the destination's address on, without checksum.
    ///   - link: the name of the link that it comes in by.
    ///   - namespace: an index of ``HostModel/namespaces``.
    ///   - model: the host.
    package init?(frame: [UInt8], by link: String, of namespace: Int, on model: HostModel) {
        guard let packet = Packet(frame: frame), let link = model.namespaces[namespace].link(named: link) else {
            return nil
        }
        var walk = Walk(model)
        let verdict = walk.run(packet, by: link, of: namespace)
        self.init(subject: packet.words, steps: walk.steps, verdict: verdict)
    }
}

extension Walk {
    mutating func run(_ flow: Flow) -> (TraceVerdict, String) {
        guard let input = flow.input.flatMap({ model.namespaces[flow.origin].link(named: $0) }) else {
            return begin(flow)
        }
        let source = flow.source ?? flow.destination
        var packet = Packet.first(flow, source: source)
        let bridge = input.port == nil ? nil : model.namespaces[flow.origin].link(input.master)
        packet.destination = (bridge ?? input).address
        switch receiver(flow.destination, source, input, flow.origin) {
        case .known(let address): packet.destination = address
        case .stopped(let verdict): return (verdict, packet.words)
        case .beyond: break
        }
        return (run(packet, by: input, of: flow.origin), packet.words)
    }

    /// A process begins to talk.
    private mutating func begin(_ flow: Flow) -> (TraceVerdict, String) {
        let space = model.namespaces[flow.origin]
        let any = flow.destination.family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
        let binding = flow.binding.flatMap { space.link(named: $0) }
        if let source = flow.source, !space.isOwn(source, on: binding) {
            let reason = "\(title(flow.origin)) has no address \(source), so no process of it can send from there"
            return (stop(.unreachable, flow.origin, reason), Packet.first(flow, source: source).words)
        }
        let question = RouteQuestion(
            destination: flow.destination,
            source: flow.source ?? any,
            input: nil,
            output: binding
        )
        var source = flow.source
        if source == nil, case .found(let route) = space.route(question) {
            source = route.source ?? (route.kind == .local ? flow.destination : nil)
            if source == nil, let link = space.link(route.link) {
                source = space.source(on: link, to: flow.destination, route)
            }
        }
        var packet = Packet.first(flow, source: source ?? any)
        let subject = packet.words
        begun = (packet, flow.origin, nil)
        let fate = send(&packet, from: flow.origin, by: binding)
        return (conclude(fate, origin: flow.origin, outside: nil), subject)
    }

    mutating func run(_ packet: Packet, by link: HostModel.Link, of namespace: Int) -> TraceVerdict {
        note(.link, namespace, "comes in by \(link.name)")
        begun = packet.family == nil ? nil : (packet, namespace, link)
        let fate = receive(packet, by: link, of: namespace)
        guard packet.family != nil else { return judge(fate) }
        return conclude(fate, origin: namespace, outside: link)
    }

    /// What a frame that is not of IP comes to.
    private func judge(_ fate: Fate) -> TraceVerdict {
        switch fate {
        case .local(let place): stop(.connected, place, "it reaches \(title(place))")
        case .left(let place, let link): stop(.connected, place, "it leaves \(title(place)) by \(link.name)")
        case .stopped(let verdict): verdict
        }
    }
}
