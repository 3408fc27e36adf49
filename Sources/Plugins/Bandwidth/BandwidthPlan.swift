// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Netlink

/// What has to be made for a configuration, decided without asking the kernel.
///
/// A limit for everything the container receives is a token bucket at the host's end of its pair. Anything else, what
/// it sends, or what only some of the packets obey, takes a block: filters at the host's end redirect packets to it,
/// a token bucket delays them there, and the block sends them back to where they came from.
struct BandwidthPlan: Hashable {
    let configuration: BandwidthConfiguration

    /// One block that is there: which packets it delays, and its index.
    struct Block: Hashable {
        let way: ShapedWay
        let index: Int32
    }

    init(_ configuration: BandwidthConfiguration) {
        self.configuration = configuration
    }

    /// Which ways take a block.
    var ways: [ShapedWay] {
        var ways: [ShapedWay] = []
        if configuration.egress != nil { ways.append(.egress) }
        if configuration.ingress != nil, configuration.subnets != .all { ways.append(.ingress) }
        return ways
    }

    /// What the host's end itself is limited to.
    var direct: BandwidthLimit? { configuration.subnets == .all ? configuration.ingress : nil }

    /// Whether the filters' place has to show what the host's end sends, too.
    var filtersBothWays: Bool { configuration.subnets != .all }

    /// The limit a block keeps.
    func limit(_ way: ShapedWay) -> BandwidthLimit? { way == .egress ? configuration.egress : configuration.ingress }

    /// The filters of the host's end, in the order in which they are tried.
    func filters(_ blocks: [Block]) -> [TrafficFilter] {
        blocks.flatMap { filters($0) }
    }

    private func filters(_ block: Block) -> [TrafficFilter] {
        // The host's end receives what the container sends. The address that counts is the one outside.
        let direction: TrafficFilter.Direction = block.way == .egress ? .received : .sent
        let end: TrafficFilter.End = block.way == .egress ? .destination : .source
        let toBlock = TrafficFilter.Verdict.redirect(to: block.index)
        // Apart, because the kernel lists filters of one priority together, whatever their direction.
        let first: UInt16 = block.way == .egress ? 1 : 11
        func filters(_ subnets: [CIDR], _ verdict: TrafficFilter.Verdict) -> [TrafficFilter] {
            // Filters of one priority have one protocol.
            subnets.map { subnet in
                let priority = first + (subnet.family == .v4 ? 0 : 1)
                return .packets(direction, end, in: subnet, priority: priority, verdict)
            }
        }
        switch configuration.subnets {
        case .all: return [.everything(direction, priority: first, toBlock)]
        case .only(let subnets): return filters(subnets, toBlock)
        case .allBut(let subnets):
            return filters(subnets, .pass) + [.everything(direction, priority: first + 2, toBlock)]
        }
    }
}
