// SPDX-License-Identifier: Apache-2.0
import CNI
import Runtime
import Synchronization
import Testing

@Suite("Configuration directories")
struct ConfigurationDirectoryTests {
    private static func list(_ name: String, _ type: String) -> String {
        "{\"name\":\"\(name)\",\"plugins\":[{\"type\":\"\(type)\"}]}"
    }

    private static func types(_ folder: borrowing Folder, _ name: String) throws -> [String] {
        try ConfigurationDirectory(path: folder.path).network(named: name) { _ in }.plugins.map(\.type)
    }

    @Test("Lists come first, then single plugins, each in the order of their file names")
    func order() throws {
        let folder = Folder()
        try folder.write("10.conf", #"{"name":"lan","type":"conf"}"#)
        try folder.write("05.json", #"{"name":"lan","type":"json"}"#)
        #expect(try Self.types(folder, "lan") == ["json"])
        try folder.write("90.conflist", Self.list("lan", "later"))
        try folder.write("20.conflist", Self.list("lan", "list"))
        try folder.write("00.yaml", Self.list("lan", "yaml"))
        #expect(try Self.types(folder, "lan") == ["list"])
    }

    @Test("A file that cannot be used hides no other, and is told")
    func brokenFile() throws {
        let folder = Folder()
        try folder.write("00.conflist", "{")
        try folder.write("01.conflist", #"{"name":"lan","plugins":[{}]}"#)
        try folder.write("10.conflist", Self.list("lan", "list"))
        let warnings = Mutex<[String]>([])
        let directory = ConfigurationDirectory(path: folder.path)
        let list = try directory.network(named: "lan") { warning in warnings.withLock { $0.append(warning) } }
        #expect(list.plugins.map(\.type) == ["list"])
        let told = warnings.withLock { $0 }
        #expect(told.count == 2)
        #expect(told.last?.hasPrefix("\(folder.path)/01.conflist was passed over: ") == true)
        #expect(told.last?.hasSuffix(#"plugins[0]: expected a plugin with its "type", found an empty object"#) == true)
    }

    @Test("A network that is not there is told from a directory without networks")
    func missing() throws {
        let folder = Folder()
        let path = folder.path
        let directory = ConfigurationDirectory(path: path)
        let none = #expect(throws: CNIError.self) { try directory.network(named: "lan") { _ in } }
        #expect(none?.message == "no net configurations found in \(path)")
        try folder.write("10.conflist", Self.list("other", "list"))
        let other = #expect(throws: CNIError.self) { try directory.network(named: "lan") { _ in } }
        #expect(other?.message == "no net configuration with name \"lan\" in \(path)")
        #expect(other?.details == "found there: other")
    }

    @Test("Plugins in files of their own come behind those of the list")
    func folderOfPlugins() throws {
        let folder = Folder()
        try folder.write("10.conflist", Self.list("lan", "first"))
        try folder.write("lan/20.conf", #"{"type":"third"}"#)
        try folder.write("lan/10.conf", #"{"type":"second"}"#)
        try folder.write("lan/00.conflist", #"{"type":"none"}"#)
        #expect(try Self.types(folder, "lan") == ["first", "second", "third"])
        try folder.write("10.conflist", #"{"name":"lan"}"#)
        #expect(try Self.types(folder, "lan") == ["second", "third"])
    }

    @Test("A list that was completed needs its files no more")
    func selfContained() throws {
        let folder = Folder()
        try folder.write("10.conflist", #"{"name":"lan","disableGC":true,"LoadOnlyInlinedPlugins":false}"#)
        try folder.write("lan/10.conf", #"{"type":"second"}"#)
        let list = try ConfigurationDirectory(path: folder.path).network(named: "lan") { _ in }
        let again = try NetworkList(parsing: list.text)
        #expect(again.plugins == list.plugins)
        #expect(again.loadsOnlyInlinedPlugins)
        #expect(again.disablesCollection)
    }

    @Test("A list that is to be all leaves the files beside it alone")
    func inlinedOnly() throws {
        let folder = Folder()
        try folder.write("10.conflist", #"{"name":"lan","loadOnlyInlinedPlugins":true,"plugins":[{"type":"first"}]}"#)
        try folder.write("lan/10.conf", "{")
        #expect(try Self.types(folder, "lan") == ["first"])
    }
}
