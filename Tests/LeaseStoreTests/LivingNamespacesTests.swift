// SPDX-License-Identifier: Apache-2.0
import Addressing
import LeaseStore
import Linux
import Testing

@Suite("Addresses of living namespaces")
struct LivingNamespacesTests {
    /// As Linux 6.18 writes it in a container.
    private static let trie = """
        Main:
          +-- 0.0.0.0/0 3 0 5
             |-- 0.0.0.0
                /0 universe UNICAST
             +-- 10.88.0.0/16 2 0 2
                +-- 10.88.0.0/27 2 0 2
                   |-- 10.88.0.0
                      /16 link UNICAST
                   |-- 10.88.0.20
                      /32 host LOCAL
                |-- 10.88.255.255
                   /32 link BROADCAST
        Local:
             |-- 10.88.0.1
                /32 link UNICAST
                /32 host LOCAL

        """

    @Test(
        "An own IPv4 address is a leaf with a local route",
        arguments: [
            ("10.88.0.20", true), ("10.88.0.1", true), ("10.88.0.2", false), ("10.88.0.0", false), ("0.0.0.0", false),
            ("10.88.255.255", false), ("10.88.0.200", false),
        ]
    )
    func trie(text: String, isHeld: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(LivingNamespaces.trie(Array(Self.trie.utf8), has: address) == isHeld)
        #expect(!LivingNamespaces.trie([], has: address))
    }

    @Test(
        "An own IPv6 address begins a line",
        arguments: [("fd00::1", true), ("fe80::1", true), ("fd00::10", false), ("::1", false), ("::", false)]
    )
    func list(text: String, isHeld: Bool) throws {
        let table = """
            fd000000000000000000000000000001 02 40 00 82     eth0
            fe800000000000000000000000000001 02 40 20 80     eth0

            """
        let address = try #require(IPAddress(text))
        #expect(LivingNamespaces.list(Array(table.utf8), has: address) == isHeld)
    }

    @Test("The address of every host is found on this one, and one that nobody has is not")
    func kernel() throws {
        let inode = try #require(try FileStatus.of("/proc/self/ns/net")).identity.inode
        let living = try #require(LivingNamespaces.found())
        #expect(living.hold(try #require(IPAddress("127.0.0.1")), in: inode) == true)
        #expect(living.hold(try #require(IPAddress("203.0.113.77")), in: inode) == false)
        #expect(living.hold(try #require(IPAddress("2001:db8::77")), in: inode) == false)
        // A number that belongs to nobody.
        #expect(living.hold(try #require(IPAddress("127.0.0.1")), in: 1) == nil)
    }
}
