// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// The place where a plan is carried out: one host's end, and what is there already.
struct BandwidthSite {
    private let plan: BandwidthPlan
    private let shaper: BandwidthShaper
    private let link: Link
    /// The host's end has a token bucket of ours, or of the reference's.
    private let replacesBucket: Bool
    /// What an earlier ADD of this attachment left and this one has no use for.
    private let stale: [NetlinkRequest]
    /// The blocks to make.
    private let blocks: [(way: ShapedWay, name: String)]

    /// Looks around; changes nothing.
    ///
    /// - Throws: ``KernelError``; `EEXIST` when somebody else has queues or filters at the host's end.
    init(
        for plan: BandwidthPlan,
        at link: Link,
        by shaper: BandwidthShaper,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) {
        let left = try shaper.ownBlocks(on: host)
        var stale: [NetlinkRequest] = []
        var replacesBucket = false
        if let root = try host.discipline(.root, ofLink: link.index), root.handle != 0 {
            guard root.kind == "tbf", root.handle == QueueingDiscipline.tokenBucketHandle else {
                throw BandwidthSite.taken(root, "root", link)
            }
            replacesBucket = plan.direct != nil
            if !replacesBucket { stale.append(.deleteDiscipline(root, .root, link: link.index, name: link.name)) }
        }
        if let hook = try host.discipline(.ingress, ofLink: link.index) {
            guard try shaper.isOwnHook(hook, of: link, blocks: left, on: host) else {
                throw BandwidthSite.taken(hook, hook.kind, link)
            }
            stale.append(.deleteDiscipline(hook, .ingress, link: link.index, name: link.name))
        }
        for block in left { stale.append(.deleteLink(named: block.link.name)) }
        var blocks: [(way: ShapedWay, name: String)] = []
        for way in plan.ways { blocks.append((way, try shaper.blockName(way, on: host))) }
        self.plan = plan
        self.shaper = shaper
        self.link = link
        self.replacesBucket = replacesBucket
        self.stale = stale
        self.blocks = blocks
    }

    private static func taken(_ discipline: QueueingDiscipline, _ place: String, _ link: Link) -> KernelError {
        KernelError(
            "limit \(link.name)",
            .fileExists,
            explanation: "somebody has put a qdisc \(discipline.kind) there: "
                + "remove it with tc qdisc delete dev \(link.name) \(place)"
        )
    }

    /// Carries the plan out: blocks, queues, filters, in two messages to the kernel.
    ///
    /// - Returns: the blocks, for the result.
    /// - Throws: ``KernelError``; then `clear` has to be called.
    func build(on host: borrowing NetlinkSocket) throws(KernelError) -> [AddResult.Interface] {
        var requests = stale
        for block in blocks {
            requests.append(.addIntermediateBlock(block.name, mtu: link.mtu))
            requests.append(.setAlias(shaper.request.key.blockNote, ofLinkNamed: block.name))
        }
        try host.execute(requests)
        requests = []
        var made: [BandwidthPlan.Block] = []
        var interfaces: [AddResult.Interface] = []
        for block in blocks {
            guard let there = try host.link(named: block.name) else {
                throw KernelError("find ifb \(block.name)", .noSuchDevice)
            }
            made.append(BandwidthPlan.Block(way: block.way, index: there.index))
            interfaces.append(AddResult.Interface(name: block.name, mac: there.address.map { "\($0)" } ?? ""))
            // Its queue comes first: a link that is down has no other to be replaced, which takes the kernel long.
            if let limit = plan.limit(block.way) {
                requests.append(.setTokenBucket(limit.tokenBucket, link: there.index, name: block.name))
            }
            requests.append(.setUp(true, link: there.index, name: block.name))
        }
        if !blocks.isEmpty {
            let bothWays = plan.filtersBothWays
            requests.append(.addFilterHook(bothWays: bothWays, link: link.index, name: link.name))
            for filter in plan.filters(made) {
                requests.append(.addFilter(filter, bothWays: bothWays, link: link.index, name: link.name))
            }
        }
        if let direct = plan.direct {
            requests.append(
                .setTokenBucket(direct.tokenBucket, link: link.index, name: link.name, replaces: replacesBucket)
            )
        }
        try send(requests, on: host)
        return interfaces
    }

    /// A datagram must fit into the socket's buffer; a hundred subnets do.
    private func send(_ requests: [NetlinkRequest], on host: borrowing NetlinkSocket) throws(KernelError) {
        var start = 0
        while start < requests.count {
            let end = min(start + 64, requests.count)
            try host.execute(Array(requests[start..<end]))
            start = end
        }
    }

    /// Takes away whatever `build` may have made before it was refused.
    ///
    /// - Returns: what could not be taken away, in words.
    func clear(on host: borrowing NetlinkSocket) -> [String] {
        var leftovers: [String] = []
        var requests: [NetlinkRequest] = []
        if plan.direct != nil {
            let bucket = QueueingDiscipline(kind: "tbf", handle: QueueingDiscipline.tokenBucketHandle)
            requests.append(.deleteDiscipline(bucket, .root, link: link.index, name: link.name))
        }
        if !blocks.isEmpty {
            let kind = plan.filtersBothWays ? "clsact" : "ingress"
            let hook = QueueingDiscipline(kind: kind, handle: QueueingDiscipline.ingressHandle)
            requests.append(.deleteDiscipline(hook, .ingress, link: link.index, name: link.name))
        }
        do throws(KernelError) {
            for block in try shaper.ownBlocks(on: host) { requests.append(.deleteLink(named: block.link.name)) }
        } catch {
            leftovers.append("\(error)")
        }
        for request in requests {
            do throws(KernelError) {
                try host.execute(request)
            } catch {
                // Never made, or gone with the link.
                guard ![.noSuchFileOrDirectory, .invalidArgument, .noSuchDevice].contains(error.errno) else { continue }
                leftovers.append("\(error)")
            }
        }
        return leftovers
    }
}
