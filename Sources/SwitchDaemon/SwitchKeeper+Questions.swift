// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import DaemonTalk
internal import Forwarding
internal import JSON
internal import Linux
internal import SwitchControl
internal import Wiring

// What is asked.
extension SwitchKeeper {
    func answer(_ line: [UInt8], _ connection: SwitchConnection) {
        let now = Machine.bootNanoseconds
        let question: SwitchQuestion
        do {
            question = try SwitchQuestion(JSONReader(try JSONValue(parsing: line)))
        } catch {
            let refusal = CNIError(.decoding, "the switch cannot read the question", details: "\(error)")
            return connection.talk.refuse(refusal, now: now)
        }
        do throws(CNIError) {
            if case .copies(let reference) = question { return try lookOn(reference, connection) }
            connection.talk.answer(try result(of: question), now: now)
        } catch {
            connection.talk.refuse(error, now: now)
        }
    }

    private func result(of question: SwitchQuestion) throws(CNIError) -> JSONValue {
        switch question {
        case .attach(let order):
            try requireRecord(of: order)
            try attach(order)
            return .null
        case .detach(let key):
            if let port = ports[key] { close(port, because: "it is to go") }
            lost[key] = nil
            return .null
        case .check(let key):
            guard let order = ports[key]?.order else {
                throw CNIError(
                    .unknownContainer,
                    "\(key) has no port",
                    details: lost[key] ?? "DEL and ADD give it one"
                )
            }
            return .object(["order": order.json] as JSONObject)
        case .status:
            return .object(
                [
                    "switches": .integer(Int64(switches.count)), "ports": .integer(Int64(ports.count)),
                    "calls": .string(hasJointCalls ? "joint" : "single"),
                ] as JSONObject
            )
        case .show(let name):
            let views = try wanted(name).map { $0.view }
            let lost = lost.sorted { "\($0.key)" < "\($1.key)" }.map { key, reason in
                JSONValue.object(["attachment": .string("\(key)"), "reason": .string(reason)] as JSONObject)
            }
            return .object(["switches": .array(views.map { $0.json }), "lost": .array(lost)] as JSONObject)
        case .stations(let name):
            let now = SwitchKeeper.ticks
            let views = try wanted(name).flatMap { $0.stations(now: now) }
            return .object(["stations": .array(views.map { $0.json })] as JSONObject)
        case .trace(let reference, let frame):
            let port = try port(reference)
            return port.home.trace(frame, from: port, now: SwitchKeeper.ticks).json
        case .mirror(let reference, let target):
            try mirror(reference, to: target)
            return .null
        case .metrics:
            let survey = SwitchSurvey(of: socketPath, switches.values.map { $0.view }, lost: lost.count)
            let text = SwitchMetrics.text(of: survey)
            return .object(["text": .string(text)] as JSONObject)
        case .copies:
            return .null
        }
    }

    /// A daemon that reads other records than the plugin writes would close the port in a moment.
    private func requireRecord(of order: SwitchPortOrder) throws(CNIError) {
        let path = store.path(of: order.key)
        guard (try? FileStatus.of(path)) == nil else { return }
        throw CNIError(
            .invalidConfiguration,
            "there is no record \(path)",
            details: "CULVERT_RUN_DIR of the plugin and of culvert-switchd have to be the same"
        )
    }

    /// The switch of a name, or all if there is no name.
    private func wanted(_ name: String) throws(CNIError) -> [RunningSwitch] {
        guard !name.isEmpty else { return switches.values.sorted { $0.name < $1.name } }
        guard let running = switches[name] else { throw unknown("there is no switch \(name)") }
        return [running]
    }

    private func unknown(_ message: String) -> CNIError {
        let names = switches.keys.sorted().joined(separator: ", ")
        return CNIError(.unknownContainer, message, details: names.isEmpty ? "there is none" : "there are: \(names)")
    }

    /// The port that somebody means.
    private func port(_ reference: SwitchPortReference) throws(CNIError) -> OpenPort {
        let candidates = try wanted(reference.switchName).flatMap { Array($0.ports.values) }
        if let port = candidates.first(where: { $0.name == reference.port }) { return port }
        var found = candidates.filter { $0.name.hasPrefix(reference.port) }
        if found.isEmpty, let number = UInt16(reference.port) {
            found = candidates.filter { $0.id.index == number }
        }
        guard let port = found.first else {
            throw CNIError(.unknownContainer, "there is no port \(reference.port)", details: "see culvert switch show")
        }
        guard found.count == 1 else {
            let names = found.map { "\($0.name) of \($0.home.name)" }.sorted().prefix(5).joined(separator: ", ")
            throw CNIError(.unknownContainer, "\(reference.port) is the beginning of several ports", details: names)
        }
        return port
    }

    // MARK: - Looking on

    private func mirror(_ reference: SwitchPortReference, to target: String?) throws(CNIError) {
        let port = try port(reference)
        var id: InterfaceID?
        if let target {
            let other = try self.port(SwitchPortReference(switchName: port.home.name, port: target))
            guard other !== port else {
                throw CNIError(.invalidConfiguration, "\(port.name) cannot have copies of its own frames")
            }
            try requireUnobserved(port)
            id = other.id
        }
        port.home.live.pointee.core.update(port.id) { $0.mirror = id }
    }

    /// One port has one who looks on.
    private func requireUnobserved(_ port: OpenPort) throws(CNIError) {
        guard let id = port.home.live.pointee.core.interface(port.id)?.mirror else { return }
        let name = port.home.ports[id.index]?.name ?? "another port"
        throw CNIError(.tryAgainLater, "\(name) looks on at \(port.name) already", details: "end that first")
    }

    private func lookOn(_ reference: SwitchPortReference, _ connection: SwitchConnection) throws(CNIError) {
        let port = try port(reference)
        try requireUnobserved(port)
        let running = port.home
        var interface = VirtualInterface("copies of \(port.name)")
        interface.vlans = VLANMembership(native: nil, members: VLANSet(), untagged: VLANSet())
        interface.learns = false
        (interface.floodsUnknown, interface.floodsMulticast, interface.floodsBroadcast) = (false, false, false)
        guard let id = running.live.pointee.core.addInterface(interface) else {
            throw CNIError(.tryAgainLater, "switch \(running.name) has as many ports as it can have")
        }
        running.live.pointee.streams[id.index] = CopyStream()
        let lookout = OpenPort(.copies, named: interface.name, link: "", at: id, of: running, nil)
        running.ports[id.index] = lookout
        running.live.pointee.core.update(port.id) { $0.mirror = id }
        connection.lookOn(through: lookout, .object(["format": .string("pcap")] as JSONObject))
    }

    func stopLooking(through port: OpenPort) {
        guard port.home.ports[port.id.index] === port else { return }
        port.home.live.pointee.streams[port.id.index] = nil
        close(port)
    }
}
