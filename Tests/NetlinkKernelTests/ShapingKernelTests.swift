// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("Queues and filters in the kernel", .enabled(if: canUnshare, "needs root"))
struct ShapingKernelTests {
    @Test("A block is made with its MTU, and keeps a note")
    func block() throws {
        let (noted, all, refusal) = try inNewNamespace {
            let socket = try NetlinkSocket()
            try socket.execute([.addIntermediateBlock("bwp0", mtu: 1400), .setAlias("a note", ofLinkNamed: "bwp0")])
            let refusal = socket.refusal(of: .addIntermediateBlock("bwp0", mtu: 1400))
            _ = try socket.makeBridge("br0")
            return (try socket.notedLink(named: "bwp0"), try socket.notedLinks(ofKind: "ifb"), refusal)
        }
        #expect(noted?.alias == "a note")
        #expect(noted?.link.kind == "ifb")
        #expect(noted?.link.mtu == 1400)
        #expect(noted?.link.isUp == false)
        #expect(all.map(\.link.name) == ["bwp0"])
        #expect(refusal?.errno == .fileExists)
    }

    @Test(
        "A token bucket is read as it was set",
        arguments: [
            TokenBucket(rate: 1, buffer: 1, limit: 0),
            TokenBucket(rate: 1_000_000, buffer: 1_562_500, limit: 125_000),
            TokenBucket(rate: UInt64(UInt32.max), buffer: .max, limit: .max),
            TokenBucket(rate: UInt64(UInt32.max) + 1, buffer: 1000, limit: 3000),
            TokenBucket(rate: 5_000_000_000, buffer: 1_562_500, limit: 125_000),
        ]
    )
    func tokenBucket(bucket: TokenBucket) throws {
        // A rate of an octet in a second fills a tick with no octet at all, which the kernel refuses.
        let holdsAnOctet = UInt128(bucket.rate) * UInt128(bucket.buffer) * 64 >= 1_000_000_000
        let (seen, refusal) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let link = try socket.makeBridge("br0")
            let refusal = socket.refusal(of: .setTokenBucket(bucket, link: link.index, name: "br0"))
            return (try socket.discipline(.root, ofLink: link.index), refusal)
        }
        #expect(refusal?.errno == (holdsAnOctet ? nil : .invalidArgument))
        #expect(seen?.tokenBucket == (holdsAnOctet ? bucket : nil))
    }

    @Test("A burst in octets becomes ticks, to one")
    func burstInOctets() throws {
        let bucket = TokenBucket(rate: 5_000_000_000, buffer: 0, limit: 3000, burst: 32_000)
        let seen = try inNewNamespace {
            let socket = try NetlinkSocket()
            let link = try socket.makeBridge("br0")
            try socket.execute(.setTokenBucket(bucket, link: link.index, name: "br0"))
            return try socket.discipline(.root, ofLink: link.index)?.tokenBucket
        }
        // 6.4 microseconds are 100 ticks.
        #expect((99...101).contains(seen?.buffer ?? 0))
    }

    @Test("A second bucket is refused, replaces the first if it may, and goes by kind and number only")
    func replaceAndDelete() throws {
        let (refusals, seen) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let link = try socket.makeBridge("br0")
            let first = TokenBucket(rate: 1_000_000, buffer: 1_562_500, limit: 125_000)
            let second = TokenBucket(rate: 2_000_000, buffer: 1_562_500, limit: 125_000)
            let ours = QueueingDiscipline(kind: "tbf", handle: QueueingDiscipline.tokenBucketHandle)
            let other = QueueingDiscipline(kind: "htb", handle: QueueingDiscipline.tokenBucketHandle)
            var seen = [try socket.discipline(.root, ofLink: link.index)]
            var refusals = [socket.refusal(of: .deleteDiscipline(ours, .root, link: link.index, name: "br0"))]
            try socket.execute(.setTokenBucket(first, link: link.index, name: "br0"))
            refusals.append(socket.refusal(of: .setTokenBucket(second, link: link.index, name: "br0")))
            seen.append(try socket.discipline(.root, ofLink: link.index))
            try socket.execute(.setTokenBucket(second, link: link.index, name: "br0", replaces: true))
            refusals.append(socket.refusal(of: .deleteDiscipline(other, .root, link: link.index, name: "br0")))
            seen.append(try socket.discipline(.root, ofLink: link.index))
            try socket.execute(.deleteDiscipline(ours, .root, link: link.index, name: "br0"))
            seen.append(try socket.discipline(.root, ofLink: link.index))
            return (refusals.map { $0?.errno }, seen)
        }
        #expect(refusals == [.invalidArgument, .fileExists, .invalidArgument])
        #expect(seen.map { $0?.handle } == [0, 0x10000, 0x10000, 0])
        #expect(seen.map { $0?.tokenBucket?.rate } == [nil, 1_000_000, 2_000_000, nil])
    }

    @Test("Filters are read as they were added, and lose their block when it goes", arguments: [false, true])
    func filters(bothWays: Bool) throws {
        let networks = [try cidr("10.0.0.0/8"), try cidr("0.0.0.0/0"), try cidr("fd00::/61"), try cidr("::/0")]
        let (added, seen, orphaned, hook) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let link = try socket.makeBridge("br0")
            try socket.execute(.addIntermediateBlock("bwp0", mtu: 1400))
            let block = try socket.required("bwp0").index
            let directions: [TrafficFilter.Direction] = bothWays ? [.received, .sent] : [.received]
            var added: [TrafficFilter] = []
            for (number, direction) in directions.enumerated() {
                let first = UInt16(10 * number)
                for network in networks {
                    let priority = first + (network.family == .v4 ? 1 : 2)
                    added.append(.packets(direction, .source, in: network, priority: priority, .pass))
                }
                added.append(.everything(direction, priority: first + 3, .redirect(to: block)))
            }
            try socket.execute(
                [.addFilterHook(bothWays: bothWays, link: link.index, name: "br0")]
                    + added.map { .addFilter($0, bothWays: bothWays, link: link.index, name: "br0") }
            )
            let seen = try directions.flatMap { try socket.filters($0, ofLink: link.index) }
            let hook = try socket.discipline(.ingress, ofLink: link.index)
            try socket.execute(.deleteLink(named: "bwp0"))
            return (added, seen, try socket.filters(.received, ofLink: link.index).last, hook)
        }
        #expect(seen == added)
        #expect(orphaned?.verdict == .redirect(to: 0))
        #expect(hook == QueueingDiscipline(kind: bothWays ? "clsact" : "ingress", handle: 0xffff_0000))
    }

    @Test("Nothing waits for filters where nobody made a place")
    func noHook() throws {
        let (hook, refusal) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let link = try socket.makeBridge("br0")
            let before = try socket.discipline(.ingress, ofLink: link.index)
            try socket.execute(.addFilterHook(bothWays: false, link: link.index, name: "br0"))
            let ingress = QueueingDiscipline(kind: "ingress", handle: QueueingDiscipline.ingressHandle)
            try socket.execute(.deleteDiscipline(ingress, .ingress, link: link.index, name: "br0"))
            let refusal = socket.refusal(of: .deleteDiscipline(ingress, .ingress, link: link.index, name: "br0"))
            return ([before, try socket.discipline(.ingress, ofLink: link.index)], refusal)
        }
        #expect(hook == [nil, nil])
        #expect([.noSuchFileOrDirectory, .invalidArgument].contains(refusal?.errno))
    }

    @Test("A kernel says which queues it knows without making one")
    func probe() throws {
        let (known, before, after) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let before = try socket.discipline(.root, ofLink: 1)
            let known = socket.refusal(of: .probeTokenBucket(link: 1))
            return (known, before, try socket.discipline(.root, ofLink: 1))
        }
        #expect(known?.errno == .invalidArgument)
        #expect(before == after)
    }
}
