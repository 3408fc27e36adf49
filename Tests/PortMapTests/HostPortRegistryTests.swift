// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Linux
import TestSupport
import Testing
import Wiring

@testable import PortMap

private func key(_ containerID: String) -> AttachmentKey {
    AttachmentKey(network: "blue", containerID: containerID, interfaceName: "eth0")
}

private func forwards(_ mappings: String...) throws -> [Forward] {
    try configuration(wants(mappings.joined(separator: ",")), onlyIPv4).forwards
}

/// Writes the record of a container that has some ports, without counting it.
private func record(_ containerID: String, in root: String, _ mappings: String...) throws {
    var file = try AttachmentFile(
        opening: key(containerID),
        of: PortPublisher.plugin,
        in: AttachmentStore(root: root),
        waitingAtMost: .seconds(20)
    )
    let members = [wants(mappings.joined(separator: ",")), onlyIPv4].joined(separator: ",")
    try file.write(
        AttachmentRecord(
            key: key(containerID),
            state: .attached,
            namespacePath: "",
            namespaceIdentity: "",
            intendedNanoseconds: 0,
            configuration: try JSONValue(
                parsing: Array("{\"cniVersion\": \"1.0.0\", \"name\": \"blue\", \(members)}".utf8)
            )
        )
    )
}

private func claim(_ containerID: String, in root: String) throws -> PortClaim {
    try PortClaim.open(key(containerID), in: AttachmentStore(root: root), waitingAtMost: .seconds(20))
}

private func count(_ port: UInt16, _ transport: Transport = .tcp, in root: String) throws -> UInt8 {
    try HostPortRegistry(in: root, waitingAtMost: .seconds(20)).count(port, transport)
}

private func isCounted(in root: String) throws -> Bool {
    let registry = try HostPortRegistry(in: root, waitingAtMost: .seconds(20))
    return registry.isCounted
}

@Suite("The registry of host ports")
struct HostPortRegistryTests {
    @Test("A new one counts nothing, and is counted once that is said")
    func beginning() throws {
        try withTemporaryDirectory { root in
            #expect(try !HostPortRegistry.exists(in: root))
            for port in [0, 1, 65_535] as [UInt16] {
                for transport in Transport.all { #expect(try count(port, transport, in: root) == 0) }
            }
            #expect(try HostPortRegistry.exists(in: root))
            #expect(try !isCounted(in: root))
            try HostPortRegistry(in: root, waitingAtMost: .seconds(20)).finishCounting()
            #expect(try isCounted(in: root))
        }
    }

    @Test("Every port of every protocol has a count of its own, and none of them says that all was counted")
    func places() throws {
        try withTemporaryDirectory { root in
            let ends: [UInt16] = [0, 1, 65_534, 65_535]
            for (index, transport) in Transport.all.enumerated() {
                for (place, port) in ends.enumerated() {
                    let number = UInt8(10 * index + place + 1)
                    try HostPortRegistry(in: root, waitingAtMost: .seconds(20)).set(port, transport, to: number)
                }
            }
            for (index, transport) in Transport.all.enumerated() {
                for (place, port) in ends.enumerated() {
                    #expect(try count(port, transport, in: root) == UInt8(10 * index + place + 1))
                }
            }
            #expect(try !isCounted(in: root))
        }
    }

    @Test("Who holds it keeps everybody else out, who does not wait for ever")
    func locked() throws {
        try withTemporaryDirectory { root in
            let registry = try HostPortRegistry(in: root, waitingAtMost: .seconds(20))
            let error = try #require(throws: KernelError.self) {
                _ = try HostPortRegistry(in: root, waitingAtMost: .milliseconds(20))
            }
            #expect(error.errno == .wouldBlock)
            try registry.set(80, .tcp, to: 1)
        }
    }
}

@Suite("Claims of host ports")
struct PortClaimTests {
    @Test("Taking counts each port once, whatever addresses it is for, and giving back counts it out")
    func counting() throws {
        try withTemporaryDirectory { root in
            let one = try forwards(
                port(80, 8, #", "hostIP": "192.0.2.1""#),
                port(80, 8, #", "hostIP": "192.0.2.2""#),
                port(80, 8, #", "protocol": "udp""#)
            )
            try claim("c1", in: root).take(one)
            try claim("c2", in: root).take(forwards(port(80, 8)))
            #expect(try count(80, in: root) == 2 && count(80, .udp, in: root) == 1 && count(80, .sctp, in: root) == 0)
            try claim("c1", in: root).giveBack(one)
            #expect(try count(80, in: root) == 1 && count(80, .udp, in: root) == 0)
            try claim("c2", in: root).giveBack(forwards(port(80, 8)))
            try claim("c2", in: root).giveBack(forwards(port(80, 8)))
            #expect(try count(80, in: root) == 0)
        }
    }

    @Test("255 stands for any number from there on, until somebody counts anew")
    func saturation() throws {
        try withTemporaryDirectory { root in
            let ports = try forwards(port(80, 8))
            for _ in 0..<260 { try claim("c1", in: root).take(ports) }
            #expect(try count(80, in: root) == 255)
            try claim("c1", in: root).giveBack(ports)
            #expect(try count(80, in: root) == 255)
            try record("c2", in: root, port(80, 8))
            try claim("c1", in: root).recount(ports)
            #expect(try count(80, in: root) == 1)
        }
    }

    @Test("A lost registry is counted from the records, and so is one whose counter died")
    func lost() throws {
        try withTemporaryDirectory { root in
            try record("c1", in: root, port(80, 8), port(81, 8))
            try record("c2", in: root, port(80, 9, #", "hostIP": "192.0.2.1""#))
            _ = try claim("c3", in: root).holders(conflictingWith: [])
            #expect(try count(80, in: root) == 2 && count(81, in: root) == 1)
            // The first count was made, and the rest was not.
            try writeFile("\(root)/host-ports", "")
            try HostPortRegistry(in: root, waitingAtMost: .seconds(20)).set(80, .tcp, to: 1)
            _ = try claim("c3", in: root).holders(conflictingWith: [])
            #expect(try count(80, in: root) == 2 && count(81, in: root) == 1)
        }
    }

    @Test("A registry that is lost before the last one leaves forgets nobody")
    func lostBeforeEnd() throws {
        try withTemporaryDirectory { root in
            try record("c1", in: root, port(80, 8, #", "hostIP": "192.0.2.1""#))
            try record("c2", in: root, port(80, 9, #", "hostIP": "192.0.2.2""#))
            // As DEL does it: the claim first, then the record, then the count.
            let claim = try claim("c1", in: root)
            try AttachmentFile(
                existing: key("c1"),
                of: PortPublisher.plugin,
                in: AttachmentStore(root: root),
                waitingAtMost: .seconds(20)
            ).remove()
            try claim.giveBack(forwards(port(80, 8)))
            _ = consume claim
            #expect(try count(80, in: root) == 1)
        }
    }

    @Test("Holders are those whose forwards conflict, by address, protocol and port, and never oneself")
    func holders() throws {
        try withTemporaryDirectory { root in
            try record("c1", in: root, port(80, 8, #", "hostIP": "192.0.2.1""#))
            try record("c2", in: root, port(80, 8, #", "hostIP": "192.0.2.2""#), port(90, 9))
            try record("c3", in: root, port(80, 8, #", "protocol": "udp""#))
            func names(_ containerID: String, _ mapping: String) throws -> [String] {
                try claim(containerID, in: root).holders(conflictingWith: forwards(mapping))
                    .map { $0.record.key.containerID }
            }
            #expect(try names("c9", port(80, 1)) == ["c1", "c2"])
            #expect(try names("c9", port(80, 1, #", "hostIP": "192.0.2.1""#)) == ["c1"])
            #expect(try names("c9", port(80, 1, #", "hostIP": "192.0.2.3""#)) == [])
            #expect(try names("c9", port(80, 1, #", "protocol": "udp""#)) == ["c3"])
            #expect(try names("c9", port(80, 1, #", "protocol": "sctp""#)) == [])
            #expect(try names("c1", port(80, 1)) == ["c2"])
            #expect(try names("c9", port(70, 1)) == [])
        }
    }

    @Test("A count that is too high is corrected by who meets it, and costs the next one nothing")
    func heals() throws {
        try withTemporaryDirectory { root in
            try record("c1", in: root, port(80, 8, #", "hostIP": "192.0.2.1""#))
            // Of two that took the ports and died before they wrote it down.
            try claim("c8", in: root).take(forwards(port(80, 8), port(81, 8)))
            try claim("c9", in: root).take(forwards(port(80, 8)))
            #expect(try count(80, in: root) == 3 && count(81, in: root) == 1)
            let wanted = try forwards(port(80, 8, #", "hostIP": "192.0.2.9""#), port(81, 8))
            #expect(try claim("c2", in: root).holders(conflictingWith: wanted).isEmpty)
            #expect(try count(80, in: root) == 1 && count(81, in: root) == 0)
        }
    }

    @Test("What is no record of ours holds nothing")
    func junk() throws {
        try withTemporaryDirectory { root in
            try record("c1", in: root, port(80, 8))
            for name in ["c2:eth0:portmap.json", "c3:eth0:firewall.json", "c4:eth0.json", "x"] {
                try writeFile("\(root)/attachments/blue/\(name)", "{\"state\": \"attached\"")
            }
            #expect(try claim("c9", in: root).holders(conflictingWith: forwards(port(80, 1))).count == 1)
        }
    }
}
