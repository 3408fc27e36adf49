// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding
internal import PacketFilter

// Links that rest upon another one, which may be of the host while they are of a container: VLANs, and stations of
// their own on the network that it leads to.
extension Walk {
    /// A link of a namespace.
    struct Place {
        let namespace: Int
        let link: HostModel.Link
    }

    /// The link that another one rests upon; nil when it cannot be seen.
    ///
    /// Of a container's link that rests upon one of another namespace that is the host's.
    func lower(_ link: HostModel.Link, _ namespace: Int) -> Place? {
        guard !link.isPeerAbroad || namespace != 0 else { return nil }
        let place = link.isPeerAbroad ? 0 : namespace
        return model.namespaces[place].link(link.peer).map { Place(namespace: place, link: $0) }
    }

    /// The links of a kind that rest upon one.
    func uppers(_ kind: String, upon link: HostModel.Link, _ namespace: Int) -> [Place] {
        var found: [Place] = []
        for (place, space) in model.namespaces.enumerated() where place == namespace || namespace == 0 {
            for upper in space.links where upper.kind == kind && upper.peer == link.index {
                if upper.isPeerAbroad == (place != namespace) { found.append(Place(namespace: place, link: upper)) }
            }
        }
        return found
    }

    /// Attachments that may rest upon a link of the host, and that nobody looked into.
    func unseen(_ namespace: Int) -> [Arrival] {
        guard namespace == 0 else { return [] }
        return model.unseen.filter { stranger in !model.namespaces.contains { $0.name == stranger.name } }
            .map { .stranger($0) }
    }

    // MARK: - VLANs

    /// Sends a frame with the tag of a VLAN.
    mutating func tag(_ packet: Packet, _ link: HostModel.Link, _ namespace: Int) -> [Arrival] {
        guard let lower = lower(link, namespace) else { return unknown(link, namespace) }
        guard packet.vlan == 0 else {
            let reason = "what \(link.name) does with frames that have a tag already is not told here"
            return [.stopped(stop(.unknown, namespace, reason))]
        }
        var tagged = packet
        tagged.vlan = link.vlan
        note(.link, namespace, "\(link.name) adds tag \(link.vlan) and sends it by \(lower.link.name)")
        return spread(tagged, by: lower.link, of: lower.namespace)
    }

    private func unknown(_ link: HostModel.Link, _ namespace: Int) -> [Arrival] {
        [.stopped(stop(.unknown, namespace, "the link below \(link.name) cannot be seen"))]
    }

    /// The VLAN of a link that takes a tagged frame before anybody else does (`vlan_do_receive` of the kernel); nil when
    /// there is none.
    mutating func untag(_ packet: Packet, _ link: HostModel.Link, _ namespace: Int) -> [Arrival]? {
        guard packet.vlan != 0 else { return nil }
        let upper = uppers("vlan", upon: link, namespace).first { $0.link.vlan == packet.vlan }
        guard let upper else { return nil }
        var untagged = packet
        untagged.vlan = 0
        note(.link, upper.namespace, "\(upper.link.name) takes what has tag \(packet.vlan)")
        return enter(untagged, by: upper.link, of: upper.namespace)
    }

    // MARK: - Stations of their own

    /// A link of kind `macvlan` sends (`macvlan_queue_xmit` of the kernel).
    mutating func sendStation(_ packet: Packet, _ link: HostModel.Link, _ namespace: Int) -> [Arrival] {
        guard let lower = lower(link, namespace) else { return unknown(link, namespace) }
        guard lower.link.isUp else {
            let reason = "\(lower.link.name), which \(link.name) rests upon, is down"
            return [.stopped(stop(.dropped, lower.namespace, reason))]
        }
        var arrivals: [Arrival] = []
        if link.mode == "bridge" {
            let others = uppers("macvlan", upon: lower.link, lower.namespace).filter { other in
                other.link.mode == "bridge" && (other.namespace, other.link.index) != (namespace, link.index)
            }
            for other in others where packet.destination.isMulticast || other.link.address == packet.destination {
                note(.link, other.namespace, "\(other.link.name) is a station on \(lower.link.name) as well")
                arrivals += enter(packet, by: other.link, of: other.namespace)
            }
            if !packet.destination.isMulticast, !arrivals.isEmpty { return arrivals }
        }
        if packet.destination.isMulticast { arrivals += unseen(lower.namespace) }
        note(.link, lower.namespace, "\(link.name) sends by \(lower.link.name)")
        return arrivals + spread(packet, by: lower.link, of: lower.namespace)
    }

    /// The stations of kind `macvlan` that get a frame which comes to the link below them; nil when it goes on to who
    /// else is there, with those that get it besides (`macvlan_handle_frame` of the kernel).
    mutating func reachStations(
        _ packet: Packet,
        _ link: HostModel.Link,
        _ namespace: Int,
        _ besides: inout [Arrival]
    ) -> [Arrival]? {
        let stations = uppers("macvlan", upon: link, namespace)
        if packet.destination.isMulticast {
            for station in stations { besides += enter(packet, by: station.link, of: station.namespace) }
            besides += unseen(namespace)
            return nil
        }
        let station = stations.first { $0.link.mode == "passthru" || $0.link.address == packet.destination }
        guard let station else { return nil }
        note(.link, station.namespace, "\(station.link.name) is a station on \(link.name), and takes it")
        return enter(packet, by: station.link, of: station.namespace)
    }

    /// Why a station does not reach another one on the same link, though both send out of the host; nil when there is
    /// no such other one.
    func apart(_ target: IPAddress, from link: HostModel.Link, _ namespace: Int) -> TraceVerdict? {
        guard ["macvlan", "ipvlan"].contains(link.kind), let lower = lower(link, namespace) else { return nil }
        if model.namespaces[lower.namespace].isOwn(target, on: nil) {
            let reason =
                "nobody answers: \(target) belongs to \(title(lower.namespace)),"
                + " which does not hear what \(link.name) sends by its link \(lower.link.name)"
            let advice = "give the host an interface of the same kind upon \(lower.link.name)"
            return stop(.dropped, namespace, reason, plugin: link.kind, advice: advice)
        }
        for other in uppers("macvlan", upon: lower.link, lower.namespace) where other.namespace != namespace {
            let space = model.namespaces[other.namespace]
            let isHere = space.addresses.contains { $0.link == other.link.index && $0.address.address == target }
            guard isHere else { continue }
            let whose = "\(target) belongs to \(title(other.namespace)), on \(lower.link.name) as well"
            guard ![link.mode, other.link.mode].contains("private") else {
                let reason = "\(whose): one of mode \"private\" reaches no other"
                return stop(.dropped, namespace, reason, plugin: "macvlan (mode)", advice: "mode \"bridge\" of macvlan")
            }
            return stop(.unknown, namespace, "\(whose): whether the switch beyond sends it back cannot be seen")
        }
        return nil
    }

    // MARK: - VRFs

    /// Rules are asked twice about what leaves by a VRF, for it and for the link, which is not told here.
    func rulesOfVRF(_ output: HostModel.Link, _ namespace: Int) -> TraceVerdict? {
        let space = model.namespaces[namespace]
        guard let domain = space.domain(output) else { return nil }
        let families: [Family] = [.inet, .ip, .ip6]
        let chains = [ChainHook.Point.output, .postrouting].flatMap { space.ruleset.chains(at: $0, of: families) }
        guard !chains.isEmpty else { return nil }
        let reason = "what rules of \(title(namespace)) do with packets of VRF \(domain.name) is not told here"
        return stop(.unknown, namespace, reason)
    }
}
