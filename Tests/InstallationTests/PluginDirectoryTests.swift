// SPDX-License-Identifier: Apache-2.0
import Linux
import TestSupport
import Testing

@testable import Installation

@Suite("Directories of plugins")
struct PluginDirectoryTests {
    /// A directory of plugins with two of somebody else's, and two sets to install.
    private static func withPlugins(_ body: (String) throws -> Void) throws {
        try withTemporaryDirectory { root in
            for directory in ["bin", "one", "two", "conf"] { try makeDirectory("\(root)/\(directory)") }
            try writeFile("\(root)/bin/bridge", "old bridge", mode: 0o755)
            try writeFile("\(root)/bin/flannel", "flannel", mode: 0o755)
            try writeFile("\(root)/elsewhere", "old vlan", mode: 0o755)
            try makeSymbolicLink("\(root)/bin/vlan", to: "../elsewhere")
            try writeFile("\(root)/one/bridge", "one", mode: 0o755)
            for name in ["dummy", "vlan"] { try makeHardLink("\(root)/one/\(name)", to: "\(root)/one/bridge") }
            try writeFile("\(root)/two/bridge", "two", mode: 0o755)
            try body(root)
        }
    }

    private static func install(_ set: String, _ root: String) throws -> Bool {
        var directory = try PluginDirectory.open("\(root)/bin", waitingAtMost: .seconds(20))
        return try directory.install(ProgramSource(path: "\(root)/\(set)"), release: "0.1.0")
    }

    private static func uninstall(_ root: String) throws -> [String]? {
        var directory = try PluginDirectory.open("\(root)/bin", waitingAtMost: .seconds(20))
        return try directory.uninstall()
    }

    /// What the names lead to.
    private static func content(_ root: String) throws -> [String: String] {
        var content: [String: String] = [:]
        for name in try listDirectory("\(root)/bin") where name != ".culvert" {
            content[name] = try readFile("\(root)/bin/\(name)")
        }
        return content
    }

    private static let before = ["bridge": "old bridge", "flannel": "flannel", "vlan": "old vlan"]
    private static let first = ["bridge": "one", "dummy": "one", "flannel": "flannel", "vlan": "one"]

    @Test("All programs of a set get their names, as one file, and uninstalling gives the names back")
    func life() throws {
        try Self.withPlugins { root throws in
            let (bridge, vlan) = (try NamedFile.at("\(root)/bin/bridge"), try NamedFile.at("\(root)/bin/vlan"))
            #expect(try Self.install("one", root))
            #expect(try Self.content(root) == Self.first)
            #expect(try NamedFile.at("\(root)/bin/vlan")?.identity == NamedFile.at("\(root)/bin/dummy")?.identity)
            #expect(try NamedFile.at("\(root)/bin/vlan")?.kind == .file)
            #expect(try !Self.install("one", root))
            #expect(try Self.uninstall(root) == ["bridge", "dummy", "vlan"])
            #expect(try listDirectory("\(root)/bin") == ["bridge", "flannel", "vlan"])
            #expect(try NamedFile.at("\(root)/bin/bridge") == bridge)
            #expect(try NamedFile.at("\(root)/bin/vlan") == vlan)
            #expect(try Self.content(root) == Self.before)
            #expect(try Self.uninstall(root) == nil)
        }
    }

    @Test("A set without a program gives that name back, and originals outlive any number of sets")
    func next() throws {
        try Self.withPlugins { root throws in
            #expect(try Self.install("one", root))
            #expect(try Self.install("two", root))
            #expect(try Self.content(root) == ["bridge": "two", "flannel": "flannel", "vlan": "old vlan"])
            #expect(try Self.install("one", root))
            #expect(try Self.content(root) == Self.first)
            #expect(try listDirectory("\(root)/bin/.culvert") == ["record", "set-3"])
            #expect(try Self.uninstall(root) == ["bridge", "dummy", "vlan"])
            #expect(try Self.content(root) == Self.before)
        }
    }

    @Test("What somebody else puts in place of a program stays with them, or becomes what is given back")
    func replaced() throws {
        try Self.withPlugins { root throws in
            #expect(try Self.install("one", root))
            try writeFile("\(root)/newer", "newer bridge", mode: 0o755)
            try Files.rename("\(root)/newer", to: "\(root)/bin/bridge")
            let record = try #require(try PluginDirectory.record(in: "\(root)/bin"))
            #expect(
                try PluginDirectory.conditions(of: record, in: "\(root)/bin")
                    == ["bridge": .replaced, "dummy": .whole, "vlan": .whole]
            )
            #expect(try Self.install("one", root))
            #expect(try Self.content(root) == Self.first)
            #expect(try Self.uninstall(root) == ["bridge", "dummy", "vlan"])
            #expect(try readFile("\(root)/bin/bridge") == "newer bridge")

            #expect(try Self.install("one", root))
            try writeFile("\(root)/newest", "newest", mode: 0o755)
            try Files.rename("\(root)/newest", to: "\(root)/bin/vlan")
            #expect(try Self.uninstall(root) == ["bridge", "dummy"])
            #expect(try readFile("\(root)/bin/vlan") == "newest")
        }
    }

    @Test("A program that somebody wrote into is found changed, under all of its names, and put right")
    func changed() throws {
        try Self.withPlugins { root throws in
            #expect(try Self.install("one", root))
            let directory = try PluginDirectory.open("\(root)/bin", waitingAtMost: .seconds(20))
            let looks = try directory.looks()
            #expect(try directory.isWhole(since: looks))
            try writeFile("\(root)/bin/bridge", "overwritten")
            #expect(try !directory.isWhole(since: looks))
            #expect(try Set(directory.conditions().values) == [.changed])
        }
        try Self.withPlugins { root throws in
            #expect(try Self.install("one", root))
            try writeFile("\(root)/bin/bridge", "overwritten")
            #expect(try Self.install("one", root))
            #expect(try Self.content(root) == Self.first)
            #expect(try Self.uninstall(root) == ["bridge", "dummy", "vlan"])
            #expect(try Self.content(root) == Self.before)
        }
    }

    @Test("A directory that bears a plugin's name is refused, and nothing is changed")
    func unsuitable() throws {
        try Self.withPlugins { root throws in
            try makeDirectory("\(root)/bin/dummy")
            #expect(throws: InstallationFailure.self) { try Self.install("one", root) }
            #expect(try listDirectory("\(root)/bin") == ["bridge", "dummy", "flannel", "vlan"])
        }
    }

    @Test("A second installer waits, and gives up")
    func locked() throws {
        try Self.withPlugins { root throws in
            let first = try PluginDirectory.open("\(root)/bin", waitingAtMost: .seconds(20))
            #expect(throws: InstallationFailure.self) {
                _ = try PluginDirectory.open("\(root)/bin", waitingAtMost: .zero)
            }
            #expect(first.record == InstallationRecord())
            #expect(try Self.content(root) == Self.before)
        }
    }

    @Test("A configuration comes and goes with the plugins, but for one that somebody changed or had before")
    func configuration() throws {
        try Self.withPlugins { root throws in
            let (source, place) = ("\(root)/10-x.conflist", "\(root)/conf/10-x.conflist")
            try writeFile(source, #"{"plugins": []}"#)
            var directory = try PluginDirectory.open("\(root)/bin", waitingAtMost: .seconds(20))
            #expect(try directory.installConfiguration(source, into: "\(root)/conf"))
            #expect(try !directory.installConfiguration(source, into: "\(root)/conf"))
            try writeFile(source, #"{"plugins": [1]}"#)
            #expect(try directory.installConfiguration(source, into: "\(root)/conf"))
            #expect(try readFile(place) == #"{"plugins": [1]}"#)
            try writeFile(place, "mine")
            #expect(throws: InstallationFailure.self) {
                try directory.installConfiguration(source, into: "\(root)/conf")
            }
            #expect(try directory.uninstallConfiguration(from: "\(root)/conf") == place)
            #expect(try readFile(place) == "mine")
            #expect(try listDirectory("\(root)/bin") == ["bridge", "flannel", "vlan"])
            try Files.remove(place)
            #expect(try directory.installConfiguration(source, into: "\(root)/conf"))
            #expect(try directory.uninstallConfiguration(from: "\(root)/conf") == nil)
            #expect(try listDirectory("\(root)/conf") == [])
        }
    }
}
