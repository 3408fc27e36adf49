// SPDX-License-Identifier: Apache-2.0
import Addressing
import Doctor
import Pools
import Testing

@Suite("Examination of pools, leases and what is left")
struct PoolExaminationTests {
    @Test(
        "A pool is nearly full at nine tenths, and small ones only when nothing is left",
        arguments: [
            (89, 100, [FindingKind]()), (90, 100, [.poolNearlyFull]), (100, 100, [.poolExhausted]), (8, 9, []),
            (9, 9, [.poolExhausted]), (0, 0, []),
        ]
    )
    func full(taken: Int, total: Int, kinds: [FindingKind]) throws {
        var facts = try healthyHost()
        (facts.pools[0].taken, facts.pools[0].total) = (UInt128(taken), UInt128(total))
        #expect(facts.kinds == kinds)
    }

    @Test("Two bridges may not share a subnet; one wire may, with other leases for other addresses")
    func overlapping() throws {
        var facts = try healthyHost()
        facts.pools.append(try pool("b", "10.77.0.128/25", bridge: "b0"))
        #expect(facts.kinds == [.poolOverlap])
        facts.pools[1] = try pool("b", "10.78.0.0/24", bridge: "b0")
        #expect(facts.kinds == [])
        facts.pools = [
            try pool("m", "192.0.2.0/25", type: "macvlan"), try pool("n", "192.0.2.128/25", type: "macvlan"),
        ]
        facts.links.remove(at: 0)
        #expect(!facts.kinds.contains(.poolOverlap))
        facts.pools[1] = try pool("n", "192.0.2.64/26", type: "macvlan")
        #expect(facts.kinds.contains(.poolOverlap))
    }

    @Test("A pool may not be what the host has elsewhere, unless containers share that wire on purpose")
    func onHost() throws {
        var facts = try healthyHost()
        facts.pools.append(try pool("b", "192.0.2.0/26", bridge: "b0"))
        #expect(facts.kinds == [.poolOnHost])
        facts.pools[1] = try pool("b", "192.0.2.0/26", type: "macvlan")
        #expect(facts.kinds == [])
        facts.pools[1] = try pool("b", "10.9.0.0/16", bridge: "b0")
        facts.routes.append(HostFacts.Route(try cidr("10.0.0.0/8"), link: 4))
        #expect(facts.findings.filter { $0.kind == .poolOnHost && $0.detail.contains("10.0.0.0/8") }.count == 2)
    }

    @Test("What ipam check says is said again, and what a collection takes is fixable")
    func leases() throws {
        let network = PoolNetwork(name: "lan", directory: "/leases/lan", configurations: [])
        let kinds: [(PoolProblem.Kind, FindingKind, Bool)] = [
            (.duplicate, .leaseDuplicate, false), (.deadOwner, .leaseDead, true), (.leftover, .leaseDamaged, true),
            (.outside, .leaseDamaged, false), (.unleased, .leaseDamaged, false), (.index, .leaseDamaged, true),
        ]
        for (problem, kind, isFixable) in kinds {
            var facts = try healthyHost()
            facts.leaseProblems = [
                PoolProblem(problem, in: network, IPAddress("10.77.0.9"), finding: "it is so", remedy: "do it")
            ]
            let finding = try #require(facts.findings.first)
            #expect(finding.kind == kind && finding.place == "/leases/lan/10.77.0.9" && finding.detail == "it is so")
            #expect(finding.remedy == (isFixable ? .collect(directory: "/leases/lan") : nil))
        }
    }

    @Test("A record of a dead container is told once, however many plugins have one; so is what a runtime remembers")
    func remains() throws {
        var facts = try healthyHost()
        facts.records[0].isDead = true
        facts.records.append(facts.records[0])
        facts.records[1].plugin = "portmap"
        facts.staleCaches = ["/var/lib/cni/results/x"]
        #expect(facts.kinds == [.recordStale, .cacheStale])
    }

    // MARK: - File systems

    @Test(
        "File systems are judged by what leases need",
        arguments: [
            ("ext4", [FindingKind]()), ("tmpfs", []), ("overlay", []), ("nfs4", [.storeRemote]),
            ("fuse.sshfs", [.storeRemote]), ("9p", [.storeRemote]),
        ]
    )
    func stores(kind: String, found: [FindingKind]) throws {
        var facts = try healthyHost()
        facts.stores = [HostFacts.Store(directory: "/d", kind: kind)]
        #expect(facts.kinds == found)
    }

    @Test("A read-only one is not called full too; what should last may not be in memory")
    func states() throws {
        var facts = try healthyHost()
        (facts.stores[0].isReadOnly, facts.stores[0].isFull) = (true, true)
        #expect(facts.kinds == [.storeReadOnly])
        facts.stores[0].isReadOnly = false
        #expect(facts.kinds == [.storeFull])
        facts.stores = [HostFacts.Store(directory: "/d", kind: "tmpfs")]
        facts.stores[0].shouldLast = true
        #expect(facts.kinds == [.storeVolatile])
    }

    @Test("The mount of a path is the longest, and of equals the last")
    func mounts() {
        let table = """
            22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
            30 22 0:26 / /run rw,nosuid master:2 shared:5 - tmpfs tmpfs rw
            31 22 0:27 / /var/lib rw - nfs4 server:/x rw
            32 22 0:28 / /var/lib rw - xfs /dev/vdb rw
            33 22 0:29 / /a\\040b rw - btrfs /dev/vdc rw
            nonsense
            """
        let mounts = Mount.all(in: table)
        #expect(mounts.count == 5)
        #expect(Mount.holding("/var/lib/cni", of: mounts)?.kind == "xfs")
        #expect(Mount.holding("/var/library", of: mounts)?.kind == "ext4")
        #expect(Mount.holding("/run", of: mounts)?.kind == "tmpfs")
        #expect(Mount.holding("/a b/c", of: mounts)?.kind == "btrfs")
    }
}
