// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing
import Wiring

@Suite("Transactions", .enabled(if: canUnshare, "needs root"))
struct TransactionTests {
    @Test("A committed plan has become true, all of it")
    func commit() throws {
        let (failure, scene, forwarding) = try inNewNamespace {
            let stage = try Stage()
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: try Plan().changes())
            transaction.commit()
            let forwarding = [
                try Sysctl("ipv4/ip_forward").read(), try Sysctl("ipv6/conf/all/forwarding").read(),
            ]
            return (failure, try stage.look(), forwarding)
        }
        #expect(failure == nil)
        #expect(scene.bridge?.isUp == true && scene.bridge?.address == mac(1))
        #expect(scene.gateways == ["10.1.2.1/24"])
        #expect(scene.port?.address == mac(2) && scene.port?.master == scene.bridge?.index)
        let port = try #require(scene.port?.port)
        #expect(port.isForwarding && port.isHairpin == true && port.isIsolated == true)
        #expect(scene.interface?.address == mac(3) && scene.interface?.mtu == 1400)
        #expect(scene.interface?.isUp == true && scene.interface?.isOperational == true)
        #expect(scene.addresses == ["10.1.2.3/24", "fd00::5/64"])
        #expect(scene.routes == ["0.0.0.0/0", "10.9.0.0/16"])
        #expect(forwarding == ["1", "1"])
    }

    @Test("Wherever a plan is refused, none of our links stay", arguments: Obstacle.allCases)
    func rollback(obstacle: Obstacle) throws {
        let (failure, scene) = try inNewNamespace {
            let stage = try Stage()
            try obstacle.prepare(stage.host, stage.inside)
            var plan = Plan()
            obstacle.change(&plan)
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: try plan.changes())
            transaction.commit()
            return (failure, try stage.look())
        }
        #expect(failure?.cause.operation == obstacle.operation)
        #expect(failure?.cause.errno == obstacle.errno)
        #expect(failure?.leftovers == [])
        #expect(scene.port == nil)
        #expect(scene.interface?.address != mac(3))
    }

    @Test("A transaction that dies uncommitted takes back what is the container's, and leaves what is shared")
    func death() throws {
        let (failure, alive, dead) = try inNewNamespace {
            let stage = try Stage()
            let (failure, alive) = try {
                var transaction = try stage.transaction()
                return (transaction.failure(of: try Plan().changes()), try stage.look())
            }()
            return (failure, alive, try stage.look())
        }
        #expect(failure == nil)
        #expect(alive.port != nil && alive.interface != nil)
        #expect(dead.port == nil && dead.interface == nil)
        #expect(dead.bridge?.isUp == true && dead.gateways == ["10.1.2.1/24"])
    }

    @Test("Who takes back himself hears what is left, and a second time there is nothing to do")
    func takeBack() throws {
        let (leftovers, scenes) = try inNewNamespace {
            let stage = try Stage()
            var transaction = try stage.transaction()
            try transaction.apply(try Plan().changes())
            var leftovers = transaction.takeBack()
            var scenes = [try stage.look()]
            // Somebody else may have the name by now.
            try stage.host.execute(.addBridge("veth0", address: mac(9), mtu: 0, filtersVLANs: false))
            leftovers += transaction.takeBack()
            scenes.append(try stage.look())
            return (leftovers, scenes)
        }
        #expect(leftovers == [])
        #expect(scenes[0].port == nil && scenes[0].interface == nil)
        #expect(scenes[1].port?.address == mac(9))
    }

    @Test("A stranger's link of the name we wanted survives our failure")
    func stranger() throws {
        let (failure, kinds) = try inNewNamespace {
            let stage = try Stage()
            try stage.host.execute(.addBridge("veth0", address: mac(9), mtu: 0, filtersVLANs: false))
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: try Plan().changes())
            transaction.commit()
            return (failure, try stage.look())
        }
        #expect(failure?.cause == KernelError("add veth veth0 with peer eth0", .fileExists))
        #expect(failure?.leftovers == [])
        #expect(kinds.port?.kind == "bridge" && kinds.port?.address == mac(9))
        #expect(kinds.interface == nil)
    }

    @Test("Several plans make one transaction: the refusal of the last takes back the first")
    func severalPlans() throws {
        let (failure, between, after) = try inNewNamespace {
            let stage = try Stage()
            let changes = try Plan().changes()
            var transaction = try stage.transaction()
            try transaction.apply(Array(changes[..<5]))
            let between = try stage.look()
            let failure = transaction.failure(of: [.noLink("lo")])
            transaction.commit()
            return (failure, between, try stage.look())
        }
        #expect(between.port != nil && between.interface != nil)
        #expect(failure?.cause.operation == "delete link lo")
        #expect(after.port == nil && after.interface == nil)
    }

    @Test("Who defers taking back has what was made after a refusal, until he takes back")
    func deferred() throws {
        let (leftovers, before, after) = try inNewNamespace {
            let stage = try Stage()
            let changes = try Plan().changes()
            var transaction = try stage.transaction()
            var leftovers = ["no refusal"]
            do throws(PlanFailure) {
                try transaction.apply(Array(changes[..<5]) + [.noLink("lo")], defersTakingBack: true)
            } catch {
                leftovers = error.leftovers
            }
            let before = try stage.look()
            leftovers += transaction.takeBack()
            return (leftovers, before, try stage.look())
        }
        #expect(leftovers == [])
        #expect(before.port != nil && before.interface != nil)
        #expect(after.port == nil && after.interface == nil)
    }

    @Test("An interface that stays down needs no port in operation")
    func down() throws {
        let (failure, scene) = try inNewNamespace {
            let stage = try Stage()
            var plan = Plan()
            plan.isUp = false
            plan.awaitsPort = false
            plan.addresses = []
            plan.routes = []
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: try plan.changes())
            transaction.commit()
            return (failure, try stage.look())
        }
        #expect(failure == nil)
        #expect(scene.interface?.isUp == false)
        #expect(scene.port?.isUp == true && scene.port?.isOperational == false)
    }

    @Test("An absent link is gone already")
    func noLink() throws {
        let failure = try inNewNamespace {
            let stage = try Stage()
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: [.noLink("veth0"), .noLink("veth0")])
            transaction.commit()
            return failure
        }
        #expect(failure == nil)
    }
}
