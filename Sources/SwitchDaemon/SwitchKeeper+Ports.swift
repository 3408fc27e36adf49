// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNI
internal import Forwarding
internal import JSON
internal import Linux
internal import SwitchControl
internal import Wiring

// Ports, from the first frame to the last.
extension SwitchKeeper {
    /// Opens a container's port, or makes the one that is open what it is to be.
    ///
    /// - Throws: ``CNIError``.
    func attach(_ order: SwitchPortOrder) throws(CNIError) {
        if let port = ports[order.key] {
            let isSame =
                port.order?.namespaceIdentity == order.namespaceIdentity && port.home.name == order.switchName
            guard isSame else {
                close(port, because: "it is to be another one")
                return try attach(order)
            }
            try port.home.requireRoom(for: order, insteadOf: port)
            port.order = order
            port.home.renewRules(of: port)
            port.home.live.pointee.core.update(port.id) { interface in
                let mirror = interface.mirror
                interface = VirtualInterface(order)
                interface.mirror = mirror
            }
        } else {
            let descriptor = try open(order)
            let running = try runningSwitch(order.switchName)
            do throws(CNIError) {
                try running.requireRoom(for: order, insteadOf: nil)
                ports[order.key] = try add(
                    VirtualInterface(order),
                    .container,
                    link: order.key.interfaceName,
                    order: order,
                    descriptor,
                    to: running
                )
            } catch {
                settle(running)
                throw error
            }
        }
        lost[order.key] = nil
        try openHostPorts(order)
    }

    /// The tap of a container.
    private func open(_ order: SwitchPortOrder) throws(CNIError) -> Descriptor {
        let (link, path) = (order.key.interfaceName, order.namespacePath)
        do throws(KernelError) {
            let container = try NetworkNamespace(path: path)
            guard "\(container.identity)" == order.namespaceIdentity else {
                throw KernelError("enter \(path)", .noSuchFileOrDirectory, explanation: "it is another namespace now")
            }
            return try container.run(from: home) { () throws(KernelError) in
                let result = culvert_attach_tap(link)
                if result == -EBUSY { isInWay = true }
                guard result >= 0 else { throw SwitchKeeper.explain("open tap \(link)", Errno(rawValue: -result)) }
                return Descriptor(adopting: result)
            }
        } catch {
            throw CNIError(.kernelRefused, "cannot open \(link) in \(path)", details: "\(error)")
        }
    }

    static func explain(_ operation: String, _ error: Errno) -> KernelError {
        switch error.rawValue {
        case EBUSY: KernelError(operation, error, explanation: "another process is at its other end")
        case EINVAL: KernelError(operation, error, explanation: "the link is no tap of one queue")
        default: KernelError(operation, error)
        }
    }

    /// The host's own port, and the link that leads elsewhere, if a network wants them and they are not open.
    private func openHostPorts(_ order: SwitchPortOrder) throws(CNIError) {
        guard let running = switches[order.switchName] else { return }
        for (link, kind) in [(order.gateway, SwitchPortView.Kind.gateway), (order.uplink, .uplink)]
        where !link.isEmpty && running.hostPort(link) == nil {
            let isGateway = kind == .gateway
            let index = culvert_link_index(link)
            let ring = isGateway ? nil : FrameRing()
            let result = ring.map { culvert_open_link_frames(link, $0.state) } ?? culvert_attach_tap(link)
            if result == -EBUSY { isInWay = true }
            guard result >= 0 else {
                let error = SwitchKeeper.explain("open \(link)", Errno(rawValue: -result))
                throw CNIError(.kernelRefused, "cannot make \(link) a port of \(running.name)", details: "\(error)")
            }
            var interface = VirtualInterface(link)
            interface.vlans =
                isGateway
                ? .access(order.native) : .trunk(.all, native: SwitchKeys.defaultVLAN)
            let descriptor = Descriptor(adopting: result)
            _ = try add(interface, kind, link: link, descriptor, to: running, index: index, ring: ring)
        }
    }

    /// Gives an open descriptor a port.
    private func add(
        _ interface: VirtualInterface,
        _ kind: SwitchPortView.Kind,
        link: String,
        order: SwitchPortOrder? = nil,
        _ descriptor: consuming Descriptor,
        to running: RunningSwitch,
        index: UInt32 = 0,
        ring: FrameRing? = nil
    ) throws(CNIError) -> OpenPort {
        guard let id = running.live.pointee.core.addInterface(interface) else {
            let most = InterfaceSet.capacity
            throw CNIError(.tryAgainLater, "switch \(running.name) has \(most) ports already", details: "use another")
        }
        var outlet = Outlet()
        outlet.descriptor = descriptor.rawValue
        outlet.ring = ring?.state
        running.live.pointee.outlets[Int(id.index)] = outlet
        remember(outlet)
        do throws(KernelError) {
            try gather(descriptor.rawValue, .port(running.number, id))
        } catch {
            forget(outlet)
            running.live.pointee.outlets[Int(id.index)] = Outlet()
            running.live.pointee.core.removeInterface(id)
            throw CNIError(.kernelRefused, "cannot wait for frames of \(link)", details: "\(error)")
        }
        let port = OpenPort(
            kind,
            named: interface.name,
            link: link,
            order: order,
            at: id,
            of: running,
            descriptor,
            linkIndex: index,
            ring: ring
        )
        running.ports[id.index] = port
        running.renewRules(of: port)
        running.renewRules(naming: port.name)
        return port
    }

    /// Closes a port, and the switch with its last container.
    func close(_ port: OpenPort, because reason: String? = nil) {
        if let reason { log("port \(port.name) of \(port.home.name) is closed: \(reason)") }
        let running = port.home
        let outlet = running.live.pointee.outlets[Int(port.id.index)]
        if outlet.descriptor >= 0 { leaveGathering(outlet.descriptor) }
        forget(outlet)
        running.live.pointee.outlets[Int(port.id.index)] = Outlet()
        running.dropRules(of: port)
        running.live.pointee.core.removeInterface(port.id)
        endMirrors(to: port.id, of: running)
        running.ports[port.id.index] = nil
        running.renewRules(naming: port.name)
        if let order = port.order {
            ports[order.key] = nil
            settle(running)
        }
    }

    /// A switch without containers has nothing to do: the host's ports are closed, and whoever looks on goes.
    private func settle(_ running: RunningSwitch) {
        guard switches[running.name] != nil, !running.ports.values.contains(where: { $0.kind == .container }) else {
            return
        }
        for port in Array(running.ports.values) { close(port) }
        for (number, connection) in connections where connection.lookout?.home === running {
            connection.lookout = nil
            connections[number] = nil
        }
        forget(running)
    }

    private func endMirrors(to id: InterfaceID, of running: RunningSwitch) {
        for port in running.ports.values where port.id != id {
            guard running.live.pointee.core.interface(port.id)?.mirror == id else { continue }
            running.live.pointee.core.update(port.id) { $0.mirror = nil }
        }
    }

    // MARK: - Looking again

    /// Closes ports whose containers are gone, opens those that the records say there should be, and lets stations age.
    func sweep(_ now: Int64) {
        isInWay = false
        for port in Array(ports.values) {
            if let order = port.order, !isThere(order) { close(port, because: "its namespace is gone") }
        }
        for running in switches.values {
            for port in Array(running.ports.values) where port.kind == .uplink {
                if culvert_link_index(port.link) != port.linkIndex { close(port, because: "its link is gone") }
            }
            running.live.pointee.core.age(now: SwitchKeeper.ticks, budget: 4096)
        }
        readRecords()
        for order in ports.values.compactMap({ $0.order }) where !(order.gateway.isEmpty && order.uplink.isEmpty) {
            do throws(CNIError) {
                try openHostPorts(order)
                note(nil, about: order.switchName)
                lost[order.key] = nil
            } catch {
                note("\(error)", about: order.switchName)
            }
        }
    }

    /// An open descriptor keeps a namespace alive: only its path tells that nobody else needs it.
    private func isThere(_ order: SwitchPortOrder) -> Bool {
        do throws(KernelError) {
            let status = try FileStatus.of(order.namespacePath)
            return status.map { "\($0.identity)" == order.namespaceIdentity } ?? false
        } catch {
            return true
        }
    }

    private func readRecords() {
        do throws(KernelError) {
            let networks = try store.networks()
            var seen: [String: Int64] = [:]
            for network in networks { seen[network] = try store.changedNanoseconds(of: network) }
            // Of a change that is younger than the clock of files is fine, the next one may not be seen.
            let isYoung = seen.values.contains { Machine.wallNanoseconds - $0 < 2_000_000_000 }
            var found = Set(lost.keys)
            if isYoung || seen != seenRecords {
                found = []
                for network in networks { found.formUnion(try store.keys(of: network)) }
                seenRecords = seen
                for (key, port) in ports where !found.contains(key) { close(port, because: "its record is gone") }
                for key in Array(lost.keys) where !found.contains(key) { lost[key] = nil }
                foreignRecords = foreignRecords.filter { found.contains($0.key) }
            }
            for key in found where ports[key] == nil { openRecorded(key) }
            note(nil, about: "the records")
        } catch {
            note("\(error)", about: "the records")
        }
    }

    private func openRecorded(_ key: AttachmentKey) {
        do {
            // By file: the next record of that name may be one of ours.
            let status = try FileStatus.of(store.path(of: key))
            if let status, foreignRecords[key] == status { return }
            let record = try store.record(of: key)
            if let record, (try? JSONReader(record.configuration).string("type")) != SwitchPortOrder.pluginName {
                foreignRecords[key] = status
            }
            guard let record, let order = SwitchPortOrder(record), isMeant(order), isThere(order) else {
                lost[key] = nil
                return
            }
            // Results of CNI 0.2.0 and older name no interfaces: rather no port than one that is not watched.
            if order.source == nil, try SwitchKeys(JSONReader(record.configuration)).checksMAC {
                return complain(key, "its record does not say its MAC address: DEL and ADD it with cniVersion 0.3.0")
            }
            try attach(order)
            log("port \(order.portName) of \(order.switchName) is open again")
        } catch {
            complain(key, "\(error)")
        }
    }

    /// Whether a network means this daemon, by whatever name of its socket.
    private func isMeant(_ order: SwitchPortOrder) -> Bool {
        if order.socketPath == socketPath { return true }
        guard let theirs = try? FileStatus.of(order.socketPath), let own = try? FileStatus.of(socketPath) else {
            return false
        }
        return theirs.identity == own.identity
    }

    /// Says once what is wrong with an attachment.
    private func complain(_ key: AttachmentKey, _ text: String) {
        let isEarly = isInheriting(Machine.bootNanoseconds)
        if lost[key] != text, !isEarly { log("\(key): \(text)") }
        lost[key] = isEarly ? "" : text
    }
}
