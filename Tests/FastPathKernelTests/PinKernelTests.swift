// SPDX-License-Identifier: Apache-2.0
import Addressing
import CLinux
import FastPath
import Linux
import Netlink
import TestSupport
import Testing

/// What was found of 200 ports, and what was left of them.
private struct Found: Sendable {
    var ports: [FastPathPort] = []
    var stations: [FastPathStation] = []
    var left: [UInt32] = []
}

@Suite("What outlives the process that opened the shortcut", .enabled(if: canUnshare, "needs root"))
struct PinKernelTests {
    @Test("Who opens it later finds what was written")
    func reopened() throws {
        let found = try withFastPath { fastPath in
            var found = Found()
            for link in 1...200 as ClosedRange<UInt32> {
                let port = FastPathPort(link: link, bridge: 7, address: MACAddress(value: UInt64(link) << 8))
                try fastPath.setPort(port)
                try fastPath.addStation(FastPathStation(port))
            }
            guard let other = try FastPath.existing() else { return found }
            found.ports = try other.allPorts()
            found.stations = try other.allStations()
            for link in 1...200 as ClosedRange<UInt32> {
                try other.removePort(link)
                try other.removePort(link)
            }
            found.left = try fastPath.allPorts().map(\.link) + fastPath.allStations().map(\.link)
            return found
        }
        #expect(found.ports.map(\.link).sorted() == Array(1...200))
        #expect(found.stations.count == 200)
        #expect(Set(found.stations) == Set(found.ports.map { FastPathStation($0) }))
        #expect(found.left == [])
    }

    @Test("Namespaces that share a file system share nothing else")
    func namespaces() throws {
        let (here, there): ([UInt32], [FastPathPort]) = try withFastPath { fastPath in
            try fastPath.setPort(FastPathPort(link: 9, bridge: 7, address: MACAddress(value: 9)))
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let result = culvert_enter_network_namespace(other.rawDescriptor)
            guard result == 0 else { throw KernelError("enter", Errno(rawValue: result)) }
            let there = try FastPath().allPorts()
            _ = culvert_enter_network_namespace(home.rawDescriptor)
            return (try fastPath.allPorts().map(\.link), there)
        }
        #expect(here == [9] && there == [])
    }

    @Test("Of many that open it at the same time all get the same")
    func race() throws {
        let (links, numbers) = try inNewNamespace {
            try ownFileSystem()
            // Threads share the namespaces of the one that makes them.
            let threads = try (1...8).map { number in
                try OwnThread {
                    let fastPath = try FastPath()
                    try fastPath.setPort(FastPathPort(link: UInt32(number), bridge: 7, address: .zero))
                    try fastPath.attach(to: 1)
                }
            }
            for thread in threads { try thread.join() }
            var numbers = [UInt32](repeating: 0, count: 16)
            let count = culvert_attached_programs(1, &numbers, 16)
            return (try FastPath().allPorts().map(\.link), count)
        }
        #expect(Set(links) == Set(1...8))
        #expect(numbers == 1)
    }

    @Test("Where nothing was opened, nothing is found, and nothing is made by looking")
    func nothing() throws {
        let (isThere, failure, again) = try inNewNamespace {
            try ownFileSystem()
            let first = try FastPath.existing() != nil
            return (first, FastPath.probe(), try FastPath.existing() != nil)
        }
        #expect(!isThere && !again)
        #expect(failure == nil)
    }

    @Test("A directory that is no BPF file system becomes one")
    func mounted() throws {
        let holds = try inNewNamespace {
            let result = culvert_own_mounts()
            guard result == 0 else { throw KernelError("unshare mounts", Errno(rawValue: result)) }
            return try withTemporaryDirectory { directory in
                do {
                    _ = try FastPath(fileSystem: directory)
                }
                let holds = culvert_holds_programs(directory)
                try unmount(directory)
                return holds
            }
        }
        #expect(holds == 1)
    }
}
