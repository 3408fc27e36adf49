// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A route as packets see it.
struct RoutePath: BitwiseCopyable {
    /// The address of the next hop on the link; 0 is unknown.
    var nextHop: UInt64 = 0
    var output = InterfaceID.none
    /// 0 is any length.
    var mtu: UInt16 = 0
    var isBlackhole = false
}

/// What routes lead to, and who is known to be there.
struct RoutePaths: ~Copyable {
    struct Neighbour: Hashable {
        var address: IPAddress
        var interface: InterfaceID
    }

    /// By the number of the route.
    private var table = Table(repeating: RoutePath(), count: 16)
    /// The switch's own address in each VLAN; 0 where it has none.
    private var gateways = Table(repeating: 0 as UInt64, count: 4096)
    /// Who is known, and the route to it.
    var neighbours: [Neighbour: (mac: MACAddress, route: RouteID)] = [:]
    /// Routes by their gateways.
    var dependents: [Neighbour: [RouteID]] = [:]

    subscript(id: RouteID) -> RoutePath {
        @inline(__always) get { table[Int(id.number)] }
    }

    mutating func set(_ id: RouteID, to path: RoutePath) {
        while Int(id.number) >= table.count {
            table = table.resized(to: table.count * 2, filling: RoutePath())
        }
        table[Int(id.number)] = path
    }

    func gateway(of vlan: UInt16) -> UInt64 {
        gateways[Int(vlan & 0xfff)]
    }

    mutating func setGateway(_ mac: UInt64, of vlan: UInt16) {
        gateways[Int(vlan & 0xfff)] = mac
    }
}

extension VirtualSwitch {
    /// Gives the switch an address of its own in a VLAN: packets sent there are routed.
    ///
    /// A VLAN has one; another takes its place.
    ///
    /// - Returns: false when the switch knows as many stations as it can.
    @discardableResult
    public mutating func setGateway(_ address: MACAddress, vlan: UInt16, now: Ticks) -> Bool {
        let vlan = settings.knowsVLANs ? vlan : 0
        let old = MACAddress(value: paths.gateway(of: vlan))
        if !old.isZero, old != address { stations.remove(old, vlan: vlan) }
        guard stations.write(address, vlan: vlan, at: .none, isGateway: true, now: now) else { return false }
        paths.setGateway(address.value, of: vlan)
        return true
    }

    /// Takes the switch's own address in a VLAN away: nothing is routed from there any more, nor to there.
    public mutating func removeGateway(vlan: UInt16) {
        let vlan = settings.knowsVLANs ? vlan : 0
        let old = MACAddress(value: paths.gateway(of: vlan))
        guard !old.isZero else { return }
        stations.remove(old, vlan: vlan)
        paths.setGateway(0, of: vlan)
    }

    /// Adds a route.
    ///
    /// Who its gateway is on the link may be known already, said by the route, or come later.
    ///
    /// - Returns: the name to remove it by.
    @discardableResult
    public mutating func addRoute(_ route: Route) -> RouteID {
        changes += 1
        let id = routes.insert(route)
        if let gateway = route.gateway {
            let neighbour = RoutePaths.Neighbour(address: gateway, interface: route.outputInterface)
            paths.dependents[neighbour, default: []].append(id)
        }
        resolve(id)
        return id
    }

    /// Removes a route.
    ///
    /// - Returns: the route, or nil when there is none of that name.
    @discardableResult
    public mutating func removeRoute(_ id: RouteID) -> Route? {
        guard let route = routes.remove(id) else { return nil }
        changes += 1
        if let gateway = route.gateway {
            let neighbour = RoutePaths.Neighbour(address: gateway, interface: route.outputInterface)
            let rest = (paths.dependents[neighbour] ?? []).filter { $0 != id }
            paths.dependents[neighbour] = rest.isEmpty ? nil : rest
        }
        paths.set(id, to: RoutePath())
        return route
    }

    /// Writes down who has an address on the link behind an interface.
    ///
    /// Routes by way of this neighbour can be used from now on, and the neighbour itself is reached by a route of its
    /// own that counts after all others to the same address.
    public mutating func setNeighbour(_ address: IPAddress, _ mac: MACAddress, at interface: InterfaceID) {
        let neighbour = RoutePaths.Neighbour(address: address, interface: interface)
        removeNeighbour(address, at: interface)
        var route = Route(destination: .host(address), outputInterface: interface, nextHop: mac)
        route.priority = .max
        route.scope = .link
        let id = addRoute(route)
        paths.neighbours[neighbour] = (mac, id)
        for dependent in paths.dependents[neighbour] ?? [] { resolve(dependent) }
    }

    /// Forgets who has an address on the link behind an interface.
    public mutating func removeNeighbour(_ address: IPAddress, at interface: InterfaceID) {
        let neighbour = RoutePaths.Neighbour(address: address, interface: interface)
        guard let known = paths.neighbours.removeValue(forKey: neighbour) else { return }
        removeRoute(known.route)
        for dependent in paths.dependents[neighbour] ?? [] { resolve(dependent) }
    }

    /// Works out anew what a route leads to.
    private mutating func resolve(_ id: RouteID) {
        guard let route = routes.route(id) else { return }
        changes += 1
        var path = RoutePath()
        path.output = route.outputInterface
        path.mtu = route.mtu
        path.isBlackhole = route.kind == .blackhole
        path.nextHop = route.nextHop?.value ?? 0
        if let gateway = route.gateway, route.nextHop == nil {
            let neighbour = RoutePaths.Neighbour(address: gateway, interface: route.outputInterface)
            path.nextHop = paths.neighbours[neighbour]?.mac.value ?? 0
        }
        paths.set(id, to: path)
    }

    /// Finds out where a packet goes that was sent to the switch itself.
    @inline(never)
    mutating func route<Observer: ForwardingObserver>(
        _ decision: inout Decision,
        _ admission: Admission,
        _ frame: Span<UInt8>,
        _ observer: inout Observer
    ) {
        observer.depends { $0.etherType = .max }
        observer.depends { $0.word0 |= FlowKey.Note.malformed }
        let found = findRoute(admission, frame, &observer)
        guard case .success(let id, let length) = found else {
            if case .failure(let reason) = found { decision.verdict = .drop(reason) }
            return
        }
        observer.step(.route(id))
        let path = paths[id]
        guard !path.isBlackhole else { return decision.verdict = .drop(.blackhole) }
        guard path.output.index < ports.count, ports[Int(path.output.index)].has(PortState.Flag.usable) else {
            return decision.verdict = .drop(.outputDown)
        }
        let native = ports[Int(path.output.index)].native
        guard !settings.knowsVLANs || isMember(Int(path.output.index), native) else {
            return decision.verdict = .drop(.outputNotInVLAN)
        }
        guard path.mtu == 0 || length <= path.mtu else { return decision.verdict = .drop(.packetTooBig) }
        guard path.nextHop != 0, paths.gateway(of: settings.knowsVLANs ? native : 0) != 0 else {
            return decision.verdict = .drop(.neighbourUnknown)
        }
        decision.vlan = settings.knowsVLANs ? native : 0
        decision.verdict = .route(id, path.output)
    }

    private enum Found {
        case success(RouteID, length: Int)
        case failure(DropReason)
    }

    /// The route for a packet, and the packet's length.
    private mutating func findRoute<Observer: ForwardingObserver>(
        _ admission: Admission,
        _ frame: Span<UInt8>,
        _ observer: inout Observer
    ) -> Found {
        let start = Int(admission.headerLength)
        let packet = frame.extracting(start..<frame.count)
        let number: UInt32
        let length: Int
        let hops: UInt8
        switch frame.bigEndian16(at: start - 2) {
        case EtherType.ipv4:
            // A router may not pass on what is damaged (RFC 1812, 5.2.2).
            guard let view = IPv4View(packet), view.hasRightChecksum else { return .failure(.notRoutable) }
            (hops, length) = (view.timeToLive, view.totalLength)
            observer.depends { $0.word3 |= 0xffff_ffff }
            number = routes.find(packet.bigEndian32(at: 16), from: admission.ingress)
        case EtherType.ipv6:
            guard let view = IPv6View(packet), view.chain != nil else { return .failure(.notRoutable) }
            (hops, length) = (view.hopLimit, view.totalLength)
            observer.depends { $0.word5 = .max }
            observer.depends { $0.word6 = .max }
            let upper = UInt128(packet.bigEndian64(at: 24)) << 64
            number = routes.find(upper | UInt128(packet.bigEndian64(at: 32)), from: admission.ingress)
        default:
            return .failure(.notRoutable)
        }
        guard hops > 1 else { return .failure(.timeExceeded) }
        guard number != 0 else {
            observer.step(.route(nil))
            return .failure(.noRoute)
        }
        return .success(RouteID(number: number - 1), length: length)
    }
}
