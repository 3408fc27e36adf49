// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Linux
import Netlink
import Plugin
import Static
import TestSupport
import Testing

@Suite("Addresses that the host knows of", .enabled(if: canUnshare, "needs root"))
struct HostAddressesKernelTests {
    private struct Malformed: Error {
        let text: String
    }

    private static func run(_ line: String) throws {
        let arguments = line.split(separator: " ").map(String.init)
        let child = try ChildProcess.run("/usr/sbin/\(arguments[0])", arguments, environment: [], input: [])
        guard child.ending == .exited(0) else { throw Malformed(text: line) }
    }

    /// Waits until the host's addresses of IPv6 are in use: after the link has its carrier.
    private static func awaitAddresses(_ lines: [String]) throws {
        let socket = try NetlinkSocket()
        for line in lines where line.hasPrefix("ip address add") && line.hasSuffix(" nodad") {
            let words = line.split(separator: " ").map(String.init)
            guard let address = CIDR(words[3])?.address, let link = try socket.link(named: words[5])
            else { throw Malformed(text: line) }
            let end = Machine.bootNanoseconds + 20_000_000_000
            while try !socket.isLocal(address, onLink: link.index) {
                guard Machine.bootNanoseconds < end else { throw Malformed(text: "too late: \(line)") }
                Machine.pause(.milliseconds(5))
            }
        }
    }

    /// The answers to ADDs of one address each, on a host with `cni0`, its port `veth0`, and `other0`: the message of a
    /// refusal, or nothing.
    private static func add(
        _ addresses: [String],
        _ preparation: [String],
        _ members: String = #""type": "bridge""#,
        _ changes: [String: String] = [:]
    ) throws -> [String] {
        try withTemporaryDirectory { root in
            try inNewNamespace {
                let container = try anotherNamespace()
                let always = [
                    "ip link add cni0 up address 02:00:00:00:00:01 type bridge", "ip link add other0 up type bridge",
                    "ip link add veth0 up master cni0 type veth peer name peer0", "ip link set peer0 up",
                    "ip address add 10.1.2.1/24 dev cni0", "ip address add fd00::1/64 dev cni0 nodad",
                ]
                for line in always + preparation { try run(line) }
                try awaitAddresses(always + preparation)
                return addresses.map { address in
                    let text = """
                        {"cniVersion": "1.0.0", "name": "blue", \(members),
                         "ipam": {"type": "static", "dataDir": "\(root)", "addresses": [{"address": "\(address)"}]}}
                        """
                    let variables = ["CULVERT_RUN_DIR": root, "CNI_NETNS": container.path].merging(changes) { $1 }
                    do throws(CNIError) {
                        _ = try staticAddresses.answer(.add(try request(text, variables)))
                        return ""
                    } catch {
                        return "\(error.code) \(error.message)"
                    }
                }
            }
        }
    }

    private static func request(_ text: String, _ variables: [String: String]) throws(CNIError) -> Request {
        do {
            return try Request(text, variables)
        } catch {
            throw CNIError(.internal, "no request", details: "\(error)")
        }
    }

    private static func hosts(_ address: String) -> String {
        "104 requested IP address \(address) is not available: it is this host's own"
    }

    private static func stations(_ address: String, _ link: String = "cni0") -> String {
        "104 requested IP address \(address) is not available: 02:00:00:00:00:09 has it on \(link)"
    }

    @Test("No container gets what the host has on any link")
    func own() throws {
        let addresses = ["10.1.2.1", "10.9.0.1", "fd00::1", "fd09::1", "127.0.0.9", "::1"]
        let others = ["ip address add 10.9.0.1/32 dev lo", "ip address add fd09::1/64 dev other0 nodad"]
        let answers = try Self.add(addresses.map { "\($0)/\($0.contains(":") ? 64 : 16)" }, others)
        #expect(answers == addresses.map(Self.hosts))
        #expect(try Self.add(["10.1.2.2/24", "10.9.0.2/24", "fd00::2/64", "fd09::2/64"], others) == ["", "", "", ""])
    }

    @Test("A link-local address that another link of the host has is in nobody's way")
    func linkLocal() throws {
        let lines = ["ip address add fe80::7/64 dev cni0 nodad", "ip address add fe80::8/64 dev other0 nodad"]
        #expect(try Self.add(["fe80::7/64", "fe80::8/64"], lines) == [Self.hosts("fe80::7"), ""])
        #expect(try Self.add(["fe80::7/64"], lines, #""type": "macvlan""#) == [""])
    }

    /// The host has heard of a station, which the bridge has seen on its port.
    private static func station(_ state: String, _ link: String = "cni0") -> [String] {
        ["10.1.2.9", "fd00::9"].map { "ip neighbour add \($0) lladdr 02:00:00:00:00:09 dev \(link) nud \(state)" }
            + ["bridge fdb add 02:00:00:00:00:09 dev veth0 master static"]
    }

    @Test(
        "Who was seen on the bridge keeps its address",
        arguments: ["reachable", "stale", "delay", "probe", "permanent"]
    )
    func seen(state: String) throws {
        let answers = try Self.add(["10.1.2.9/24", "fd00::9/64", "10.1.2.8/24"], Self.station(state))
        #expect(answers == [Self.stations("10.1.2.9"), Self.stations("fd00::9"), ""])
    }

    @Test("Who never answered, or is asked no more, has no address", arguments: ["failed", "noarp"])
    func unseen(state: String) throws {
        #expect(try Self.add(["10.1.2.9/24", "fd00::9/64"], Self.station(state)) == ["", ""])
    }

    @Test("What is left in the host's table of a container that is gone is in nobody's way")
    func relic() throws {
        // Another port keeps the bridge up, and with it the host's entries.
        let lines =
            ["ip link add veth1 up master cni0 type veth peer name peer1", "ip link set peer1 up"]
            + Self.station("reachable") + ["ip link delete veth0"]
        let answers = try Self.add(["10.1.2.9/24", "fd00::9/64"], lines + ["ip neighbour get 10.1.2.9 dev cni0"])
        #expect(answers == ["", ""])
    }

    @Test("The host forgets a container that is gone when its address is given again")
    func forgotten() throws {
        let states = try withTemporaryDirectory { root in
            try inNewNamespace {
                try Self.run("ip link add cni0 up type bridge")
                for line in Self.station("reachable") where line.hasPrefix("ip ") { try Self.run(line) }
                let socket = try NetlinkSocket()
                let bridge = try socket.link(named: "cni0")?.index ?? 0
                let addresses = ["10.1.2.9", "fd00::9"].compactMap { IPAddress($0) }
                let states = { try addresses.map { try socket.neighbour($0, onLink: bridge)?.state ?? .unknown } }
                let before = try states()
                let ipam = #"{"type": "static", "addresses": [{"address": "10.1.2.9/24"}, {"address": "fd00::9/64"}]}"#
                let text = #"{"cniVersion": "1.0.0", "name": "blue", "type": "bridge", "ipam": \#(ipam)}"#
                _ = try staticAddresses.answer(.add(try Request(text, ["CULVERT_RUN_DIR": root])))
                return before + (try states())
            }
        }
        #expect(states == [.known, .known, .unknown, .unknown])
    }

    @Test("A station with the address that the runtime wants for this container is this container")
    func ourselves() throws {
        let changes = ["CNI_ARGS": "MAC=02:00:00:00:00:09"]
        let answers = try Self.add(["10.1.2.9/24"], Self.station("stale"), #""type": "bridge""#, changes)
        #expect(answers == [""])
        for members in [
            #""type": "bridge", "args": {"cni": {"mac": "02-00-00-00-00-09"}}"#,
            #""type": "bridge", "runtimeConfig": {"mac": "02:00:00:00:00:09"}"#,
        ] {
            #expect(try Self.add(["10.1.2.9/24"], Self.station("stale"), members) == [""])
        }
    }

    @Test("Who has its address already may be seen with it")
    func again() throws {
        let seen = try withTemporaryDirectory { root in
            try inNewNamespace {
                try Self.run("ip link add cni0 up type bridge")
                try Self.run("ip link add veth0 up master cni0 type veth peer name peer0")
                try Self.run("ip link set peer0 up")
                let ipam = #"{"type": "static", "addresses": [{"address": "10.1.2.9/24"}]}"#
                let text = #"{"cniVersion": "1.0.0", "name": "blue", "type": "bridge", "ipam": \#(ipam)}"#
                let request = try Request(text, ["CULVERT_RUN_DIR": root])
                let first = try staticAddresses.answer(.add(request))
                for line in Self.station("reachable") where !line.contains("fd00") { try Self.run(line) }
                return [first, try staticAddresses.answer(.add(request))]
            }
        }
        #expect(seen.count == 2 && seen.first == seen.last)
    }

    @Test("Only the network's own bridge counts")
    func otherLinks() throws {
        let other = ["ip address add 10.1.3.1/24 dev other0", "ip link add named0 up type bridge"]
        let lines = Self.station("permanent", "other0") + other
        #expect(try Self.add(["10.1.2.9/24"], lines) == [""])
        #expect(try Self.add(["10.1.2.9/24"], lines, #""type": "bridge", "bridge": "named0""#) == [""])
        let answers = try Self.add(["10.1.2.9/24"], lines, #""type": "bridge", "bridge": "other0""#)
        #expect(answers == [Self.stations("10.1.2.9", "other0")])
        // No bridge, none of this name, not that kind of link, or a key that means something else.
        #expect(try Self.add(["10.1.2.9/24"], lines, #""type": "switch", "bridge": ["other0"], "mac": 17"#) == [""])
        #expect(try Self.add(["10.1.2.9/24"], lines, #""type": "switch", "bridge": "other0", "vlan": "red""#) == [""])
        #expect(try Self.add(["10.1.2.9/24"], lines, #""type": "macvlan""#) == [""])
        #expect(try Self.add(["10.1.2.9/24"], lines, #""type": "bridge", "bridge": "none0""#) == [""])
        #expect(try Self.add(["10.1.2.9/24"], lines, #""type": "bridge", "bridge": "veth0""#) == [""])
    }

    @Test("Of a network in a VLAN the link with the VLAN's gateway counts")
    func vlan() throws {
        let lines = [
            "ip link add cni0.7 up type bridge",
            "ip neighbour add 10.1.2.9 lladdr 02:00:00:00:00:09 dev cni0.7 nud permanent",
            "ip neighbour add 10.1.2.8 lladdr 02:00:00:00:00:09 dev cni0 nud permanent",
        ]
        let answers = try Self.add(["10.1.2.9/24", "10.1.2.8/24"], lines, #""type": "bridge", "vlan": 7"#)
        #expect(answers == [Self.stations("10.1.2.9", "cni0.7"), ""])
        #expect(try Self.add(["10.1.2.9/24"], lines, #""type": "bridge", "vlan": 8"#) == [""])
    }
}
