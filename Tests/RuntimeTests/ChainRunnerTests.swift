// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Runtime
import Testing

@Suite("Chains of plugins")
struct ChainRunnerTests {
    private static func write(_ folder: borrowing Folder, _ members: String = #""cniVersion":"1.1.0""#) throws {
        let plugins = #"[{"type":"a","capabilities":{"ips":true}},{"type":"b"},{"type":"c"}]"#
        try folder.write("net.d/10.conflist", "{\"name\":\"lan\",\"plugins\":\(plugins),\(members)}")
    }

    private static func previous(_ call: PluginCall) throws -> String? {
        try JSONReader(call.input).object("prevResult")?.object("dns")?.string("domain")
    }

    @Test("ADD runs in order and hands results on, CHECK runs in order, DEL in reverse, both with the last result")
    func order() throws {
        let folder = Folder()
        try Self.write(folder)
        let scene = Scene(folder)
        let result = try scene.chains.add("lan", Scene.attachment())
        #expect(try JSONReader(result).string("cniVersion") == "1.1.0")
        let adds = scene.take()
        #expect(adds.map(\.type) == ["a", "b", "c"])
        #expect(try adds.map(Self.previous) == [nil, "a", "b"])
        try scene.chains.check("lan", Scene.attachment())
        let checks = scene.take()
        #expect(checks.map(\.type) == ["a", "b", "c"])
        #expect(try checks.map(Self.previous) == ["c", "c", "c"])
        try scene.chains.delete("lan", Scene.attachment())
        let deletes = scene.take()
        #expect(deletes.map(\.type) == ["c", "b", "a"])
        #expect(try deletes.map(Self.previous) == ["c", "c", "c"])
        #expect(try scene.cache.entry(network: "lan", Scene.attachment()) == nil)
    }

    @Test("ADD stops at the first failure, names the plugin, keeps its code, and remembers nothing")
    func failingAdd() throws {
        let folder = Folder()
        try Self.write(folder)
        let scene = Scene(folder, failing: ["ADD b"])
        let expected = CNIError(.unavailable, #"plugin type="b" failed (add): b"#, details: "detail")
        #expect(throws: expected) { try scene.chains.add("lan", Scene.attachment()) }
        #expect(scene.calls() == ["ADD a", "ADD b"])
        #expect(try scene.cache.entries(of: "lan") == [])
    }

    @Test("DEL stops at the first failure and keeps the memory for the next")
    func failingDelete() throws {
        let folder = Folder()
        try Self.write(folder)
        let scene = Scene(folder, failing: ["DEL b"])
        _ = try scene.chains.add("lan", Scene.attachment())
        _ = scene.take()
        #expect(throws: CNIError.self) { try scene.chains.delete("lan", Scene.attachment()) }
        #expect(scene.calls() == ["DEL c", "DEL b"])
        #expect(try scene.cache.entries(of: "lan").count == 1)
    }

    @Test("DEL and CHECK use configuration and settings of the ADD, even after the network is gone")
    func memory() throws {
        let folder = Folder()
        try Self.write(folder)
        let scene = Scene(folder)
        var attachment = Scene.attachment()
        attachment.arguments = try RuntimeArguments(parsing: "A=b")
        attachment.capabilityArguments = ["ips": ["10.0.0.1"], "mac": "x"]
        _ = try scene.chains.add("lan", attachment)
        try folder.write("net.d/10.conflist", #"{"name":"other","plugins":[{"type":"z"}]}"#)
        _ = scene.take()
        try scene.chains.check("lan", Scene.attachment())
        try scene.chains.delete("lan", Scene.attachment())
        let calls = scene.take()
        #expect(calls.map(\.type) == ["a", "b", "c", "c", "b", "a"])
        #expect(calls.allSatisfy { $0.attachment == attachment })
        #expect(try JSONReader(calls[0].input).member("runtimeConfig")?.value == ["ips": ["10.0.0.1"]])
    }

    @Test("DEL without memory uses the network as it is configured and has no result to tell")
    func forgotten() throws {
        let folder = Folder()
        try Self.write(folder)
        let scene = Scene(folder)
        try folder.write("results/lan-c1-eth0", "{")
        try scene.chains.delete("lan", Scene.attachment())
        let calls = scene.take()
        #expect(calls.map(\.type) == ["c", "b", "a"])
        #expect(try calls.map(Self.previous) == [nil, nil, nil])
        #expect(scene.notes.count == 1)
        #expect(try scene.cache.entry(network: "lan", Scene.attachment()) == nil)
    }

    @Test("Before 0.4.0 there is no result for DEL, the configuration is today's, and CHECK is refused")
    func oldVersion() throws {
        let folder = Folder()
        try Self.write(folder, #""cniVersion":"0.3.1""#)
        let scene = Scene(folder)
        _ = try scene.chains.add("lan", Scene.attachment())
        let error = #expect(throws: CNIError.self) { try scene.chains.check("lan", Scene.attachment()) }
        #expect(error?.code == 1)
        _ = scene.take()
        try folder.write("net.d/10.conflist", #"{"cniVersion":"0.3.1","name":"lan","plugins":[{"type":"z"}]}"#)
        try scene.chains.delete("lan", Scene.attachment())
        let calls = scene.take()
        #expect(calls.map(\.type) == ["z"])
        #expect(try calls.map(Self.previous) == [nil])
    }

    @Test("CHECK asks nobody when it is disabled, and needs an ADD otherwise")
    func checkWithoutAsking() throws {
        let folder = Folder()
        let scene = Scene(folder)
        try Self.write(folder)
        let error = #expect(throws: CNIError.self) { try scene.chains.check("lan", Scene.attachment()) }
        #expect(error?.details.contains("/results/lan-c1-eth0") == true)
        try Self.write(folder, #""cniVersion":"1.0.0","disableCheck":"True""#)
        try scene.chains.check("lan", Scene.attachment())
        #expect(scene.calls() == [])
    }

    @Test("Names that would lead out of the memory's directory are refused", arguments: ["../x", "a/b", ""])
    func dangerousNames(name: String) throws {
        let folder = Folder()
        try Self.write(folder)
        let scene = Scene(folder)
        var attachment = Scene.attachment()
        #expect(throws: CNIError.self) { try scene.chains.delete(name, attachment) }
        attachment.interfaceName = name
        #expect(throws: CNIError.self) { try scene.chains.delete("lan", attachment) }
        attachment = Scene.attachment(name)
        #expect(throws: CNIError.self) { try scene.chains.delete("lan", attachment) }
        #expect(scene.calls() == [])
    }
}
