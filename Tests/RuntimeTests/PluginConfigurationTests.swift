// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Runtime
import Testing

@Suite("What plugins get on standard input")
struct PluginConfigurationTests {
    private static let list = #"{"name":"lan","cniVersion":"1.1.0","plugins":[PLUGIN]}"#

    private static func network(_ plugin: String) throws -> NetworkList {
        let sides = list.split(separator: "PLUGIN")
        return try NetworkList(parsing: Array("\(sides[0])\(plugin)\(sides[1])".utf8))
    }

    @Test(
        "Name, version, result and capabilities are put in, and nothing else changes",
        arguments: [
            (#"{"type":"p"}"#, nil, [:], #"{"type":"p","name":"lan","cniVersion":"1.1.0"}"#),
            (
                #"{"NAME":"own","cniversion":"0.1.0","type":"p","prevResult":{},"mtu":9}"#, [:], [:],
                #"{"type":"p","mtu":9,"name":"lan","cniVersion":"1.1.0","prevResult":{}}"#
            ),
            (
                #"{"type":"p","capabilities":{"mac":true,"ips":true,"dns":false}}"#, nil,
                ["dns": 1, "ips": [2], "other": 3],
                #"{"type":"p","capabilities":{"mac":true,"ips":true,"dns":false},"name":"lan","cniVersion":"1.1.0","#
                    + #""runtimeConfig":{"ips":[2]}}"#
            ),
            (
                #"{"type":"p"}"#, ["ips": []], ["ips": [2]],
                #"{"type":"p","name":"lan","cniVersion":"1.1.0","prevResult":{"ips":[]}}"#
            ),
        ] as [(String, JSONValue?, JSONObject, String)]
    )
    func input(plugin: String, previous: JSONValue?, capabilities: JSONObject, expected: String) throws {
        let network = try Self.network(plugin)
        let input = network.plugins[0].input(
            network: network,
            previousResult: previous,
            capabilityArguments: capabilities
        )
        #expect(String(decoding: input.serialized(), as: UTF8.self) == expected)
    }

    @Test(
        "GC lists what to keep under both keys, an empty list included",
        arguments: [
            ([AttachmentID(containerID: "c1", interfaceName: "eth0")], [["containerID": "c1", "ifname": "eth0"]]),
            ([], []),
        ] as [([AttachmentID], JSONValue)]
    )
    func garbage(valid: [AttachmentID], list: JSONValue) throws {
        let network = try Self.network(#"{"type":"p"}"#)
        let expected: JSONValue = [
            "type": "p", "name": "lan", "cniVersion": "1.1.0", "cni.dev/valid-attachments": list,
            "cni.dev/attachments": list,
        ]
        #expect(network.plugins[0].input(network: network, sparing: valid) == expected)
    }
}
