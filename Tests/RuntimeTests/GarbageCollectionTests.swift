// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Runtime
import Testing

@Suite("Collecting and status")
struct GarbageCollectionTests {
    private static let kept = [AttachmentID(containerID: "c2", interfaceName: "eth0")]

    /// A network of two plugins with two attachments, and another network with one.
    private static func fill(_ folder: borrowing Folder, _ scene: Scene, _ members: String) throws {
        let plugins = #"[{"type":"a"},{"type":"b"}]"#
        try folder.write("net.d/10.conflist", "{\"name\":\"lan\",\"plugins\":\(plugins),\(members)}")
        try folder.write("net.d/20.conflist", #"{"cniVersion":"1.1.0","name":"wan","plugins":[{"type":"w"}]}"#)
        for container in ["c1", "c2"] { _ = try scene.chains.add("lan", Scene.attachment(container)) }
        _ = try scene.chains.add("wan", Scene.attachment())
        _ = scene.take()
    }

    @Test("What is remembered but not to be kept is disconnected, then the plugins collect the rest")
    func collecting() throws {
        let folder = Folder()
        let scene = Scene(folder)
        try Self.fill(folder, scene, #""cniVersion":"1.1.0""#)
        try scene.chains.collectGarbage("lan", sparing: Self.kept)
        let calls = scene.take()
        #expect(calls.map { "\($0.command.rawValue) \($0.type)" } == ["DEL b", "DEL a", "GC a", "GC b"])
        #expect(calls.map { $0.attachment?.containerID } == ["c1", "c1", nil, nil])
        let valid = try JSONReader(calls[2].input).member("cni.dev/valid-attachments")?.value
        #expect(valid == [["containerID": "c2", "ifname": "eth0"]])
        #expect(try scene.cache.entries(of: "lan").map(\.attachment.containerID) == ["c2"])
        #expect(try scene.cache.entries(of: "wan").count == 1)
    }

    @Test("An attachment without interface keeps its whole container; nothing keeps nothing")
    func extent() throws {
        let folder = Folder()
        let scene = Scene(folder)
        try Self.fill(folder, scene, #""cniVersion":"1.1.0""#)
        try scene.chains.collectGarbage("lan", sparing: [AttachmentID(containerID: "c1", interfaceName: "")])
        #expect(try scene.cache.entries(of: "lan").map(\.attachment.containerID) == ["c1"])
        _ = scene.take()
        try scene.chains.collectGarbage("lan", sparing: [])
        #expect(try scene.cache.entries(of: "lan") == [])
        let call = try #require(scene.take().last)
        #expect(try JSONReader(call.input).member("cni.dev/valid-attachments")?.value == [])
    }

    @Test("Half-written, foreign and misnamed files in the memory are left alone")
    func strangers() throws {
        let folder = Folder()
        let scene = Scene(folder)
        try Self.fill(folder, scene, #""cniVersion":"1.1.0""#)
        let misnamed = #"{"kind":"cniCacheV1","containerId":"../c9","ifName":"eth0","networkName":"lan"}"#
        for (name, text) in [(".lan-c3-eth0.tmp", "{"), ("README", "x"), ("lan-c9-eth0", misnamed)] {
            try folder.write("results/\(name)", text)
        }
        #expect(try scene.cache.entries(of: "lan").map(\.attachment.containerID) == ["c1", "c2"])
    }

    @Test("Everything is tried, and every failure told")
    func failures() throws {
        let folder = Folder()
        let scene = Scene(folder, failing: ["DEL a", "GC a"])
        try Self.fill(folder, scene, #""cniVersion":"1.1.0""#)
        let error = #expect(throws: CNIError.self) { try scene.chains.collectGarbage("lan", sparing: []) }
        let lines = (error?.message ?? "").split(separator: "\n")
        #expect(
            lines == [
                #"failed to delete stale attachment c1 eth0: plugin type="a" failed (delete): a: detail"#,
                #"failed to delete stale attachment c2 eth0: plugin type="a" failed (delete): a: detail"#,
                #"plugin type="a" failed (gc): a: detail"#,
            ]
        )
        #expect(error?.code == 50)
        #expect(scene.calls() == ["DEL b", "DEL a", "DEL b", "DEL a", "GC a", "GC b"])
    }

    @Test("Before 1.1.0 plugins are asked for neither, and somebody is told")
    func oldVersion() throws {
        let folder = Folder()
        let scene = Scene(folder)
        try Self.fill(folder, scene, #""cniVersion":"1.0.0""#)
        try scene.chains.collectGarbage("lan", sparing: Self.kept)
        try scene.chains.status("lan")
        #expect(scene.calls() == ["DEL b", "DEL a"])
        #expect(scene.notes.count == 2)
    }

    @Test("A network that forbids collecting is left alone")
    func disabled() throws {
        let folder = Folder()
        let scene = Scene(folder)
        try Self.fill(folder, scene, #""cniVersion":"1.1.0","disableGC":true"#)
        try scene.chains.collectGarbage("lan", sparing: [])
        #expect(scene.calls() == [])
        #expect(try scene.cache.entries(of: "lan").count == 2)
    }

    @Test("STATUS stops at the first plugin that cannot serve, with its code")
    func status() throws {
        let folder = Folder()
        let scene = Scene(folder, failing: ["STATUS a"])
        try Self.fill(folder, scene, #""cniVersion":"1.1.0""#)
        let expected = CNIError(.unavailable, #"plugin type="a" failed (status): a"#, details: "detail")
        #expect(throws: expected) { try scene.chains.status("lan") }
        #expect(scene.calls() == ["STATUS a"])
    }
}
