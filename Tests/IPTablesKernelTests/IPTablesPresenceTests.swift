// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import TestSupport
import Testing

@testable import IPTables

@Suite("What of iptables there is", .enabled(if: canUnshare, "needs root"))
struct IPTablesPresenceTests {
    @Test(
        "The programs are found whatever PATH says",
        arguments: [nil, "", "/bin", ":relative:/nowhere", "/etc/passwd"]
    )
    func small(path: String?) throws {
        #expect(IPTablesTool.isAvailable(.v4, path: path))
        #expect(IPTablesTool.isAvailable(.v6, path: path))
        #expect(try IPTablesTool(.v4, path: path) == IPTablesTool(.v4, path: nil))
    }

    @Test("What is missing is named, with a way out", arguments: [AddressFamily.v4, .v6])
    func missing(family: AddressFamily) throws {
        try withTemporaryDirectory { directory in
            let name = family == .v4 ? "iptables" : "ip6tables"
            let missing = { (program: String) in
                let error = #expect(throws: IPTablesError.missing(program: program)) {
                    try IPTablesTool(family, .usual, directories: [directory], lockSeconds: 1)
                }
                #expect(error.map { "\($0)" }?.contains(#""backend": "nftables""#) ?? false)
                #expect(error?.kernelError.errno == .noSuchFileOrDirectory)
            }
            missing("\(name)-restore")
            // Neither a directory nor a file that cannot be executed is a program.
            try makeDirectory("\(directory)/\(name)-restore")
            missing("\(name)-restore")
            #expect(rmdir("\(directory)/\(name)-restore") == 0)
            try writeFile("\(directory)/\(name)-restore", "")
            missing("\(name)-restore")
            try makeSymbolicLink("\(directory)/\(name)-save", to: "/bin/true")
            missing("\(name)-restore")
            #expect(unlink("\(directory)/\(name)-restore") == 0)
            try makeSymbolicLink("\(directory)/\(name)-restore", to: "/bin/true")
            _ = try IPTablesTool(family, .usual, directories: [directory], lockSeconds: 1)
        }
    }

    @Test(
        "Legacy tables appear with their first use, and those of nf_tables never",
        arguments: [AddressFamily.v4, .v6]
    )
    func legacy(family: AddressFamily) throws {
        let seen = try inNewNamespace {
            var seen = [try LegacyTables.inUse(family)]
            try IPTablesTool(family, .nft).apply([IPTablesBatch(.nat, [.createChain("TEST-X")])])
            seen.append(try LegacyTables.inUse(family))
            try IPTablesTool(family, .legacy).apply([IPTablesBatch(.nat, [.createChain("TEST-X")])])
            seen.append(try LegacyTables.inUse(family))
            _ = try IPTablesTool(family, .legacy).read(.filter)
            return seen + [try LegacyTables.inUse(family).sorted()]
        }
        #expect(seen == [[], [], ["nat"], ["filter", "nat"]])
    }

    @Test("A warning about legacy tables does not disturb, nor do their rules appear")
    func warning() throws {
        let (text, contents) = try inNewNamespace {
            try IPTablesTool(.v4, .legacy).apply([IPTablesBatch(.nat, [.createChain("TEST-OLD")])])
            let tool = try IPTablesTool(.v4, .nft)
            try tool.apply([IPTablesBatch(.nat, [.createChain("TEST-NEW")])])
            return (try run("/bin/sh", ["-c", "iptables-nft-save -t nat 2>&1"]), try tool.read(.nat))
        }
        #expect(text.contains("# Warning: iptables-legacy tables present"))
        #expect(layout(contents) == [":TEST-NEW"])
    }

    @Test("A table that iptables cannot read is an error of its own, and not an empty table")
    func incompatible() throws {
        let error = try inNewNamespace { () -> IPTablesError? in
            try run(
                "/usr/sbin/nft",
                ["-f", "-"],
                input: "table ip nat { chain POSTROUTING { type nat hook postrouting priority 100; "
                    + "fib saddr type local drop; }; }\n"
            )
            do throws(IPTablesError) {
                _ = try IPTablesTool(.v4, .nft).read(.nat)
                return nil
            } catch {
                return error
            }
        }
        #expect(error == .incompatible(table: .nat, program: "/usr/sbin/iptables-nft-save"))
    }
}
