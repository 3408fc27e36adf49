// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import IPTables

private let chain = "CNI-10b6f28dc236b0b51d7abaf2"
private let remark = #"-m comment --comment "name: \"podman\" id: \"0123456789abcdef\"""#
private let masquerade = IPTablesMasquerade(network: "podman", containerID: "0123456789abcdef")

private func cidrs(_ texts: String...) -> [CIDR] { texts.compactMap { CIDR($0) } }
private func addresses(_ texts: String...) -> [IPAddress] { texts.compactMap { IPAddress($0) } }

@Suite("The layout of masquerading")
struct IPTablesMasqueradeTests {
    @Test("One address has a chain of its own")
    func one() {
        var edit = IPTablesEdit(table())
        masquerade.install(cidrs("10.88.0.2/16", "fd00:1::2/64"), in: &edit)
        #expect(
            lines(edit) == [
                "-N \(chain)", "-A \(chain) -d 10.88.0.0/16 \(remark) -j ACCEPT",
                "-A \(chain) ! -d 224.0.0.0/4 \(remark) -j MASQUERADE",
                "-A POSTROUTING -s 10.88.0.2/32 \(remark) -j \(chain)",
            ]
        )
    }

    @Test("Of several addresses all networks are exempt before anything is masqueraded")
    func several() {
        var edit = IPTablesEdit(table(.nat, .v6))
        masquerade.install(cidrs("fd00:1::2/64", "10.88.0.2/16", "fd00:2::2/64", "fd00:2::3/64"), in: &edit)
        #expect(
            lines(edit) == [
                "-N \(chain)", "-A \(chain) -d fd00:1::/64 \(remark) -j ACCEPT",
                "-A \(chain) -d fd00:2::/64 \(remark) -j ACCEPT", "-A \(chain) ! -d ff00::/8 \(remark) -j MASQUERADE",
                "-A POSTROUTING -s fd00:1::2/128 \(remark) -j \(chain)",
                "-A POSTROUTING -s fd00:2::2/128 \(remark) -j \(chain)",
                "-A POSTROUTING -s fd00:2::3/128 \(remark) -j \(chain)",
            ]
        )
    }

    @Test("A second time there is nothing to do, and other addresses replace the former")
    func again() {
        var edit = IPTablesEdit(table())
        masquerade.install(cidrs("10.88.0.2/16"), in: &edit)
        var second = IPTablesEdit(edit.contents)
        masquerade.install(cidrs("10.88.0.2/16"), in: &second)
        #expect(second.commands == [])
        masquerade.install(cidrs("10.88.0.3/16"), in: &second)
        #expect(
            lines(second) == [
                "-D POSTROUTING -s 10.88.0.2/32 \(remark) -j \(chain)",
                "-A POSTROUTING -s 10.88.0.3/32 \(remark) -j \(chain)",
            ]
        )
        #expect(second.contents.missing(of: masquerade.rules(cidrs("10.88.0.3/16"), .v4)) == [])
        #expect(second.contents.missing(of: masquerade.rules(cidrs("10.88.0.2/16"), .v4)).count == 1)
    }

    @Test("Of two interfaces of one container each can leave, and the chain goes with the last one")
    func siblings() {
        var edit = IPTablesEdit(table())
        masquerade.install(cidrs("10.88.0.2/16", "10.88.0.3/16"), in: &edit)
        var second = IPTablesEdit(edit.contents)
        masquerade.remove(from: &second, sparing: addresses("10.88.0.2", "10.88.0.7"))
        #expect(lines(second) == ["-D POSTROUTING -s 10.88.0.3/32 \(remark) -j \(chain)"])
        #expect(second.contents.missing(of: masquerade.rules(cidrs("10.88.0.2/16"), .v4)) == [])
        var third = IPTablesEdit(second.contents)
        masquerade.remove(from: &third, sparing: addresses("10.88.0.3", "10.88.0.7"))
        #expect(third.contents.rules == [] && third.contents.chains == table().chains)
    }

    @Test("The containers of a network are those whose comment and chain agree")
    func containers() {
        var edit = IPTablesEdit(table())
        for (network, id) in [("blue", "c1"), ("blue", "c2"), ("red", "c3"), ("blue\" id: \"x", "c4")] {
            IPTablesMasquerade(network: network, containerID: id).install(cidrs("10.88.0.2/16"), in: &edit)
            IPTablesPortMap(network: network, containerID: id).install(
                [.init(hostPort: 80, containerPort: 80, transport: "tcp")],
                to: cidrs("10.88.0.2/16")[0],
                .init(),
                in: &edit
            )
        }
        edit.append(IPTablesRule("OUTPUT", ["-m", "comment", "--comment", #"name: "blue" id: "c9""#, "-j", "X"]))
        #expect(IPTablesMasquerade.containers(of: "blue", in: edit.contents) == ["c1", "c2"])
        #expect(IPTablesPortMap.containers(of: "blue", in: edit.contents) == ["c1", "c2"])
        #expect(IPTablesMasquerade.containers(of: "red", in: edit.contents) == ["c3"])
        #expect(IPTablesMasquerade.containers(of: "green", in: edit.contents) == [])
    }

    @Test("The name of the chain is enough to remove everything")
    func removal() {
        let text = ":\(chain) - [0:0]\n-A POSTROUTING -s 10.88.0.0/16 -j \(chain)\n-A X -j Y\n-A \(chain) -j ACCEPT"
        var edit = IPTablesEdit(table(.nat, .v4, text))
        masquerade.remove(from: &edit)
        #expect(lines(edit) == ["-D POSTROUTING -s 10.88.0.0/16 -j \(chain)", "-F \(chain)", "-X \(chain)"])
        #expect(edit.contents.rules.map { "\($0)" } == ["-A X -j Y"])
    }
}

@Suite("The layout of port mappings")
struct IPTablesPortMapTests {
    private static let map = IPTablesPortMap(network: "podman", containerID: "0123456789abcdef")
    private static let container = cidrs("10.88.0.2/16")[0]
    private static let tcp = IPTablesPortMap.Mapping(hostPort: 8080, containerPort: 80, transport: "tcp")

    private static func rules(
        _ mappings: [IPTablesPortMap.Mapping],
        _ settings: IPTablesPortMap.Settings = .init(),
        in chain: String
    ) -> [String] {
        var edit = IPTablesEdit(table())
        map.install(mappings, to: container, settings, in: &edit)
        return edit.contents.rules(in: chain).map { "\($0)" }
    }

    @Test("The names are those of the reference")
    func names() {
        #expect(Self.map.chain == "CNI-DN-10b6f28dc236b0b51d7ab")
        #expect(Self.map.formerChain == "CNI-SN-10b6f28dc236b0b51d7ab")
    }

    @Test("A rule leads to at most 15 ports", arguments: [(1, 1), (15, 1), (16, 2), (31, 3)])
    func fifteen(ports: Int, rules: Int) {
        let mappings = (0..<ports).map {
            IPTablesPortMap.Mapping(hostPort: UInt16(8000 + $0), containerPort: 80, transport: "tcp")
        }
        let entries = Self.rules(mappings, in: "CNI-HOSTPORT-DNAT")
        #expect(entries.count == rules)
        #expect(entries.reduce(0) { $0 + $1.split(separator: ",").count } == ports)
        #expect(Self.rules(mappings, in: Self.map.chain).count == 3 * ports)
    }

    @Test("Masquerading of everything asks for no source")
    func everything() {
        #expect(
            Self.rules([Self.tcp], .init(masquerade: .everything, mark: .bit(0)), in: Self.map.chain) == [
                "-A \(Self.map.chain) -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK",
                "-A \(Self.map.chain) -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.2:80",
            ]
        )
        #expect(
            Self.rules([Self.tcp], .init(mark: .bit(0)), in: "CNI-HOSTPORT-MASQ")
                == ["-A CNI-HOSTPORT-MASQ -m mark --mark 0x1/0x1 -j MASQUERADE"]
        )
        #expect(
            Self.rules([Self.tcp], .init(mark: .bit(31)), in: "CNI-HOSTPORT-MASQ")
                == ["-A CNI-HOSTPORT-MASQ -m mark --mark 0x80000000/0x80000000 -j MASQUERADE"]
        )
    }

    @Test("Without masquerading, or with somebody else's mark, the chains of ours are not made")
    func noMark() {
        for settings in [IPTablesPortMap.Settings(masquerade: .nothing), .init(mark: .chain("KUBE-MARK-MASQ"))] {
            var edit = IPTablesEdit(table())
            Self.map.install([Self.tcp], to: Self.container, settings, in: &edit)
            #expect(edit.contents.chains == ["CNI-HOSTPORT-DNAT", Self.map.chain])
            #expect(edit.contents.missing(of: Self.map.allRules([Self.tcp], to: Self.container, settings)) == [])
        }
        #expect(
            Self.rules([Self.tcp], .init(mark: .chain("KUBE-MARK-MASQ")), in: Self.map.chain).prefix(2) == [
                "-A \(Self.map.chain) -s 10.88.0.0/16 -p tcp -m tcp --dport 8080 -j KUBE-MARK-MASQ",
                "-A \(Self.map.chain) -s 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j KUBE-MARK-MASQ",
            ]
        )
    }

    @Test("The younger container goes first where that is asked for, otherwise last")
    func order() {
        let other = "-A CNI-HOSTPORT-DNAT -j CNI-DN-other"
        for isFirst in [false, true] {
            var edit = IPTablesEdit(table(.nat, .v4, ":CNI-HOSTPORT-DNAT - [0:0]\n:CNI-DN-other - [0:0]\n\(other)"))
            Self.map.install([Self.tcp], to: Self.container, .init(isFirst: isFirst), in: &edit)
            let entries = edit.contents.rules(in: "CNI-HOSTPORT-DNAT").map(\.target)
            #expect(entries == (isFirst ? [Self.map.chain, "CNI-DN-other"] : ["CNI-DN-other", Self.map.chain]))
        }
    }

    @Test("Other mappings replace the former ones of the same container")
    func again() {
        var edit = IPTablesEdit(table())
        Self.map.install([Self.tcp], to: Self.container, .init(), in: &edit)
        let udp = IPTablesPortMap.Mapping(hostPort: 53, containerPort: 53, transport: "udp")
        Self.map.install([udp], to: Self.container, .init(), in: &edit)
        let before = edit.contents
        Self.map.install([udp], to: Self.container, .init(), in: &edit)
        #expect(edit.contents.rules(jumpingTo: Self.map.chain).count == 1)
        #expect(edit.contents.rules(in: Self.map.chain).count == 3)
        #expect(edit.contents.rules(jumpingTo: "CNI-HOSTPORT-DNAT").count == 2)
        #expect(edit.contents.rules.count == before.rules.count)
    }

    @Test("The names are enough to remove everything, also what old releases made")
    func removal() {
        var edit = IPTablesEdit(table())
        Self.map.install([Self.tcp], to: Self.container, .init(), in: &edit)
        let chains = [":\(Self.map.chain)", ":\(Self.map.formerChain)"].joined(separator: " - [0:0]\n") + " - [0:0]\n"
        let jumps = "-A CNI-HOSTPORT-SNAT -j \(Self.map.formerChain)\n-A KEPT -j \(Self.map.chain)\n-A KEPT -j X"
        edit = IPTablesEdit(table(.nat, .v4, chains + jumps))
        Self.map.remove(from: &edit)
        #expect(edit.contents.chains == [])
        #expect(edit.contents.rules.map { "\($0)" } == ["-A KEPT -j X"])
    }

    @Test("A comment is not longer than the kernel takes")
    func comment() {
        let map = IPTablesPortMap(network: "n", containerID: String(repeating: "c", count: 300))
        let rules = map.allRules([Self.tcp], to: Self.container, .init())
        #expect(rules.compactMap { $0.comment?.utf8.count }.max() == 255)
    }
}

@Suite("The layout of the firewall")
struct IPTablesFirewallTests {
    private static let firewall = IPTablesFirewall()
    private static func isolated(_ shared: String, _ own: String) -> String {
        let remark = "-m comment --comment \"CNI firewall plugin rules (ingressPolicy: "
        return """
            :FORWARD ACCEPT [0:0]
            :CNI-ISOLATION-STAGE-1 - [0:0]
            :CNI-ISOLATION-STAGE-2 - [0:0]
            -A FORWARD \(remark)\(shared))" -j CNI-ISOLATION-STAGE-1
            -A CNI-ISOLATION-STAGE-1 -i cni0 ! -o cni0 \(remark)\(own))" -j CNI-ISOLATION-STAGE-2
            -A CNI-ISOLATION-STAGE-1 \(remark)\(shared))" -j RETURN
            -A CNI-ISOLATION-STAGE-2 -o cni0 \(remark)\(shared))" -j DROP
            -A CNI-ISOLATION-STAGE-2 \(remark)\(shared))" -j RETURN
            """
    }

    @Test(
        "Isolation that any release of the reference made is not made twice",
        arguments: [("same-bridge", "same-bridge"), ("same-bridge|isolated", "same-bridge")]
    )
    func noDuplicates(shared: String, own: String) {
        let contents = table(.filter, .v4, Self.isolated(shared, own))
        var edit = IPTablesEdit(contents)
        IPTablesFirewall.isolate("cni0", .sameBridge, in: &edit)
        #expect(edit.commands == [])
        #expect(IPTablesFirewall.missing("cni0", .sameBridge, in: contents) == [])
        #expect(IPTablesFirewall.missing("cni1", .sameBridge, in: contents).count == 2)
        #expect(IPTablesFirewall.missing("cni0", .isolated, in: contents).count == 1)
    }

    @Test("A rule of the administrator without our remark does not count")
    func foreign() {
        let text = ":CNI-ISOLATION-STAGE-1 - [0:0]\n-A CNI-ISOLATION-STAGE-1 -j RETURN"
        let missing = IPTablesFirewall.missing("cni0", .sameBridge, in: table(.filter, .v4, text))
        #expect(missing.count == 5)
    }

    @Test("Containers are kept apart before anything else is decided")
    func order() {
        var edit = IPTablesEdit(table(.filter))
        IPTablesFirewall.isolate("cni0", .isolated, in: &edit)
        IPTablesFirewall.isolate("cni1", .sameBridge, in: &edit)
        #expect(
            edit.contents.rules(in: "CNI-ISOLATION-STAGE-1").map { $0.words.filter { !$0.contains("CNI fire") } } == [
                ["-i", "cni1", "!", "-o", "cni1", "-m", "comment", "--comment", "-j", "CNI-ISOLATION-STAGE-2"],
                ["-i", "cni0", "-o", "cni0", "-m", "comment", "--comment", "-j", "DROP"],
                ["-i", "cni0", "!", "-o", "cni0", "-m", "comment", "--comment", "-j", "CNI-ISOLATION-STAGE-2"],
                ["-m", "comment", "--comment", "-j", "RETURN"],
            ]
        )
        #expect(edit.contents.rules(in: "CNI-ISOLATION-STAGE-2").map(\.target) == ["DROP", "DROP", "RETURN"])
        #expect(edit.contents.rules(in: "FORWARD").map(\.target) == ["CNI-ISOLATION-STAGE-1"])
    }

    @Test("What accepts goes behind what isolates, whichever comes first")
    func acceptBehind() {
        for isolatesFirst in [true, false] {
            var edit = IPTablesEdit(table(.filter, .v4, "-A FORWARD -j DOCKER"))
            if isolatesFirst { IPTablesFirewall.isolate("cni0", .sameBridge, in: &edit) }
            Self.firewall.install(addresses("10.88.0.2"), in: &edit)
            IPTablesFirewall.isolate("cni0", .sameBridge, in: &edit)
            let targets = edit.contents.rules(in: "FORWARD").map(\.target)
            #expect(targets == ["CNI-ISOLATION-STAGE-1", "CNI-FORWARD", "DOCKER"])
        }
    }

    @Test("The rules of an address come and go, and the others stay")
    func addressRules() {
        var edit = IPTablesEdit(table(.filter))
        Self.firewall.install(addresses("10.88.0.2", "10.88.0.3", "fd00::2"), in: &edit)
        let before = edit.contents
        Self.firewall.install(addresses("10.88.0.2"), in: &edit)
        #expect(edit.contents == before)
        #expect(before.missing(of: Self.firewall.allRules(addresses("10.88.0.2", "10.88.0.3"), .v4)) == [])
        edit = IPTablesEdit(before)
        Self.firewall.remove(addresses("10.88.0.2"), from: &edit)
        #expect(
            lines(edit) == [
                "-D CNI-FORWARD -d 10.88.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "-D CNI-FORWARD -s 10.88.0.2/32 -j ACCEPT",
            ]
        )
        #expect(edit.contents.rules(in: "CNI-FORWARD").count == 3)
    }

    @Test("Nothing is made for a family without addresses, nor is anything missing")
    func otherFamily() {
        var edit = IPTablesEdit(table(.filter, .v6))
        Self.firewall.install(addresses("10.88.0.2"), in: &edit)
        #expect(edit.commands == [])
        #expect(Self.firewall.allRules(addresses("10.88.0.2"), .v6) == [])
    }
}
