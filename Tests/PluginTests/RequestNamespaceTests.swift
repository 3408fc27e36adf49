// SPDX-License-Identifier: Apache-2.0
import CNI
import Linux
import Plugin
import TestSupport
import Testing

@Suite("The container's namespace")
struct RequestNamespaceTests {
    private static func request(_ path: String) throws -> Request {
        try Request(#"{"cniVersion": "1.1.0", "name": "blue", "type": "x"}"#, ["CNI_NETNS": path])
    }

    @Test("It is told from others by what its path leads to, and by nothing where that cannot be seen")
    func identity() throws {
        let own = try #require(try FileStatus.of("/proc/self/ns/net")).identity
        #expect(try Self.request("/proc/self/ns/net").namespaceIdentity == "\(own)")
        #expect(try Self.request("/proc/self/ns/none").namespaceIdentity == "")
        try withTemporaryDirectory { root in
            try makeSymbolicLink("\(root)/loop", to: "\(root)/loop")
            #expect(try Self.request("\(root)/loop").namespaceIdentity == "")
        }
    }

    @Test("What is no namespace is refused with the variable that names it")
    func refused() throws {
        try withTemporaryDirectory { root in
            try writeFile("\(root)/file", "")
            for path in ["\(root)/file", "\(root)/gone"] {
                let request = try Self.request(path)
                let error = #expect(throws: CNIError.self) { _ = try request.openNamespace() }
                #expect(error?.code == CNIError.Code.invalidEnvironment.rawValue)
                #expect(error?.message == "failed to open netns \"\(path)\"")
                #expect(error?.details.contains("CNI_NETNS must be") == true)
            }
        }
    }

    @Test("A namespace is opened", .enabled(if: canUnshare, "needs root"))
    func opened() throws {
        let identity = try #require(try FileStatus.of("/proc/self/ns/net")).identity
        let namespace = try Self.request("/proc/self/ns/net").openNamespace()
        let opened = namespace.identity
        #expect(opened == identity)
    }
}
