// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// CHECK and STATUS
extension BandwidthShaper {
    /// Whether the limits are as ADD set them, be it ours or the reference's.
    func verify() throws(CNIError) {
        let configuration = try BandwidthConfiguration(request)
        guard configuration.limitsAnything else { return }
        guard let promised = request.configuration.previousResult else {
            throw CNIError(.invalidConfiguration, "required prevResult missing", details: "CHECK needs ADD's result")
        }
        let host = try translating(intention) { () throws(KernelError) in try NetlinkSocket() }
        let link = try hostEnd(in: promised, on: host)
        let plan = BandwidthPlan(configuration)
        let found = try translating("cannot look at container \(request.key.containerID)") { () throws(KernelError) in
            try complaints(about: plan, at: link, on: host)
        }
        guard found.isEmpty else {
            throw CNIError(
                .verificationFailed,
                "the bandwidth of container \(request.key.containerID) is not limited as promised",
                details: found.joined(separator: "; ")
            )
        }
    }

    private func complaints(
        about plan: BandwidthPlan,
        at link: Link,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] {
        var complaints: [String] = []
        if let direct = plan.direct, let complaint = try complaint(about: direct, at: link, on: host) {
            complaints.append(complaint)
        }
        let own = try ownBlocks(on: host)
        var there: [BandwidthPlan.Block] = []
        for way in plan.ways {
            let names = request.key.blockNames(way)
            guard let block = own.first(where: { names.contains($0.link.name) })?.link else {
                complaints.append("ifb \(names[0]) is missing")
                continue
            }
            there.append(BandwidthPlan.Block(way: way, index: block.index))
            if !block.isUp { complaints.append("ifb \(block.name) is down") }
            if let limit = plan.limit(way), let complaint = try complaint(about: limit, at: block, on: host) {
                complaints.append(complaint)
            }
        }
        guard !there.isEmpty else { return complaints }
        guard try host.discipline(.ingress, ofLink: link.index) != nil else {
            return complaints + ["\(link.name) has no qdisc for filters"]
        }
        var filters = try host.filters(.received, ofLink: link.index)
        if plan.filtersBothWays { filters += try host.filters(.sent, ofLink: link.index) }
        let missing = plan.filters(there).filter { !filters.contains($0) }
        if !missing.isEmpty {
            complaints.append("\(link.name) lacks \(missing.count) of the filters that lead packets to the ifb")
        }
        return complaints
    }

    private func complaint(
        about limit: BandwidthLimit,
        at link: Link,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> String? {
        guard let bucket = try host.discipline(.root, ofLink: link.index)?.tokenBucket else {
            return "\(link.name) has no qdisc tbf"
        }
        guard !limit.isHeld(by: bucket) else { return nil }
        let promised = limit.tokenBucket
        return
            "\(link.name) is limited to rate \(bucket.rate) B/s, buffer \(bucket.buffer) ticks, limit \(bucket.limit) B"
            + " instead of \(promised.rate), \(promised.buffer), \(promised.limit)"
    }

    /// Whether the kernel could limit, if the network itself asks for it.
    ///
    /// Only for the token bucket can that be found out without changing anything: to ask for an ifb may load a module
    /// that makes links of its own.
    func probe() throws(CNIError) {
        guard try BandwidthConfiguration(request).limitsAnything else { return }
        do throws(KernelError) {
            let host = try NetlinkSocket()
            // The first link of every namespace is its loopback interface.
            try host.execute(.probeTokenBucket(link: 1))
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { return }
            throw CNIError(
                .unavailable,
                "the kernel cannot limit bandwidth",
                details: "\(error); \(BandwidthShaper.needs)"
            )
        }
    }
}
