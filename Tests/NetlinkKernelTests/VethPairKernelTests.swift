// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("Veth pairs in the kernel", .enabled(if: canUnshare, "needs root"))
struct VethPairKernelTests {
    @Test("One message makes a pair into another namespace, the host's end up and on its bridge")
    func pairIntoContainer() throws {
        let (bridge, host, container) = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let here = try NetlinkSocket()
            let there = try other.socket(from: home)
            let bridge = try here.makeBridge("br0")
            try here.execute(.addVethPair(pair(mtu: 1400), bridge: bridge.index, namespace: other.rawDescriptor))
            return (bridge, try here.required("veth0"), try there.required("eth0"))
        }
        #expect(host.kind == "veth" && container.kind == "veth")
        #expect(host.address == address5 && container.address == address6)
        #expect(host.mtu == 1400 && container.mtu == 1400)
        #expect(host.master == bridge.index && container.master == nil)
        #expect(host.peerIndex == container.index && container.peerIndex == host.index)
        #expect(host.isUp && !container.isUp)
        #expect(host.port?.isHairpin == false && container.port == nil)
        #expect(!host.isOperational)
    }

    @Test("Who makes a pair is told of the host's end what others find")
    func told() throws {
        let (told, found) = try inNewNamespace {
            let other = try anotherNamespace()
            let here = try NetlinkSocket()
            let bridge = try here.makeBridge("br0")
            let told = try here.make(pair(), bridge: bridge.index, namespace: other.rawDescriptor)
            return (told, try here.required("veth0"))
        }
        #expect(told.name == "veth0" && told.kind == "veth" && told.index == found.index)
        #expect(told.address == address5 && told.peerIndex == found.peerIndex)
        #expect(told.acceptsRouterAdvertisements == found.acceptsRouterAdvertisements)
    }

    @Test("The port forwards as soon as both ends are up")
    func operational() throws {
        let states = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let here = try NetlinkSocket()
            let there = try other.socket(from: home)
            let bridge = try here.makeBridge("br0")
            try here.execute(.addVethPair(pair(), bridge: bridge.index, namespace: other.rawDescriptor))
            let (port, interface) = (try here.required("veth0"), try there.required("eth0"))
            let before = port.port?.isForwarding
            try there.execute(.setUp(true, link: interface.index, name: "eth0"))
            try here.wait(forLink: port.index, atMost: .seconds(20)) {
                $0.isOperational && $0.port?.isForwarding == true
            }
            return [before, try here.required("veth0").port?.isForwarding]
        }
        #expect(states == [false, true])
    }

    @Test("Of a pair on the host the container's end is up and the bridge's port")
    func pairHere() throws {
        let (bridge, host, port) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let bridge = try socket.makeBridge("br0")
            try socket.execute(.addVethPair(here: pair("br0.5", "veth1", mtu: 1400), bridge: bridge.index))
            return (bridge, try socket.required("br0.5"), try socket.required("veth1"))
        }
        #expect(!host.isUp && port.isUp)
        #expect(host.master == nil && port.master == bridge.index)
        #expect(host.mtu == 1400 && port.mtu == 1400)
        #expect(host.peerIndex == port.index)
    }

    @Test("A name that is taken, here or there, refuses the whole pair", arguments: ["veth0", "eth0"])
    func taken(name: String) throws {
        let (refusal, here, there) = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let here = try NetlinkSocket()
            let there = try other.socket(from: home)
            _ = try here.makeBridge("veth0" == name ? "veth0" : "br0")
            if name == "eth0" { _ = try there.makeBridge("eth0") }
            let refusal = here.refusal(of: .addVethPair(pair(), bridge: nil, namespace: other.rawDescriptor))
            return (refusal, try here.link(named: "veth0")?.kind, try there.link(named: "eth0")?.kind)
        }
        #expect(refusal?.operation == "add veth veth0 with peer eth0")
        #expect(refusal?.errno == .fileExists)
        #expect(here == (name == "veth0" ? "bridge" : nil))
        #expect(there == (name == "eth0" ? "bridge" : nil))
    }

    @Test("What cannot be refuses the whole pair: a stranger's bridge, no namespace, an MTU no link has")
    func impossible() throws {
        let (refusals, left) = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let here = try NetlinkSocket()
            let there = try other.socket(from: home)
            let lo = try here.required("lo").index
            let namespace = other.rawDescriptor
            let refusals = [
                here.refusal(of: .addVethPair(pair(), bridge: 4711, namespace: namespace)),
                here.refusal(of: .addVethPair(pair(), bridge: lo, namespace: namespace)),
                here.refusal(of: .addVethPair(pair(), bridge: nil, namespace: 4711)),
                here.refusal(of: .addVethPair(pair(mtu: 67), bridge: nil, namespace: namespace)),
            ]
            return (refusals, [try here.link(named: "veth0"), try there.link(named: "eth0")])
        }
        #expect(refusals.allSatisfy { $0?.operation == "add veth veth0 with peer eth0" })
        #expect(refusals.last??.errno == .invalidArgument)
        #expect(left == [nil, nil])
    }

    @Test("Deleting one end deletes the other")
    func delete() throws {
        let left = try inNewNamespace {
            let home = try NetworkNamespace.current()
            let other = try anotherNamespace()
            let here = try NetlinkSocket()
            let there = try other.socket(from: home)
            try here.execute(.addVethPair(pair(), bridge: nil, namespace: other.rawDescriptor))
            try here.execute(.deleteLink(named: "veth0"))
            return [try here.link(named: "veth0"), try there.link(named: "eth0")]
        }
        #expect(left == [nil, nil])
    }

    @Test("A port's flags are what they were set to", arguments: [true, false], [true, false])
    func portFlags(isHairpin: Bool, isIsolated: Bool) throws {
        let port = try inNewNamespace {
            let socket = try NetlinkSocket()
            let bridge = try socket.makeBridge("br0")
            try socket.execute(.addVethPair(here: pair("veth0", "veth1"), bridge: bridge.index))
            let index = try socket.required("veth1").index
            try socket.execute(.setPort(index, name: "veth1", .init(isHairpin: !isHairpin, isIsolated: !isIsolated)))
            try socket.execute(.setPort(index, name: "veth1", .init(isHairpin: isHairpin, isIsolated: isIsolated)))
            return try socket.required("veth1").port
        }
        #expect(port?.isHairpin == isHairpin)
        #expect(port?.isIsolated == isIsolated)
    }

    @Test("Flags of a link that is no port are refused")
    func noPort() throws {
        let refusal = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            return socket.refusal(of: .setPort(index, name: "br0", .init(isHairpin: true, isIsolated: false)))
        }
        #expect(refusal?.operation == "set port br0 hairpin=true isolated=false")
    }
}
