// SPDX-License-Identifier: Apache-2.0
import LeaseStore
import Testing

@Suite("Lease owners")
struct LeaseOwnerTests {
    @Test(
        "A lease file names a container and its interface",
        arguments: [
            ("c1\r\neth0", "c1", "eth0"), ("c1\r\neth0\r\n", "c1", "eth0"), ("c1\neth0", "c1", "eth0"),
            ("c1\neth0\n", "c1", "eth0"), ("c1\reth0", "c1", "eth0"), ("  c1 \t\r\n\teth0 ", "c1", "eth0"),
            ("c1", "c1", ""), ("c1\r\n", "c1", ""), ("c1\n", "c1", ""), (" c1 ", "c1", ""), ("c1\r\n ", "c1", ""),
            ("c1\r\neth0\r\nmore", "c1", "eth0"), ("c1\0\r\neth0\0\0", "c1", "eth0"), ("a b\r\neth0", "a b", "eth0"),
        ]
    )
    func good(text: String, containerID: String, interfaceName: String) {
        let expected = LeaseOwner(containerID: containerID, interfaceName: interfaceName)
        #expect(LeaseOwner(content: Array(text.utf8)) == expected)
    }

    @Test(
        "A file that says nothing names nobody",
        arguments: ["", " ", "\r\n", "\n\n", "\0\0\0\0", " \t\r\n \n", "\r\n\r\n"]
    )
    func nobody(text: String) {
        #expect(LeaseOwner(content: Array(text.utf8)) == nil)
    }

    @Test("An owner is written as host-local writes it, and read back")
    func content() {
        let owner = LeaseOwner(containerID: "0123abc", interfaceName: "eth0")
        #expect(owner.content == Array("0123abc\r\neth0".utf8))
        #expect(LeaseOwner(content: owner.content) == owner)
        let legacy = LeaseOwner(containerID: "0123abc", interfaceName: "")
        #expect(LeaseOwner(content: legacy.content) == legacy)
    }

    @Test(
        "A file without an interface covers every interface of its container, any other only its own",
        arguments: [
            ("c1", "eth0", "c1", "eth0", true), ("c1", "eth0", "c1", "eth1", false),
            ("c1", "eth0", "c2", "eth0", false),
            ("c1", "", "c1", "eth0", true), ("c1", "", "c2", "eth0", false), ("c1", "eth0", "c1", "", false),
        ]
    )
    func covers(containerID: String, interface: String, otherID: String, otherInterface: String, expected: Bool) {
        let file = LeaseOwner(containerID: containerID, interfaceName: interface)
        #expect(file.covers(LeaseOwner(containerID: otherID, interfaceName: otherInterface)) == expected)
    }

    @Test("An owner is printed without what it lacks")
    func description() {
        #expect("\(LeaseOwner(containerID: "c1", interfaceName: "eth0"))" == "c1 eth0")
        #expect("\(LeaseOwner(containerID: "c1", interfaceName: ""))" == "c1")
    }
}
