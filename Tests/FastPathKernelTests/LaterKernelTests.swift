// SPDX-License-Identifier: Apache-2.0
import FastPath
import Linux
import Netlink
import TestSupport
import Testing

@Suite("The shortcut's program, attached later", .enabled(if: canUnshare, "needs root"))
struct LaterKernelTests {
    @Test("It is there soon, and once", arguments: [false, true])
    func soon(isFilter: Bool) throws {
        let (states, flow) = try withFastPath(isFilter: isFilter) { fastPath in
            let containers = try Containers(2)
            var states: [Bool] = []
            for index in 0..<2 {
                let port = containers.port(index)
                try fastPath.setPort(port)
                try fastPath.addStation(FastPathStation(port))
                states.append(try fastPath.isAttachedSoon(to: port.link))
                try fastPath.attachLater(to: port.link)
                try fastPath.attachLater(to: port.link)
                states.append(try fastPath.isAttachedSoon(to: port.link))
                try fastPath.attachLater(to: port.link)
            }
            return (states, try containers.flow(fastPath))
        }
        #expect(states == [false, true, false, true])
        #expect(flow.received == many && flow.sentByShortcut > most)
    }

    @Test("A link that goes before it is nobody's trouble, and one that there never was is told at once")
    func gone() throws {
        let (errors, isOther) = try withFastPath { fastPath in
            let containers = try Containers(2)
            var errors: [Errno?] = []
            func note(_ body: () throws(KernelError) -> Void) {
                do throws(KernelError) {
                    try body()
                    errors.append(nil)
                } catch {
                    errors.append(error.errno)
                }
            }
            let link = containers.port(0).link
            note { () throws(KernelError) in try fastPath.attachLater(to: link) }
            try containers.host.execute(.deleteLink(named: "veth0"))
            note { () throws(KernelError) in _ = try fastPath.isAttachedSoon(to: link) }
            note { () throws(KernelError) in try fastPath.attachLater(to: 4711) }
            try fastPath.attachLater(to: containers.port(1).link)
            return (errors, try fastPath.isAttachedSoon(to: containers.port(1).link))
        }
        #expect(errors == [nil, .noSuchDevice, .noSuchDevice])
        #expect(isOther)
    }
}
