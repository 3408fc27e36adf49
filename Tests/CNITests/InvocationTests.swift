// SPDX-License-Identifier: Apache-2.0
import CNI
import Testing

@Suite("The CNI_* variables")
struct InvocationTests {
    private static let complete = [
        "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": "/run/netns/n1", "CNI_IFNAME": "eth0",
        "CNI_ARGS": "IP=10.1.2.3", "CNI_PATH": "/opt/cni/bin:/usr/lib/cni", "PATH": "/bin",
    ]

    private static func invoke(_ changes: [String: String]) throws(CNIError) -> Invocation {
        try Invocation(environment: complete.merging(changes) { $1 })
    }

    @Test("A complete environment is read", arguments: [("ADD", Command.add), ("DEL", .delete), ("CHECK", .check)])
    func complete(text: String, command: Command) throws {
        let invocation = try Self.invoke(["CNI_COMMAND": text])
        #expect(invocation.command == command)
        #expect(invocation.containerID == "c1")
        #expect(invocation.namespacePath == "/run/netns/n1")
        #expect(invocation.interfaceName == "eth0")
        #expect(invocation.arguments == "IP=10.1.2.3")
        #expect(invocation.searchPath == ["/opt/cni/bin", "/usr/lib/cni"])
        #expect(invocation.namespaceOverride == false)
    }

    @Test(
        "Missing variables are named together, in order",
        arguments: [
            ("ADD", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"),
            ("CHECK", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"),
            ("DEL", "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH"),
            ("GC", "CNI_PATH"), ("STATUS", "CNI_PATH"), ("", "CNI_COMMAND"),
        ]
    )
    func missing(command: String, names: String) {
        let expected = CNIError(.invalidEnvironment, "required env variables [\(names)] missing")
        #expect(throws: expected) { try Invocation(environment: ["CNI_COMMAND": command]) }
        let empty = Self.complete.mapValues { _ in "" }.merging(["CNI_COMMAND": command]) { $1 }
        #expect(throws: expected) { try Invocation(environment: empty) }
    }

    @Test("VERSION needs nothing else")
    func version() throws {
        #expect(try Invocation(environment: ["CNI_COMMAND": "VERSION"]).command == .version)
    }

    @Test("DEL does without a namespace, ADD does without arguments")
    func optional() throws {
        #expect(try Self.invoke(["CNI_COMMAND": "DEL", "CNI_NETNS": ""]).namespacePath == "")
        #expect(try Self.invoke(["CNI_ARGS": ""]).arguments == "")
    }

    @Test("Any other command is refused, also in lower case", arguments: ["add", "Add", "UPDATE", " ADD"])
    func unknownCommand(text: String) {
        #expect(throws: CNIError(.invalidEnvironment, "unknown CNI_COMMAND: \(text)")) {
            try Self.invoke(["CNI_COMMAND": text])
        }
    }

    @Test("An invalid value is reported before anything missing")
    func order() {
        let expected = CNIError(.invalidEnvironment, "invalid characters in CNI_CONTAINERID", details: "a b")
        #expect(throws: expected) { try Self.invoke(["CNI_CONTAINERID": "a b", "CNI_IFNAME": "a/b", "CNI_PATH": ""]) }
        #expect(throws: CNIError(.invalidEnvironment, #"interface name ".." means a directory"#, details: "..")) {
            try Self.invoke(["CNI_IFNAME": "..", "CNI_NETNS": ""])
        }
    }

    @Test("What a command has no use for is neither validated nor kept", arguments: ["GC", "STATUS", "VERSION"])
    func unused(command: String) throws {
        let invocation = try Self.invoke(["CNI_COMMAND": command, "CNI_CONTAINERID": "a/b", "CNI_IFNAME": ".."])
        #expect(invocation.containerID == "")
        #expect(invocation.interfaceName == "")
        #expect(invocation.namespacePath == "")
        #expect(invocation.arguments == "")
        #expect(invocation.searchPath == ["/opt/cni/bin", "/usr/lib/cni"])
    }

    @Test("Empty elements of CNI_PATH are no directories")
    func searchPath() throws {
        #expect(try Self.invoke(["CNI_PATH": ":/a::\u{301}b:"]).searchPath == ["/a", "\u{301}b"])
    }

    @Test(
        "The namespace override is 1 or true",
        arguments: [
            ("1", true), ("true", true), ("TRUE", true), ("", false), ("0", false), ("false", false), ("yes", false),
        ]
    )
    func override(text: String, isSet: Bool) throws {
        #expect(try Self.invoke(["CNI_NETNS_OVERRIDE": text]).namespaceOverride == isSet)
    }
}

@Suite("Names of containers, networks and interfaces")
struct NameTests {
    @Test("Plain names are good", arguments: ["a", "0", "A1_b.c-d", "cnitool-7b8a61d5d8e94d07cbe4", "a.."])
    func plain(name: String) throws {
        try Invocation.validate(containerID: name)
        try Invocation.validate(networkName: name)
    }

    @Test(
        "Other names are not",
        arguments: [".", "..", "-a", "_a", "a/b", "a b", "a\n", "ä", "a\0", "a\u{301}", "a:b"]
    )
    func notPlain(name: String) {
        #expect(throws: CNIError(.invalidEnvironment, "invalid characters in CNI_CONTAINERID", details: name)) {
            try Invocation.validate(containerID: name)
        }
        let expected = CNIError(.invalidConfiguration, "invalid characters in the network name", details: name)
        #expect(throws: expected) { try Invocation.validate(networkName: name) }
    }

    @Test("Names become names of files, so they have 200 octets at most")
    func long() throws {
        let longest = String(repeating: "x", count: 200)
        try Invocation.validate(containerID: longest)
        try Invocation.validate(networkName: longest)
        let name = longest + "x"
        #expect(
            throws: CNIError(.invalidEnvironment, "CNI_CONTAINERID is longer than 200 octets", details: name)
        ) { try Invocation.validate(containerID: name) }
        #expect(
            throws: CNIError(.invalidConfiguration, "the network name is longer than 200 octets", details: name)
        ) { try Invocation.validate(networkName: name) }
    }

    @Test("An empty network name is missing")
    func missing() {
        #expect(throws: CNIError(.invalidConfiguration, "missing network name")) {
            try Invocation.validate(networkName: "")
        }
    }

    @Test("The kernel's interface names are good", arguments: ["lo", "a", "...", "123456789012345", "eth0.5", "ä@%"])
    func interface(name: String) throws {
        try Invocation.validate(interfaceName: name)
    }

    @Test(
        "Other interface names are refused with the reason",
        arguments: [
            ("", "is empty"), (".", "means a directory"), ("..", "means a directory"),
            ("1234567890123456", "is longer than 15 bytes"), ("ääääääää", "is longer than 15 bytes"),
            ("a/b", "contains '/', ':', NUL or white space"), ("a:b", "contains '/', ':', NUL or white space"),
            ("a b", "contains '/', ':', NUL or white space"), ("a\t", "contains '/', ':', NUL or white space"),
            ("a\u{a0}", "contains '/', ':', NUL or white space"), ("a\0b", "contains '/', ':', NUL or white space"),
            ("a/\u{301}", "contains '/', ':', NUL or white space"),
        ]
    )
    func notInterface(name: String, reason: String) {
        let expected = CNIError(.invalidEnvironment, "interface name \"\(name)\" \(reason)", details: name)
        #expect(throws: expected) { try Invocation.validate(interfaceName: name) }
    }

    @Test(
        "A name that the kernel would not give is refused to ADD, and can be ended",
        arguments: ["eth%d", "%", "all", "default"]
    )
    func impossible(name: String) throws {
        let variables = ["CNI_CONTAINERID": "c1", "CNI_NETNS": "/n", "CNI_IFNAME": name, "CNI_PATH": "/bin"]
        let error = #expect(throws: CNIError.self) {
            try Invocation(environment: variables.merging(["CNI_COMMAND": "ADD"]) { $1 })
        }
        #expect(error?.code == 4 && error?.details == name)
        for command in ["CHECK", "DEL"] {
            #expect(
                try Invocation(environment: variables.merging(["CNI_COMMAND": command]) { $1 }).interfaceName == name
            )
        }
    }
}
