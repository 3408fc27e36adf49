// SPDX-License-Identifier: Apache-2.0
import CNI
import Glibc
import JSON
import Linux
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite("Calls of plugins")
struct PluginCallTests {
    @Test("An attachment fills all variables, a network leaves most of them empty")
    func variables() throws {
        var attachment = Scene.attachment()
        attachment.arguments = try RuntimeArguments(parsing: "A=b;C=d")
        let about = PluginCall(.add, type: "bridge", attachment: attachment, input: [:])
        #expect(
            about.variables(searchPath: ["/a", "/b"]) == [
                "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": "/run/netns/c1", "CNI_IFNAME": "eth0",
                "CNI_ARGS": "A=b;C=d", "CNI_PATH": "/a:/b",
            ]
        )
        let general = PluginCall(.collectGarbage, type: "bridge", input: [:])
        #expect(
            general.variables(searchPath: ["/a"]) == [
                "CNI_COMMAND": "GC", "CNI_CONTAINERID": "", "CNI_NETNS": "", "CNI_IFNAME": "", "CNI_ARGS": "",
                "CNI_PATH": "/a",
            ]
        )
    }

    @Test("One call may have variables that others have not, but for those of the protocol")
    func besides() {
        let call = PluginCall(.delete, type: "bridge", input: [:], besides: ["X": "1", "CNI_COMMAND": "ADD"])
        let variables = call.variables(searchPath: [])
        #expect(variables["X"] == "1")
        #expect(variables["CNI_COMMAND"] == "DEL")
    }

    @Test(
        "A plugin's refusal is told in its own words, or in what it said instead",
        arguments: [
            (#"{"code":11,"msg":"busy","details":"d"}"#, 11, "busy: d"),
            (#"{"msg":"busy"}"#, 999, "busy"),
            ("panic", 107, #"netplugin failed but error parsing its diagnostic message "panic": "#),
            (#"{"code":"x"}"#, 107, "netplugin failed but error parsing its diagnostic message "),
            ("", 107, "netplugin failed with no error message: exit status 2"),
        ]
    )
    func refusals(output: String, code: Int, text: String) {
        let error = PluginExecutor.refusal(output: Array(output.utf8), ending: "exit status 2")
        #expect(error.code == code)
        #expect(error.description.hasPrefix(text))
    }

    @Test("A plugin is the first regular file of its name, and gets environment and standard input")
    func running() throws {
        let folder = Folder()
        _ = try Directory(creating: "\(folder.path)/1/echo", mode: 0o700)
        try folder.write("2/echo", "#!/bin/sh\necho \"$CNI_COMMAND $CNI_IFNAME $OTHER\"\ncat\n")
        try folder.write("3/echo", "#!/bin/sh\nexit 1\n")
        try Self.makeExecutable("\(folder.path)/2/echo")
        let executor = PluginExecutor(
            searchPath: [1, 2, 3].map { "\(folder.path)/\($0)" },
            environment: ["PATH": "/usr/bin:/bin", "OTHER": "o", "CNI_IFNAME": "stale"]
        )
        let output = try OwnThread {
            try executor.run(PluginCall(.add, type: "echo", attachment: Scene.attachment(), input: ["a": 1]))
        }.join()
        #expect(String(decoding: output, as: UTF8.self) == "ADD eth0 o\n{\"a\":1}")
        for type in ["none", "../2/echo", "..", ""] {
            #expect(throws: CNIError.self) { try executor.run(PluginCall(.add, type: type, input: [:])) }
        }
    }

    @Test("A plugin that is open for writing is waited for", arguments: [1, 10])
    func busy(pausesNeeded: Int) throws {
        let folder = Folder()
        let (pauses, output) = try Self.runBusy(folder, closingAtPause: pausesNeeded)
        #expect(output == [])
        #expect(pauses == pausesNeeded)
    }

    @Test("A plugin that stays open for writing is given up after five seconds")
    func alwaysBusy() throws {
        let folder = Folder()
        let (pauses, output) = try Self.runBusy(folder, closingAtPause: .max)
        #expect(output == nil)
        #expect(pauses == 50)
    }

    /// Runs a plugin that somebody else has open for writing; the output is nil when it could not be run.
    private static func runBusy(
        _ folder: borrowing Folder,
        closingAtPause last: Int
    ) throws -> (pauses: Int, output: [UInt8]?) {
        try folder.write("p", "#!/bin/sh\n")
        let path = folder.path
        try makeExecutable("\(path)/p")
        let (waited, output) = try OwnThread {
            let writer = open("\(path)/p", O_WRONLY | O_CLOEXEC)
            let pauses = Mutex<[Duration]>([])
            let executor = PluginExecutor(searchPath: [path], environment: [:]) { duration in
                let count = pauses.withLock { all in
                    all.append(duration)
                    return all.count
                }
                if count == last { close(writer) }
            }
            let output = try? executor.run(PluginCall(.delete, type: "p", input: [:]))
            let waited = pauses.withLock { $0 }
            if waited.count < last { close(writer) }
            return (waited, output)
        }.join()
        #expect(waited.allSatisfy { $0 == .milliseconds(100) })
        return (waited.count, output)
    }

    private static func makeExecutable(_ path: String) throws {
        try #require(chmod(path, 0o700) == 0)
    }
}
