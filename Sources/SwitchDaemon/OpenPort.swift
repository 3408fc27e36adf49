// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding
internal import Linux
internal import SwitchControl

/// A port that is open, and whose it is.
final class OpenPort {
    let kind: SwitchPortView.Kind
    let name: String
    /// The link's name in its namespace.
    let link: String
    /// Of a container's port.
    var order: SwitchPortOrder?
    let id: InterfaceID
    /// That it has at its switch.
    var rules: [RuleID] = []
    /// Those of them that name another port, with what they are made of.
    var targeted: [(id: RuleID, rule: SwitchRule)] = []
    unowned let home: RunningSwitch
    /// nil for those who look on through a connection.
    private let descriptor: Descriptor?
    /// Of a link of the host.
    private let ring: FrameRing?
    /// Of a link of the host; 0 otherwise.
    let linkIndex: UInt32

    init(
        _ kind: SwitchPortView.Kind,
        named name: String,
        link: String,
        order: SwitchPortOrder? = nil,
        at id: InterfaceID,
        of home: RunningSwitch,
        _ descriptor: consuming Descriptor?,
        linkIndex: UInt32 = 0,
        ring: FrameRing? = nil
    ) {
        self.kind = kind
        self.name = name
        self.link = link
        self.order = order
        self.id = id
        self.home = home
        self.descriptor = descriptor
        self.linkIndex = linkIndex
        self.ring = ring
    }
}

/// One switch that runs.
final class RunningSwitch {
    let name: String
    /// What frames see of it; where nobody else writes but the one thread there is.
    let live: UnsafeMutablePointer<LiveSwitch>
    /// By the numbers of their interfaces.
    var ports: [UInt16: OpenPort] = [:]
    /// In keys of the gathering.
    let number: UInt32

    /// Four times as many as there are usually at a time.
    static let rememberedFlows = 8192

    init(_ name: String, number: UInt32, seed: UInt64) {
        self.name = name
        self.number = number
        var settings = VirtualSwitch.Settings()
        settings.maximumInterfaces = InterfaceSet.capacity
        settings.seed = seed
        settings.rememberedFlows = RunningSwitch.rememberedFlows
        live = .allocate(capacity: 1)
        live.initialize(to: LiveSwitch(settings))
    }

    deinit {
        live.deinitialize(count: 1)
        live.deallocate()
    }

    /// The link of the host that is a port under this name.
    func hostPort(_ link: String) -> OpenPort? {
        ports.values.first { $0.link == link && ($0.kind == .gateway || $0.kind == .uplink) }
    }
}

extension VirtualInterface {
    /// A container's port.
    init(_ order: SwitchPortOrder) {
        self.init(order.portName)
        var members = VLANSet()
        for range in order.trunk {
            for vlan in range { members.insert(vlan) }
        }
        var untagged = VLANSet(CollectionOfOne(order.native))
        if order.keepsDefaultVLAN { untagged.insert(SwitchKeys.defaultVLAN) }
        for vlan in [order.native, SwitchKeys.defaultVLAN] where untagged.contains(vlan) { members.insert(vlan) }
        vlans = VLANMembership(native: order.native, members: members, untagged: untagged)
        isIsolated = order.isIsolated
        isHairpin = order.isHairpin
        allowedSources = order.source.map { [$0] }
        allowedAddresses = order.addresses.map { $0.map { CIDR.host($0) } }
        learnLimit = VirtualInterface.mostStations
    }

    /// Behind one container: a sender who makes addresses up does not push out those of others.
    static let mostStations: UInt32 = 1024
}
