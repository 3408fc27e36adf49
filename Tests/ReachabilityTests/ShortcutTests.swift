// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter
import Reachability
import Testing

@Suite("The way past a bridge")
struct ShortcutTests {
    /// Two containers that may use the shortcut.
    private func host() throws -> SmallHost {
        var small = try SmallHost()
        for number in 0..<2 {
            let address = MACAddress(value: 0x0200_0000_0010 + UInt64(number))
            small.model.namespaces[0].shortcuts[Int32(11 + number)] = HostModel.Shortcut(bridge: 10, address: address)
        }
        return small
    }

    /// How often the bridge is left aside, and whether the first container reaches the second.
    private func told(_ small: SmallHost) throws -> (past: Int, outcome: TraceVerdict.Outcome) {
        let trace = try small.trace(1, "10.0.0.3")
        return (trace.steps.filter { $0.text.contains("; the shortcut is taken") }.count, trace.verdict.outcome)
    }

    @Test("What goes past the bridge is told, there and back, and it arrives as it did without")
    func told() throws {
        #expect(try told(SmallHost()) == (0, .connected))
        #expect(try told(host()) == (2, .connected))
        let outward = try host().trace(1, "198.51.100.1")
        #expect(!outward.steps.contains { $0.text.contains("by the shortcut") })
    }

    @Test("Whom the shortcut does not know, the bridge serves")
    func unknown() throws {
        var small = try host()
        small.model.namespaces[0].shortcuts[12]?.isStation = false
        #expect(try told(small) == (1, .connected))
        small.model.namespaces[0].shortcuts[12] = nil
        #expect(try told(small) == (0, .connected))
        small = try host()
        small.model.namespaces[0].shortcuts[11]?.addresses = []
        #expect(try told(small) == (1, .connected))
    }

    @Test("Where somebody has rules, or slows a port down, the bridge takes the frame")
    func somebody() throws {
        var small = try host()
        small.add(.bridge, ChainHook(.filter, .forward, priority: .filter, policy: .accept), [])
        #expect(try told(small) == (0, .connected))
        small = try host()
        small.change("veth2") { $0.shaping = "1 Mbit/s" }
        #expect(try told(small) == (0, .connected))
        small = try host()
        small.add(.inet, ChainHook(.filter, .forward, priority: .filter, policy: .drop), [])
        #expect(try told(small) == (2, .connected))
        small.model.namespaces[0].settings["bridge/bridge-nf-call-iptables"] = 1
        #expect(try told(small) == (0, .dropped))
    }

    @Test("Isolated ports are apart, whatever the shortcut knows")
    func isolated() throws {
        var small = try host()
        for name in ["veth1", "veth2"] { small.change(name) { $0.port?.isIsolated = true } }
        #expect(try told(small) == (0, .dropped))
    }

    @Test("Why the bridge takes the frame is said where both ends have the shortcut")
    func reasons() throws {
        let reasons: [(words: String, body: (inout SmallHost) -> Void)] = [
            ("somebody looks at all frames", { $0.change("br0") { $0.isPromiscuous = true } }),
            ("the bridge does more", { $0.change("veth1") { $0.port?.doesMore = true } }),
            ("it has to queue", { $0.model.namespaces[0].shortcuts[12]?.refusesTo = "it has to queue" }),
            ("other programs", { $0.model.namespaces[0].shortcuts[11]?.refusesFrom = "other programs" }),
            ("rules for bridges", { $0.add(.bridge, ChainHook(.filter, .forward, priority: .filter), []) }),
            ("another address", { $0.model.namespaces[0].shortcuts[11]?.addresses = [] }),
        ]
        for (words, body) in reasons {
            var small = try host()
            body(&small)
            let trace = try small.trace(1, "10.0.0.3")
            let said = trace.steps.map { $0.text }.filter { $0.contains("; the shortcut is not taken: ") }
            #expect(said.contains { $0.contains(words) }, "\(words)")
            #expect(trace.verdict.outcome == .connected)
        }
    }

    @Test("Where br_netfilter is there, rules of IP count, and so does connection tracking")
    func tracking() throws {
        var small = try host()
        small.model.namespaces[0].settings["bridge/bridge-nf-call-iptables"] = 0
        #expect(try told(small).past == 2)
        small.add(.inet, ChainHook(.filter, .input, priority: .filter, policy: .accept), [[.tcpDport(9), .drop]])
        #expect(try told(small).past == 2)
        small.add([.ct(.state, direction: nil, to: Register(rawValue: 8))], to: .input)
        #expect(try told(small).past == 0)
        for port in [11, 12] { small.model.namespaces[0].shortcuts[Int32(port)]?.ignoresFilterOfIP = true }
        #expect(try told(small).past == 2)
        small.change("br0") { $0.showsIPv4 = true }
        #expect(try told(small).past == 0)
    }
}
