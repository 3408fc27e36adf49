// SPDX-License-Identifier: Apache-2.0
import Addressing
import CLinux
import CNetlink
import CTaps
import Forwarding
import Linux
import Netlink

/// A bridge of the kernel in a network namespace of its own, with pairs of veth(4) to be its ports.
struct KernelBridge: ~Copyable {
    private let socket: NetlinkSocket
    private var taps: Taps
    private let capacity: Int
    private var scene = Scene()
    private var hasBridge = false
    private var marker: UInt64 = 0
    /// When the present stretch of time began, by the clock of the machine.
    private var stretchStart = Machine.bootNanoseconds

    // Indices of links: ports from 100 on, what is at their far ends from 1000 on, in the same order.
    private static let firstPort: Int32 = 100
    private static let firstFarEnd: Int32 = 1000
    private var bridge: Int32 { Self.firstFarEnd + Int32(capacity) }
    private var markerExit: Int32 { bridge + 1 }
    private var markerEntry: Int32 { bridge + 2 }

    private func port(_ port: Int) -> Int32 { port == scene.portCount ? bridge : Self.firstPort + Int32(port) }
    private func farEnd(_ port: Int) -> Int32 { Self.firstFarEnd + Int32(port) }

    /// Enters a new namespace with the calling thread, for good.
    ///
    /// - Parameter capacity: how many ports there may be.
    /// - Returns: pairs for all ports, and no bridge yet.
    /// - Throws: ``KernelError``; `EPERM` without root.
    static func inNewNamespace(capacity: Int) throws(KernelError) -> KernelBridge {
        let result = culvert_unshare_network_namespace()
        guard result == 0 else { throw KernelError("unshare network namespace", Errno(rawValue: result)) }
        let problem = culvert_stay_on_processor()
        guard problem == 0 else { throw KernelError("stay on a processor", Errno(rawValue: problem)) }
        try silence()
        let netlink = try NetlinkSocket()
        let taps = try Taps(hearing: firstFarEnd...firstFarEnd + Int32(capacity) + 1)
        let bridge = KernelBridge(netlink, taps, capacity)
        for number in 0..<capacity {
            let ends = (firstPort + Int32(number), firstFarEnd + Int32(number))
            try bridge.makePair("p\(number)", "far\(number)", ends, Scene.address(ofPort: number))
        }
        try bridge.makeWayOfMarkers()
        return bridge
    }

    private init(_ socket: consuming NetlinkSocket, _ taps: consuming Taps, _ capacity: Int) {
        self.socket = socket
        self.taps = taps
        self.capacity = capacity
    }

    /// Nothing in the namespace says anything by itself, and no packet filter sees what the bridge forwards.
    private static func silence() throws(KernelError) {
        let settings = [
            ("ipv6/conf/all/disable_ipv6", "1"), ("ipv6/conf/default/disable_ipv6", "1"),
            ("bridge/bridge-nf-call-iptables", "0"), ("bridge/bridge-nf-call-ip6tables", "0"),
            ("bridge/bridge-nf-call-arptables", "0"),
        ]
        for (name, value) in settings {
            do throws(KernelError) {
                try Sysctl(name).set(value)
            } catch {
                // Without the module there is nothing to be silenced.
                guard error.errno == .noSuchFileOrDirectory else { throw error }
            }
        }
    }

    private func makePair(
        _ name: String,
        _ farName: String,
        _ index: (Int32, Int32),
        _ address: MACAddress
    ) throws(KernelError) {
        try socket.execute([
            BridgeRequests.addPair((name, farName), index, address), BridgeRequests.setUp(true, index.1),
        ])
    }

    /// Markers go through a bridge of their own, to take as many turns as frames do.
    private func makeWayOfMarkers() throws(KernelError) {
        let (bridge, entry, exit): (Int32, Int32, Int32) = (90, 91, 92)
        try socket.execute(BridgeRequests.addBridge("markers", bridge, Scene()))
        try makePair("entry", "farentry", (entry, markerEntry), Scene.address(ofPort: 1000))
        try makePair("exit", "farexit", (exit, markerExit), Scene.address(ofPort: 1001))
        for (port, farEnd) in [(entry, markerEntry), (exit, markerExit)] {
            try socket.execute(.setMaster(bridge, link: port, name: "\(port)"))
            try awaitForwarding(port, farEnd: farEnd)
        }
    }

    /// Waits for a port to forward, which it does a moment after it was made one or came up.
    ///
    /// Its far end takes a moment, too: as long as it has not heard that the port is up, it drops what is sent.
    private func awaitForwarding(_ index: Int32, farEnd: Int32) throws(KernelError) {
        try awaitLink(farEnd) { $0[Int(IFLA_OPERSTATE)]?.first == Self.isOperational }
        try awaitLink(index) { attributes in
            let state = attributes[Int(IFLA_LINKINFO)].flatMap { NetlinkAttributes($0)[Int(IFLA_INFO_SLAVE_DATA)] }
                .flatMap { NetlinkAttributes($0)[Int(IFLA_BRPORT_STATE)] }
            return state?.first == UInt8(BR_STATE_FORWARDING)
        }
    }

    private func awaitLink(_ index: Int32, _ isReady: (NetlinkAttributes) -> Bool) throws(KernelError) {
        let end = Machine.bootNanoseconds + 20_000_000_000
        while true {
            let link = try socket.ask(BridgeRequests.port(index))
            if isReady(NetlinkAttributes(link.payload.dropFirst(MemoryLayout<ifinfomsg>.size))) { return }
            guard Machine.bootNanoseconds < end else { throw KernelError("wait for link \(index)", .timedOut) }
            Machine.pause(.microseconds(50))
        }
    }

    /// `IF_OPER_UP`, linux/if.h (RFC 2863).
    private static let isOperational: UInt8 = 6

    // MARK: - Steps

    /// Makes a new bridge in place of what there is.
    mutating func reset(to scene: Scene) throws(KernelError) {
        precondition(scene.portCount == capacity, "there is a pair for each port, and the host comes behind them")
        if hasBridge { try socket.execute(BridgeRequests.remove(bridge)) }
        hasBridge = false
        self.scene = scene
        try socket.execute(BridgeRequests.addBridge("br", bridge, scene))
        hasBridge = true
        for number in 0..<scene.portCount { try socket.execute(BridgeRequests.setUp(true, port(number))) }
        for number in 0..<scene.portCount {
            try awaitLink(farEnd(number)) { $0[Int(IFLA_OPERSTATE)]?.first == Self.isOperational }
            try awaitLink(port(number)) { $0[Int(IFLA_OPERSTATE)]?.first == Self.isOperational }
        }
        stretchStart = Machine.bootNanoseconds
    }

    /// Does what a step says, frames and the end of what is too old aside.
    ///
    /// - Parameters:
    ///   - step: one that makes sense now.
    ///   - home: where the station is that the step is about.
    /// - Throws: ``KernelError``.
    mutating func apply(_ step: Step, home: Int?) throws(KernelError) {
        switch step {
        case .addPort(let number):
            try socket.execute([
                .setMaster(bridge, link: port(number), name: "p\(number)"), BridgeRequests.setUp(true, port(number)),
            ])
            try awaitForwarding(port(number), farEnd: farEnd(number))
        case .removePort(let number):
            try socket.execute(.setMaster(0, link: port(number), name: "p\(number)"))
        case .bringUp(let number):
            try socket.execute(BridgeRequests.setUp(true, port(number)))
            try awaitForwarding(port(number), farEnd: farEnd(number))
        case .bringDown(let number):
            try socket.execute(BridgeRequests.setUp(false, port(number)))
        case .setSpanningTree(let number, let state):
            try socket.execute(BridgeRequests.setSpanningTree(state, port(number)))
        case .set(let number, let flag, let isOn):
            try socket.execute(BridgeRequests.set(flag, isOn, port(number)))
        case .addVLAN(let number, let vlan):
            let isBridge = number == scene.portCount
            try socket.execute(BridgeRequests.addVLAN(vlan, port(number), isBridge: isBridge))
        case .removeVLAN(let number, let vlan):
            let isBridge = number == scene.portCount
            try socket.execute(BridgeRequests.removeVLAN(vlan, port(number), isBridge: isBridge))
        case .addStation(let address, let vlan, let number):
            try socket.execute(BridgeRequests.addStation(address, vlan, port(number)))
        case .removeStation(let address, let vlan):
            if let home { try socket.execute(BridgeRequests.removeStation(address, vlan, port(home))) }
        case .flush:
            try socket.execute(BridgeRequests.flush(bridge))
        case .pause:
            Machine.pause(Self.gap)
            stretchStart = Machine.bootNanoseconds
        case .expire, .frame:
            break
        }
    }

    // MARK: - Age

    /// How far apart two stretches of time are.
    ///
    /// The kernel counts in hundredths of a second at the worst.
    private static let gap = Duration.milliseconds(160)

    /// Has the kernel forget what was not heard since the last pause.
    ///
    /// - Parameter isDone: looks at what is known; called until it says so, for a second.
    /// - Returns: false when it took so long that younger ones may be forgotten as well.
    /// - Throws: ``KernelError``.
    mutating func expire(until isDone: (Set<KnownStation>) -> Bool) throws(KernelError) -> Bool {
        let start = Machine.bootNanoseconds
        // In the middle of the gap.
        let limit = UInt32((start - stretchStart) / 10_000_000) + 8
        try socket.execute(BridgeRequests.setAgeing(limit, bridge))
        while !isDone(try stations()), Machine.bootNanoseconds - start < 1_000_000_000 {
            Machine.pause(.microseconds(200))
        }
        try socket.execute(BridgeRequests.setAgeing(30_000, bridge))
        return Machine.bootNanoseconds - start < 40_000_000
    }

    /// What is known of stations.
    func stations() throws(KernelError) -> Set<KnownStation> {
        var known = Set<KnownStation>()
        for reply in try socket.list(BridgeRequests.stations(bridge)) where reply.type == RTM_NEWNEIGH {
            let attributes = NetlinkAttributes(reply.payload.dropFirst(MemoryLayout<ndmsg>.size))
            guard let master = attributes[Int(NDA_MASTER)]?.integer(as: UInt32.self), Int32(master) == bridge,
                let address = attributes[Int(NDA_LLADDR)].flatMap({ MACAddress(octets: $0) }),
                let index = reply.payload.integer(at: 4, as: Int32.self),
                let state = reply.payload.integer(at: 8, as: UInt16.self).map(Int32.init)
            else { continue }
            let vlan = attributes[Int(NDA_VLAN)]?.integer(as: UInt16.self) ?? 0
            // What is written down for one way of telling VLANs apart and is not used in the other.
            guard (vlan != 0) == scene.knowsVLANs else { continue }
            let isOwn = state & NUD_PERMANENT != 0
            let place = isOwn ? scene.portCount : Int(index - Self.firstPort)
            let isStatic = state & (NUD_PERMANENT | NUD_NOARP) != 0
            known.insert(KnownStation(address: address, vlan: vlan, place: place, isStatic: isStatic))
        }
        return known
    }

    // MARK: - Frames

    /// Puts a frame on the far end of a port when `exchange` is called.
    mutating func add(_ octets: [UInt8], from port: Int) {
        taps.add(octets, to: farEnd(port))
    }

    /// Has all frames forwarded, and hands over all that comes out, in order for each place.
    mutating func exchange(_ body: (Int, ArraySlice<UInt8>) -> Void) throws(KernelError) {
        marker += 1
        var octets: [UInt8] = Array(repeating: 0xff, count: 6) + Scene.address(ofPort: 2000).octets + [0x88, 0xb5]
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            octets.append(UInt8(truncatingIfNeeded: marker >> shift))
        }
        taps.add(octets, to: markerEntry)
        try taps.send()
        let (exit, first) = (markerExit, Self.firstFarEnd)
        try taps.receive { link, frame in
            link == exit && frame.elementsEqual(octets)
        } _: { link, frame in
            // The bridge itself comes behind the far ends, as the host behind the ports.
            if link != exit { body(Int(link - first), frame) }
        }
    }
}
