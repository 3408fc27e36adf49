// SPDX-License-Identifier: Apache-2.0
import Forwarding
import JSON
import SwitchControl
import Testing

@testable import SwitchDaemon

@Suite("Rules of a switch that runs")
struct RunningSwitchRulesTests {
    private let running = RunningSwitch("vs0", number: 0, seed: 7)

    private func order(_ container: String, _ rules: String) throws -> SwitchPortOrder {
        let text = #"{"network": "net", "containerID": "\#(container)", "ifname": "eth0", "rules": [\#(rules)]}"#
        return try SwitchPortOrder(JSONReader(try JSONValue(parsing: text)))
    }

    private func open(_ container: String, _ rules: String = "") throws -> OpenPort {
        let order = try order(container, rules)
        let added = running.live.pointee.core.addInterface(VirtualInterface(order))
        let id = try #require(added)
        let port = OpenPort(.container, named: order.portName, link: "eth0", order: order, at: id, of: running, nil)
        running.ports[id.index] = port
        running.renewRules(of: port)
        running.renewRules(naming: port.name)
        return port
    }

    private func close(_ port: OpenPort) {
        running.dropRules(of: port)
        running.live.pointee.core.removeInterface(port.id)
        running.ports[port.id.index] = nil
        running.renewRules(naming: port.name)
    }

    private var ruleCount: Int { running.live.pointee.core.rules.count }

    /// To everybody, behind tags without a VLAN: an empty datagram to port 53.
    private func datagram(tags: Int) -> [UInt8] {
        let header: [UInt8] = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        var frame: [UInt8] = [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1]
        for _ in 0..<tags { frame += [0x81, 0, 0, 0] }
        frame += [8, 0]
        frame += header
        frame += [0x0f, 0xa0, 0, 53, 0, 8, 0, 0]
        return frame
    }

    private static let denying = #"{"action": "deny", "protocol": "udp", "etherType": "ipv4", "destinationPort": 53}"#

    @Test("Where rules deny or redirect, nothing passes that cannot be read", arguments: ["deny", "redirect"])
    func guarded(action: String) throws {
        let rules = #"{"action": "\#(action)", "to": "gone", "vlan": 9}, {"action": "permit", "priority": 65535}"#
        let (first, second) = (try open("c1", rules), try open("c2"))
        #expect(ruleCount == 3 && first.rules.count == 3)
        for tags in 0...4 {
            let trace = running.trace(datagram(tags: tags), from: first, now: 0)
            #expect(trace.reason == (tags > 2 ? "deniedByRule" : "broadcast"))
            let says = "what it holds cannot be read, and rules keep some of that back: it is dropped"
            #expect(trace.steps.contains(says) == (tags > 2))
            #expect(running.trace(datagram(tags: tags), from: second, now: 0).reason == "broadcast")
        }
    }

    @Test("A datagram is kept back behind any number of tags")
    func evasion() throws {
        let first = try open("c1", Self.denying)
        _ = try open("c2")
        for tags in 0...5 {
            #expect(running.trace(datagram(tags: tags), from: first, now: 0).reason == "deniedByRule")
        }
    }

    @Test("Where rules keep nothing back, there is none about what cannot be read")
    func unguarded() throws {
        let first = try open("c1", #"{"action": "mirror", "to": "c2:eth0"}, {"action": "permit", "vlan": 9}"#)
        _ = try open("c2")
        #expect(ruleCount == 2)
        #expect(running.trace(datagram(tags: 3), from: first, now: 0).reason == "broadcast")
    }

    @Test("The rule about what cannot be read needs room as well")
    func room() throws {
        let range = #""protocol": "udp", "destinationPort": "1-65534"}"#
        func rules(_ action: String, _ count: Int) -> String {
            Array(repeating: #"{"action": "\#(action)", "# + range, count: count).joined(separator: ", ")
        }
        // Each is sixty: there can be 16384, of which 1020 are left.
        for number in 0..<4 { _ = try open("c\(number)", rules("deny", 64)) }
        #expect(ruleCount == 16_384 - 17 * 60)
        try running.requireRoom(for: try order("c5", rules("permit", 17)), insteadOf: nil)
        let denying = try order("c5", rules("deny", 17))
        #expect(throws: (any Error).self) { try running.requireRoom(for: denying, insteadOf: nil) }
    }

    @Test("What others send to a port goes there as long as it is there, in the order that their rules have")
    func targets() throws {
        let rules = #"{"action": "redirect", "to": "late:eth0", "protocol": "udp"}, \#(Self.denying)"#
        let first = try open("c1", rules)
        _ = try open("c2")
        let before = first.rules
        #expect(running.trace(datagram(tags: 0), from: first, now: 0).reason == "deniedByRule")
        for _ in 0..<2 {
            let late = try open("late")
            #expect(running.trace(datagram(tags: 0), from: first, now: 0).outputs.map(\.port) == ["late:eth0"])
            close(late)
            #expect(running.trace(datagram(tags: 0), from: first, now: 0).reason == "deniedByRule")
        }
        #expect(first.rules == before && ruleCount == 4)
    }
}
