// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Journal
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// ADD
extension BandwidthShaper {
    /// Sets the limits, or nothing.
    ///
    /// What an earlier ADD of the same attachment left is replaced.
    ///
    /// - Returns: the previous result, with the block for what the container sends.
    func shape() throws(CNIError) -> AddResult {
        let configuration = try BandwidthConfiguration(request)
        guard var result = request.configuration.previousResult else {
            throw CNIError(
                .invalidConfiguration,
                "missing prevResult from earlier plugin",
                details: "bandwidth must be chained behind a plugin that makes a veth pair, such as bridge or ptp"
            )
        }
        guard configuration.limitsAnything else { return result }
        let plan = BandwidthPlan(configuration)
        let host = try translating(intention) { () throws(KernelError) in try NetlinkSocket() }
        let hostEnd = try hostEnd(in: result, on: host)
        warn(configuration, mtu: hostEnd.mtu)
        let site = try translating(intention) { () throws(KernelError) in
            try BandwidthSite(for: plan, at: hostEnd, by: self, on: host)
        }
        request.notes.enter(.links)
        do throws(KernelError) {
            result.interfaces += try site.build(on: host)
        } catch {
            throw refused(error).adding(leftovers: site.clear(on: host))
        }
        return result
    }

    /// A burst that holds no whole packet stops all of them.
    private func warn(_ configuration: BandwidthConfiguration, mtu: UInt32) {
        // Octets of an Ethernet header, which the kernel counts.
        let packet = UInt64(mtu) + 14
        for (way, limit) in [("ingress", configuration.ingress), ("egress", configuration.egress)] {
            guard let limit, limit.burstOctets < packet else { continue }
            Machine.log(
                "bandwidth: \(way)Burst of \(limit.burst) bits is less than a packet of \(packet) octets: "
                    + "such packets will be dropped"
            )
        }
    }

    /// What the kernel refused, and whether it could have done otherwise.
    func refused(_ error: KernelError) -> CNIError {
        // An unknown kind of link is not supported, of a queue or a filter there is no such file.
        guard error.errno == .notSupported || error.errno == .noSuchFileOrDirectory else {
            return CNIError(.kernelRefused, intention, error)
        }
        return CNIError(
            .unsupportedField,
            "\(intention): the kernel lacks what it takes",
            details: "\(error); \(BandwidthShaper.needs)"
        )
    }

    static let needs = "limits need ifb, sch_tbf, sch_ingress, cls_u32 and act_mirred"
}

extension CNIError {
    fileprivate func adding(leftovers: [String]) -> CNIError {
        leftovers.isEmpty ? self : adding("left behind: \(leftovers.joined(separator: "; "))")
    }
}
