// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import LeaseStore
import Linux
import TestSupport
import Testing

@Suite("Lease directories")
struct LeaseDirectoryTests {
    private static let owner = LeaseOwner(containerID: "c1", interfaceName: "eth0")
    private static let other = LeaseOwner(containerID: "c2", interfaceName: "eth0")

    /// What the directory says, as text in order: `10.1.2.3 c1 eth0`.
    private static func leases(_ directory: borrowing LeaseDirectory) throws -> [String] {
        try directory.leases().sorted { $0.address < $1.address }.map { "\($0.address) \($0.owner)" }
    }

    @Test("A lease is a whole file in host-local's layout", arguments: ["10.1.2.3", "fd00::5"])
    func take(text: String) throws {
        let address = try #require(IPAddress(text))
        try withTemporaryDirectory { root in
            let path = "\(root)/networks/blue"
            let began = Machine.wallNanoseconds - oneTick
            let directory = try LeaseDirectory(creating: path, waitingAtMost: .seconds(20))
            #expect(try directory.take(address, for: Self.owner))
            #expect(try readFile("\(path)/\(text)") == "c1\r\neth0")
            #expect(try listDirectory(path) == [text, "lock"])
            let lease = try #require(try directory.leases().first)
            #expect(lease.address == address)
            #expect(lease.owner == Self.owner)
            #expect(lease.modifiedNanoseconds >= began)
        }
    }

    @Test("A link in the place of a file of ours is not followed", arguments: ["lock", "last_reserved_ip.0"])
    func link(name: String) throws {
        try withTemporaryDirectory { path in
            let victim = "\(path)/victim"
            try writeFile(victim, "precious")
            try withTemporaryDirectory { leases in
                #expect(symlink(victim, "\(leases)/\(name)") == 0)
                #expect {
                    let directory = try LeaseDirectory(path: leases, waitingAtMost: .seconds(20))
                    #expect(directory.lastReserved(rangeSet: 0) == nil)
                    try directory.setLastReserved(IPAddress(v4: 0x0a01_0203), rangeSet: 0)
                } throws: { ($0 as? KernelError)?.errno == .tooManySymbolicLinkLevels }
            }
            #expect(try readFile(victim) == "precious")
        }
    }

    @Test("A taken address is not given away, and its owner stays")
    func taken() throws {
        try withTemporaryDirectory { path in
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            let address = IPAddress(v4: 0x0a01_0203)
            #expect(try directory.take(address, for: Self.owner))
            #expect(try !directory.take(address, for: Self.other))
            #expect(try !directory.take(address, for: Self.owner))
            #expect(try Self.leases(directory) == ["10.1.2.3 c1 eth0"])
            #expect(try listDirectory(path) == ["10.1.2.3", "lock"])
        }
    }

    @Test("A released address is free, and releasing it again is no error")
    func release() throws {
        try withTemporaryDirectory { path in
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            let address = IPAddress(v4: 0x0a01_0203)
            #expect(try directory.take(address, for: Self.owner))
            try directory.release(address)
            try directory.release(address)
            #expect(try directory.leases().isEmpty)
            #expect(try directory.take(address, for: Self.other))
            #expect(try Self.leases(directory) == ["10.1.2.3 c2 eth0"])
        }
    }

    @Test("A renewed lease is as young as a new one and has the same owner")
    func renew() throws {
        try withTemporaryDirectory { path in
            let address = IPAddress(v4: 0x0a01_0203)
            try writeFile("\(path)/10.1.2.3", "c1\r\neth0")
            try setModificationTime("\(path)/10.1.2.3", seconds: 1)
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            #expect(try directory.leases().map(\.modifiedNanoseconds) == [1_000_000_000])
            let began = Machine.wallNanoseconds - oneTick
            try directory.renew(address)
            #expect(try #require(try directory.leases().first).modifiedNanoseconds >= began)
            #expect(try Self.leases(directory) == ["10.1.2.3 c1 eth0"])
        }
    }

    @Test("A temporary file that a dead writer left is in nobody's way, also when it is a lease's second name")
    func leftovers() throws {
        try withTemporaryDirectory { path in
            try writeFile("\(path)/10.1.2.3", "c1\r\neth0")
            try makeHardLink("\(path)/.culvert.new", to: "\(path)/10.1.2.3")
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            #expect(try Self.leases(directory) == ["10.1.2.3 c1 eth0"])
            #expect(try directory.take(IPAddress(v4: 0x0a01_0204), for: Self.other))
            #expect(try Self.leases(directory) == ["10.1.2.3 c1 eth0", "10.1.2.4 c2 eth0"])
            #expect(try listDirectory(path) == ["10.1.2.3", "10.1.2.4", "lock"])

            try writeFile("\(path)/.culvert.new", "c3\r\nhalf of a na")
            try directory.removeLeftovers()
            try directory.removeLeftovers()
            #expect(try listDirectory(path) == ["10.1.2.3", "10.1.2.4", "lock"])
        }
    }

    @Test("A file that names nobody is removed, so that its address is free again", arguments: ["", "\r\n", "\0\0\0"])
    func heal(content: String) throws {
        try withTemporaryDirectory { path in
            try writeFile("\(path)/10.1.2.3", content)
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            #expect(try directory.leases().isEmpty)
            #expect(try listDirectory(path) == ["lock"])
            #expect(try directory.take(IPAddress(v4: 0x0a01_0203), for: Self.owner))
        }
    }

    @Test("What is no lease file is passed over and left alone")
    func foreign() throws {
        try withTemporaryDirectory { path in
            try writeFile("\(path)/10.1.2.3", "c1\r\neth0")
            try writeFile("\(path)/last_reserved_ip.0", "10.1.2.3")
            try writeFile("\(path)/10.1.2.300", "c9\r\neth0")
            try writeFile("\(path)/10.1.2.3.bak", "c9\r\neth0")
            try writeFile("\(path)/README", "")
            try writeFile("\(path)/10.1.2.7", String(repeating: "x", count: 5000))
            try makeDirectory("\(path)/10.1.2.4")
            try makeSymbolicLink("\(path)/10.1.2.5", to: "\(path)/10.1.2.3")
            try makeSymbolicLink("\(path)/10.1.2.6", to: "/nowhere/at/all")
            let before = try listDirectory(path)
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            #expect(try Self.leases(directory) == ["10.1.2.3 c1 eth0"])
            #expect(try listDirectory(path) == (before + ["lock"]).sorted())
            // Whatever bears an address as its name keeps that address from being given away.
            #expect(try !directory.take(IPAddress(v4: 0x0a01_0204), for: Self.owner))
            #expect(try !directory.take(IPAddress(v4: 0x0a01_0206), for: Self.owner))
        }
    }

    @Test("Only one holder at a time: others wait for their bound and say what they waited for")
    func lock() throws {
        try withTemporaryDirectory { path in
            let us = "held by process \(getpid()) (\(try #require(try readFile("/proc/self/comm")).dropLast()))"
            let expected = KernelError("lock \(path)/lock", .wouldBlock, explanation: us)
            let holder = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            #expect(throws: expected) { _ = try LeaseDirectory(path: path, waitingAtMost: .zero) }
            let clock = ContinuousClock()
            let elapsed = clock.measure {
                #expect(throws: expected) { _ = try LeaseDirectory(path: path, waitingAtMost: .milliseconds(30)) }
            }
            #expect(elapsed >= .milliseconds(29))
            #expect(holder.path == path)
            discard(holder)
            #expect(throws: Never.self) { _ = try LeaseDirectory(path: path, waitingAtMost: .seconds(20)) }
        }
    }

    @Test("Who waits for the lock gets it when the holder is done")
    func handOver() throws {
        try withTemporaryDirectory { path in
            let address = IPAddress(v4: 0x0a01_0203)
            let winners = try onThreads(8) { number in
                let owner = LeaseOwner(containerID: "c\(number)", interfaceName: "eth0")
                return try LeaseDirectory(path: path, waitingAtMost: .seconds(30)).take(address, for: owner)
            }
            #expect(winners.count { $0 } == 1)
            #expect(try listDirectory(path) == ["10.1.2.3", "lock"])
        }
    }

    @Test("A missing directory is an error unless it is to be made, and holds no addresses")
    func missing() throws {
        try withTemporaryDirectory { root in
            let path = "\(root)/a/b/c"
            #expect(throws: KernelError("open \(path)", .noSuchFileOrDirectory)) {
                _ = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            }
            #expect(try LeaseDirectory.takenAddresses(path: path) == [])
            _ = try LeaseDirectory(creating: path, waitingAtMost: .seconds(20))
            #expect(try listDirectory(path) == ["lock"])
        }
    }

    @Test("The taken addresses are the names of files, also while somebody holds the lock")
    func takenAddresses() throws {
        try withTemporaryDirectory { path in
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            #expect(try directory.take(IPAddress(v4: 0x0a01_0203), for: Self.owner))
            #expect(try directory.take(IPAddress(v6: 0xfd00 << 112 | 5), for: Self.owner))
            let taken = try LeaseDirectory.takenAddresses(path: path).sorted()
            #expect(taken.map { "\($0)" } == ["10.1.2.3", "fd00::5"])
        }
    }

    @Test("Where the next search begins is remembered for every range set by itself")
    func lastReserved() throws {
        try withTemporaryDirectory { path in
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            #expect(directory.lastReserved(rangeSet: 0) == nil)
            // Longer than the one that follows it.
            try directory.setLastReserved(IPAddress(v4: 0x0a01_02ff), rangeSet: 0)
            try directory.setLastReserved(IPAddress(v6: 0xfd00 << 112 | 5), rangeSet: 1)
            try directory.setLastReserved(IPAddress(v4: 0x0a01_0204), rangeSet: 0)
            #expect(try readFile("\(path)/last_reserved_ip.0") == "10.1.2.4")
            #expect(directory.lastReserved(rangeSet: 0) == IPAddress(v4: 0x0a01_0204))
            #expect(directory.lastReserved(rangeSet: 1) == IPAddress(v6: 0xfd00 << 112 | 5))
            #expect(try directory.leases().isEmpty)
        }
    }

    @Test(
        "A hint that cannot be read is no hint, and white space around it does not matter",
        arguments: [
            ("", nil), ("10.1.2", nil), ("10.1.2.3.4", nil), (String(repeating: "1", count: 100), nil),
            ("10.1.2.3\n", "10.1.2.3"), (" fd00::5\r\n", "fd00::5"),
        ] as [(String, String?)]
    )
    func hint(content: String, expected: String?) throws {
        try withTemporaryDirectory { path in
            try writeFile("\(path)/last_reserved_ip.0", content)
            let directory = try LeaseDirectory(path: path, waitingAtMost: .seconds(20))
            #expect(directory.lastReserved(rangeSet: 0) == expected.flatMap { IPAddress($0) })
        }
    }
}

private func discard(_ directory: consuming LeaseDirectory) {}
