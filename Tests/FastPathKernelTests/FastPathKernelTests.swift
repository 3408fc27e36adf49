// SPDX-License-Identifier: Apache-2.0
import Addressing
import CLinux
import FastPath
import Linux
import Netlink
import TestSupport
import Testing

/// Frames in every flow of these tests: on each processor one goes through the bridge from time to time.
let many = 60
/// More than this many of them go by the shortcut, if it is taken at all.
let most = 40

/// What came of frames that were sent.
struct Flow: Equatable, Sendable {
    var received = 0
    var sentByShortcut = 0
    var receivedByShortcut = 0
}

extension Containers {
    /// Sends frames from the first container to the second, and looks what came and which way.
    func flow(
        _ fastPath: borrowing FastPath,
        source: MACAddress? = nil,
        length: Int = 60,
        areExpected: Bool = true
    ) throws -> Flow {
        let before = try counters(fastPath)
        var flow = Flow()
        flow.received = try send(many, from: 0, to: 1, source: source, length: length, areExpected: areExpected)
        let after = try counters(fastPath)
        flow.sentByShortcut = Int(after.sent - before.sent)
        flow.receivedByShortcut = Int(after.received - before.received)
        return flow
    }

    private func counters(_ fastPath: borrowing FastPath) throws -> (sent: UInt64, received: UInt64) {
        let sender = try fastPath.counters(of: UInt32(ports[0].index))
        let receiver = try fastPath.counters(of: UInt32(ports[1].index))
        return (sender?.sentFrames ?? 0, receiver?.receivedFrames ?? 0)
    }
}

/// Something that keeps frames off the shortcut, done and undone by commands.
struct Obstacle: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let arising: String
    let going: String
    /// Whether frames come all the same.
    let passes: Bool

    init(_ name: String, passes: Bool, _ arising: String, _ going: String) {
        testDescription = name
        self.arising = arising
        self.going = going
        self.passes = passes
    }
}

/// Where frames go that go nowhere.
private let elsewhere = "protocol ip u32 match ip protocol 253 0xff action mirred egress redirect dev lo"

/// What only looks.
private let behind = "protocol ip u32 match ip protocol 253 0xff flowid 1:1"
/// Takes a place for filters away that nobody else has filters in.
private func clear(_ link: String) -> String {
    "(tc filter show dev \(link) ingress | grep -q . || tc qdisc del dev \(link) clsact)"
}

private let obstacles = [
    Obstacle("receiver down", passes: false, "ip link set veth1 down", "ip link set veth1 up"),
    Obstacle("bridge down", passes: false, "ip link set br0 down", "ip link set br0 up"),
    Obstacle("bridge overheard", passes: true, "ip link set br0 promisc on", "ip link set br0 promisc off"),
    Obstacle("sender off the bridge", passes: false, "ip link set veth0 nomaster", "ip link set veth0 master br0"),
    Obstacle(
        "receiver on another bridge",
        passes: false,
        "ip link add br1 up type bridge && ip link set veth1 master br1",
        "ip link set veth1 master br0"
    ),
    Obstacle(
        "receiver's port disabled",
        passes: false,
        "bridge link set dev veth1 state 0",
        "bridge link set dev veth1 state 3"
    ),
    Obstacle(
        "both isolated",
        passes: false,
        "bridge link set dev veth0 isolated on && bridge link set dev veth1 isolated on",
        "bridge link set dev veth0 isolated off"
    ),
    Obstacle(
        "receiver's bandwidth",
        passes: true,
        "tc qdisc add dev veth1 root tbf rate 100mbit burst 100kb latency 1s",
        "tc qdisc del dev veth1 root"
    ),
    Obstacle(
        "filter where the sender's port takes in",
        passes: false,
        "(tc qdisc add dev veth0 clsact || :) && tc filter add dev veth0 ingress priority 7 \(elsewhere)",
        "tc filter del dev veth0 ingress priority 7 && \(clear("veth0"))"
    ),
    Obstacle(
        "filter behind the program's where the sender's port takes in",
        passes: true,
        "(tc qdisc add dev veth0 clsact || :) && tc filter add dev veth0 ingress priority 60000 \(behind)",
        "tc filter del dev veth0 ingress priority 60000 && \(clear("veth0"))"
    ),
    Obstacle(
        "filter where the receiver's port sends",
        passes: false,
        "(tc qdisc add dev veth1 clsact || :) && tc filter add dev veth1 egress priority 7 \(elsewhere)",
        "tc filter del dev veth1 egress priority 7 && \(clear("veth1"))"
    ),
    Obstacle(
        "rules of bridges",
        passes: false,
        "nft 'table bridge t { chain c { type filter hook forward priority 0; ip protocol 253 drop; }; }'",
        "nft delete table bridge t"
    ),
    Obstacle(
        "rules of bridges that let pass",
        passes: true,
        "nft 'table bridge t { chain c { type filter hook prerouting priority 0; }; }'",
        "nft delete table bridge t"
    ),
    Obstacle(
        "rules where the sender's port takes in",
        passes: false,
        "nft 'table netdev t { chain c { type filter hook ingress device veth0 priority 0; ip protocol 253 drop; }; }'",
        "nft delete table netdev t"
    ),
    Obstacle(
        "rules where the receiver's port sends",
        passes: false,
        "nft 'table netdev t { chain c { type filter hook egress device veth1 priority 0; ip protocol 253 drop; }; }'",
        "nft delete table netdev t"
    ),
    Obstacle(
        "rules of IP that bridges ask",
        passes: false,
        "nft 'table ip t { chain c { type filter hook forward priority 0; ip protocol 253 drop; }; }'",
        "nft delete table ip t"
    ),
]

@Suite("The shortcut in the kernel", .enabled(if: canUnshare, "needs root"))
struct FastPathKernelTests {
    @Test("Frames between two containers go by the shortcut, and are counted at both ends")
    func passes() throws {
        let (flow, sent, received) = try withFastPath { fastPath in
            let containers = try Containers(2)
            for index in 0..<2 { try containers.join(fastPath, containers.port(index)) }
            let flow = try containers.flow(fastPath)
            let sender = try fastPath.counters(of: UInt32(containers.ports[0].index))
            let receiver = try fastPath.counters(of: UInt32(containers.ports[1].index))
            return (flow, sender, receiver)
        }
        #expect(flow.received == many)
        #expect(flow.sentByShortcut > most && flow.sentByShortcut == flow.receivedByShortcut)
        #expect(sent?.sentOctets == 60 * UInt64(flow.sentByShortcut))
        #expect(received?.receivedOctets == 60 * UInt64(flow.receivedByShortcut))
    }

    @Test("What is in the way is seen while it is there, and no longer", arguments: obstacles)
    func obstacle(_ obstacle: Obstacle) throws {
        try check(obstacle, isFilter: false)
    }

    @Test(
        "So it is where the program is a filter of clsact",
        arguments: obstacles.filter { $0.arising.hasPrefix("(tc") || $0.arising.hasPrefix("nft") }
    )
    func obstacleOfFilter(_ obstacle: Obstacle) throws {
        try check(obstacle, isFilter: true)
    }

    private func check(_ obstacle: Obstacle, isFilter: Bool) throws {
        let (before, during, after) = try withFastPath(isFilter: isFilter) { fastPath in
            let containers = try Containers(2)
            for index in 0..<2 { try containers.join(fastPath, containers.port(index)) }
            let before = try containers.flow(fastPath)
            try containers.run(obstacle.arising)
            let during = try containers.flow(fastPath, areExpected: obstacle.passes)
            try containers.run(obstacle.going)
            for port in containers.ports {
                try containers.host.wait(forLink: port.index, atMost: .seconds(60)) {
                    $0.isOperational && $0.port?.isForwarding == true
                }
            }
            return (before, during, try containers.flow(fastPath))
        }
        #expect(before.received == many && before.sentByShortcut > most)
        #expect(during == Flow(received: obstacle.passes ? many : 0))
        #expect(after.received == many && after.sentByShortcut > most)
    }

    @Test("Rules of IP are no obstacle where it is certain that bridges do not ask them")
    func unaskedRules() throws {
        let flow = try withFastPath { fastPath in
            let containers = try Containers(2)
            for index in 0..<2 {
                let port = containers.port(index)
                try containers.join(
                    fastPath,
                    FastPathPort(link: port.link, bridge: port.bridge, address: port.address, ignoresFilterOfIP: true)
                )
            }
            try containers.run("for i in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $i ] || echo 0 >$i; done")
            try containers.run("nft 'table ip t { chain c { type filter hook forward priority 0; policy drop; }; }'")
            return try containers.flow(fastPath)
        }
        #expect(flow.received == many && flow.sentByShortcut > most)
    }

    @Test("A frame that is not what was agreed on goes through the bridge")
    func strangers() throws {
        let flows = try withFastPath { fastPath in
            let containers = try Containers(2)
            for index in 0..<2 { try containers.join(fastPath, containers.port(index)) }
            var flows = [try containers.flow(fastPath, source: MACAddress(value: 0x0200_0000_0777))]
            try fastPath.setPort(containers.port(0, addresses: [IPAddress(v4: 0x0a09_0002)]))
            flows.append(try containers.flow(fastPath))
            try fastPath.setPort(containers.port(0, vlan: 100))
            flows.append(try containers.flow(fastPath))
            try fastPath.setPort(containers.port(0, isIsolated: true))
            try fastPath.addStation(FastPathStation(containers.port(1, isIsolated: true)))
            flows.append(try containers.flow(fastPath))
            try fastPath.setPort(containers.port(0))
            try fastPath.removePort(containers.port(1).link)
            flows.append(try containers.flow(fastPath))
            return flows
        }
        #expect(flows == [Flow](repeating: Flow(received: many), count: 5))
    }

    @Test("A packet from an address that the port may use goes by the shortcut")
    func ownAddress() throws {
        let flow = try withFastPath { fastPath in
            let containers = try Containers(2)
            let addresses = [IPAddress(v4: 0x0a09_0007), IPAddress(v4: 0x0a09_0001), IPAddress(v6: 1)]
            try containers.join(fastPath, containers.port(0, addresses: addresses))
            try containers.join(fastPath, containers.port(1))
            return try containers.flow(fastPath)
        }
        #expect(flow.received == many && flow.sentByShortcut > most)
    }

    @Test("A frame that is too long for the receiver's port is dropped, as by the bridge")
    func tooLong() throws {
        let (long, short) = try withFastPath { fastPath in
            let containers = try Containers(2)
            for index in 0..<2 { try containers.join(fastPath, containers.port(index)) }
            try containers.run("ip link set veth1 mtu 1000")
            let long = try containers.flow(fastPath, length: 1200, areExpected: false)
            return (long, try containers.flow(fastPath, length: 1014))
        }
        #expect(long == Flow())
        #expect(short.received == many && short.sentByShortcut > most)
    }

    @Test("Taken off its link under traffic, the program loses no frame")
    func detached() throws {
        let (before, after, states) = try withFastPath { fastPath in
            let containers = try Containers(2)
            for index in 0..<2 { try containers.join(fastPath, containers.port(index)) }
            let link = containers.port(0).link
            var states = [try fastPath.isAttached(to: link)]
            let before = try containers.flow(fastPath)
            try fastPath.detach(from: link)
            try fastPath.detach(from: link)
            states.append(try fastPath.isAttached(to: link))
            return (before, try containers.flow(fastPath), states)
        }
        #expect(states == [true, false])
        #expect(before.received == many && before.sentByShortcut > most)
        #expect(after == Flow(received: many))
    }
}
