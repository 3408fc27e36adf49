// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("Links in the kernel", .enabled(if: canUnshare, "needs root"))
struct LinkKernelTests {
    @Test("A link tells whether it learns from routers", arguments: [("0", false), ("1", true), ("2", true)])
    func routerAdvertisements(setting: String, expected: Bool) throws {
        let told = try inNewNamespace {
            let socket = try NetlinkSocket()
            _ = try socket.makeBridge("br0")
            try Sysctl("ipv6", link: "br0", "accept_ra").set(setting)
            return try socket.required("br0").acceptsRouterAdvertisements
        }
        #expect(told == expected)
    }

    @Test(
        "A link tells which address the kernel made of its MAC, and still does when somebody took it away",
        arguments: [("0", "fe80::ff:fe00:5/64"), ("1", nil), ("3", nil)] as [(String, String?)]
    )
    func linkLocal(mode: String, text: String?) throws {
        let expected = text.flatMap { CIDR($0) }
        let (told, made) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let bridge = try socket.makeBridge("br0")
            try socket.execute(.addVethPair(here: pair(), bridge: bridge.index))
            try Sysctl("ipv6", link: "veth0", "addr_gen_mode").set(mode)
            let link = try socket.required("veth0")
            var told = [try socket.details(ofLink: "veth0")?.linkLocalAddress]
            try socket.execute(.setUp(true, link: link.index, name: "veth0"))
            try socket.wait(forLink: link.index, atMost: .seconds(20)) { $0.isOperational }
            told.append(try socket.details(ofLink: "veth0")?.linkLocalAddress)
            let made = try socket.addresses(ofLink: link.index).map(\.address)
            for address in made {
                try socket.execute(.deleteAddress(address, from: link.index, name: "veth0"))
            }
            told.append(try socket.details(ofLink: "veth0")?.linkLocalAddress)
            return (told, made)
        }
        #expect(told == [nil, expected, expected])
        #expect(made.count == (mode == "1" ? 0 : 1))
        #expect(expected.map { [$0] == made } ?? true)
    }

    @Test("The loopback interface is a link like any other")
    func loopback() throws {
        let link = try inNewNamespace { try NetlinkSocket().required("lo") }
        #expect(link.index == 1)
        #expect(link.isLoopback && link.isUp && link.isOperational)
        #expect(link.address == .zero)
        #expect(link.kind == "" && link.master == nil && link.bridge == nil)
    }

    @Test(
        "What is not there is nil, whatever its name",
        arguments: ["veth0", "", "a/b", "name-of-16-bytes", "ääääääää"]
    )
    func missingName(name: String) throws {
        let link = try inNewNamespace { try NetlinkSocket().link(named: name) }
        #expect(link == nil)
    }

    @Test("An index of no link is nil")
    func missingIndex() throws {
        #expect(try inNewNamespace { try NetlinkSocket().link(index: 4711) } == nil)
    }

    @Test("A bridge has the address and the MTU it was made with", arguments: [(0, 1500), (1400, 1400), (9000, 9000)])
    func bridge(mtu: Int, expected: UInt32) throws {
        let link = try inNewNamespace {
            let socket = try NetlinkSocket()
            try socket.execute(.addBridge("br0", address: address5, mtu: mtu, filtersVLANs: false))
            return try socket.required("br0")
        }
        #expect(link.kind == "bridge")
        #expect(link.address == address5)
        #expect(link.mtu == expected)
        #expect(!link.isUp && !link.isPromiscuous)
        #expect(link.bridge?.filtersVLANs != true)
    }

    @Test("A bridge that is to tell VLANs apart does, or the kernel says no, or says that it does not know how")
    func filteringBridge() throws {
        let (refusal, link) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let refusal = socket.refusal(of: .addBridge("br0", address: address5, mtu: 0, filtersVLANs: true))
            return (refusal, try socket.link(named: "br0"))
        }
        #expect((refusal == nil) == (link != nil))
        #expect(refusal == nil || refusal?.errno == .notSupported)
        #expect(link == nil || link?.bridge?.filtersVLANs != false)
    }

    @Test("Links go up and down, and promiscuous, by index")
    func flags() throws {
        let seen = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            let up = try socket.required("br0").isUp
            try socket.execute(.setPromiscuous(link: index, name: "br0"))
            let promiscuous = try socket.required("br0").isPromiscuous
            try socket.execute(.setUp(false, link: index, name: "br0"))
            let down = try socket.required("br0")
            return [up, promiscuous, !down.isUp, down.isPromiscuous]
        }
        #expect(seen == [true, true, true, true])
    }

    @Test("A deleted link is gone, and deleting it again is refused by name")
    func delete() throws {
        let (refusals, left) = try inNewNamespace {
            let socket = try NetlinkSocket()
            _ = try socket.makeBridge("br0")
            let refusals = [
                socket.refusal(of: .deleteLink(named: "br0")), socket.refusal(of: .deleteLink(named: "br0")),
            ]
            return (refusals, try socket.link(named: "br0"))
        }
        #expect(refusals == [nil, KernelError("delete link br0", .noSuchDevice)])
        #expect(left == nil)
    }

    @Test("A socket stays in the namespace it was opened in")
    func abroad() throws {
        let seen = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let here = try NetlinkSocket()
            let there = try other.socket(from: home)
            _ = try there.makeBridge("br0")
            return [try here.link(named: "br0") == nil, try there.link(named: "br0") != nil]
        }
        #expect(seen == [true, true])
    }

    @Test("Gratuitous ARP is switched on for one link")
    func arpNotify() throws {
        let values = try inNewNamespace {
            let socket = try NetlinkSocket()
            let bridges = [try socket.makeBridge("br0"), try socket.makeBridge("br1")]
            try socket.execute(.setARPNotify(link: bridges[0].index, name: "br0"))
            return try bridges.map { try Sysctl("ipv4", link: $0.name, "arp_notify").read() }
        }
        #expect(values == ["1", "0"])
    }

    @Test("A link that is ready needs no waiting, one that is gone or never ready is told apart")
    func wait() throws {
        let refusals = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            var refusals: [KernelError] = []
            try socket.wait(forLink: index, atMost: .zero) { $0.isUp }
            for (index, bound) in [(index, Duration.zero), (index, .milliseconds(20)), (4711, .seconds(20))] {
                do throws(KernelError) {
                    try socket.wait(forLink: index, atMost: bound) { !$0.isUp }
                } catch {
                    refusals.append(KernelError(error.operation.replacing("\(index)", with: "N"), error.errno))
                }
            }
            return refusals
        }
        let late = KernelError("wait for link N", .timedOut)
        #expect(refusals == [late, late, KernelError("wait for link N", .noSuchDevice)])
    }

    @Test("Who waits is woken by the change, and by the end of the link", arguments: [true, false])
    func wake(isDeleted: Bool) throws {
        let refusal = try inNewNamespace { () -> Errno? in
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            // The change comes after the first look: somebody else makes it on behalf of that look.
            var other: OwnThread<Void>?
            defer { _ = Result { try other?.join() } }
            do throws(KernelError) {
                try socket.wait(forLink: index, atMost: .seconds(20)) { link in
                    if other == nil {
                        other = try? OwnThread {
                            let change: NetlinkRequest =
                                isDeleted
                                ? .deleteLink(named: "br0") : .setPromiscuous(link: index, name: "br0")
                            try NetlinkSocket().execute(change)
                        }
                    }
                    return link.isPromiscuous
                }
                return nil
            } catch {
                return error.errno
            }
        }
        #expect(refusal == (isDeleted ? .noSuchDevice : nil))
    }
}
