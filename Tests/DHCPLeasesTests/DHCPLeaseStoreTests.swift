// SPDX-License-Identifier: Apache-2.0
import Addressing
import DHCP
import JSON
import Linux
import TestSupport
import Testing
import Wiring

@testable import DHCPLeases

private let order = DHCPOrder(
    key: AttachmentKey(network: "lan", containerID: "c1", interfaceName: "eth0"),
    namespacePath: "/run/netns/c1",
    options: [.init(code: .hostName, value: [0x77, 0x00, 0xff])],
    requested: [.routers, .subnetMask],
    priority: 7
)

private func record(_ key: AttachmentKey = order.key, granted: Int64 = 5) -> DHCPLeaseRecord {
    let hardware = MACAddress("02:00:00:00:00:05") ?? .zero
    var acknowledgement = DHCPMessage(.acknowledgement, transaction: 9, clientHardware: hardware)
    acknowledgement.yourAddress = IPAddress(v4: 0x0a01_0014)
    acknowledgement.options[.subnetMask] = [255, 255, 255, 0]
    acknowledgement.options[.serverIdentifier] = [10, 1, 0, 1]
    acknowledgement.options[.leaseTime] = [0, 0, 0, 100]
    return DHCPLeaseRecord(
        order: DHCPOrder(
            key: key,
            namespacePath: order.namespacePath,
            options: order.options,
            requested: order.requested,
            priority: order.priority
        ),
        socketPath: "/run/cni/dhcp.sock",
        namespaceIdentity: "4:99",
        hardware: hardware,
        serverHardware: MACAddress("02:00:00:00:00:01") ?? .zero,
        acknowledgement: acknowledgement,
        grantedAt: granted,
        renewals: 3,
        state: .bound
    )
}

@Suite("The store of DHCP leases")
struct DHCPLeaseStoreTests {
    @Test("What was written is read back, replaced, listed and removed")
    func story() throws {
        try withTemporaryDirectory { root in
            let store = DHCPLeaseStore(root: root)
            #expect(try store.records() == [] && store.record(of: order.name) == nil)
            try store.write(record())
            try store.write(record(granted: 6))
            let other = AttachmentKey(network: "lan", containerID: "c2", interfaceName: "eth0")
            try store.write(record(other))
            #expect(try store.record(of: order.name) == record(granted: 6))
            #expect(try store.records() == [record(granted: 6), record(other)])
            try store.remove(order.name)
            try store.remove(order.name)
            #expect(try store.records() == [record(other)])
            #expect(try listDirectory(store.path) == ["lan:c2:eth0.json"])
        }
    }

    @Test("Files that are no whole record are passed over", arguments: ["", "{", "{}", "[]", #"{"state": "bound"}"#])
    func broken(text: String) throws {
        try withTemporaryDirectory { root in
            let store = DHCPLeaseStore(root: root)
            try store.write(record())
            try writeFile("\(store.path)/lan:c1:eth0.json", text)
            #expect(try store.records() == [] && store.record(of: order.name) == nil)
        }
    }

    @Test("A record cut off anywhere is none")
    func cutOff() {
        let content = record().content
        for length in content.indices { #expect(DHCPLeaseRecord(content: Array(content[..<length])) == nil) }
    }

    @Test("A client goes on with a record where the one before was")
    func client() throws {
        let patience = DHCPClient.Patience(answer: 1, longestPause: 1, wantsBroadcast: false)
        let client = try record().client(patience: patience, seed: 1)
        #expect(client.state == .bound && client.renewals == 3 && client.expiresAt == 100_000_000_005)
        #expect(client.identity.clientIdentifier == Array("\0c1/lan/eth0".utf8))
    }
}

@Suite("Questions to the DHCP daemon")
struct DHCPQuestionTests {
    private static let questions: [DHCPQuestion] = [
        .add(order), .check(order.name), .delete(order.key), .status, .list,
        .collect(
            network: "lan",
            surviving: [
                .init(containerID: "c1", interfaceName: "eth0"), .init(containerID: "c2", interfaceName: ""),
            ],
            begun: 77
        ),
    ]

    @Test("What is asked is understood", arguments: questions)
    func roundTrip(question: DHCPQuestion) throws {
        let line = question.line
        #expect(line.last == UInt8(ascii: "\n") && line.dropLast().allSatisfy { $0 >= 0x20 })
        #expect(try DHCPQuestion(JSONReader(try JSONValue(parsing: line))) == question)
    }

    @Test(
        "What makes no sense is refused",
        arguments: [
            "{}", "[]", #"{"culvertDHCP": 2, "verb": "list"}"#, #"{"culvertDHCP": 1, "verb": "dance"}"#,
            #"{"culvertDHCP": 1, "verb": "add"}"#, #"{"culvertDHCP": 1, "verb": "add", "order": {}}"#,
            #"{"culvertDHCP": 1, "verb": "delete", "network": "a/b", "containerID": "c", "ifname": "e"}"#,
            #"{"culvertDHCP": 1, "verb": "delete", "network": "a", "containerID": "c:d", "ifname": "e"}"#,
        ]
    )
    func nonsense(text: String) throws {
        let document = try JSONValue(parsing: text)
        #expect(throws: JSONTypeError.self) { try DHCPQuestion(JSONReader(document)) }
    }

    @Test("The identifier is what the reference sends, at most 255 octets, or what the configuration says")
    func identifiers() {
        #expect(order.clientIdentifier == [0] + Array("c1/lan/eth0".utf8))
        let long = AttachmentKey(network: "lan", containerID: String(repeating: "x", count: 400), interfaceName: "e")
        #expect(record(long).order.clientIdentifier.count == 255)
        let own = DHCPOrder(
            key: order.key,
            namespacePath: "",
            options: [.init(code: .clientIdentifier, value: [1, 2])],
            requested: [],
            priority: 0
        )
        #expect(own.clientIdentifier == [1, 2])
    }
}
