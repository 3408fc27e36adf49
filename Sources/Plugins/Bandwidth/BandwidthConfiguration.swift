// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Plugin

/// What a network and its runtime say about bandwidth, parsed and validated completely.
struct BandwidthConfiguration: Hashable {
    /// Whose packets are limited: those from and to these addresses outside of the container.
    enum Subnets: Hashable {
        case all
        case only([CIDR])
        case allBut([CIDR])
    }

    /// What the container receives; nil is without limit.
    let ingress: BandwidthLimit?
    /// What the container sends; nil is without limit.
    let egress: BandwidthLimit?
    let subnets: Subnets

    init(ingress: BandwidthLimit?, egress: BandwidthLimit?, subnets: Subnets) {
        self.ingress = ingress
        self.egress = egress
        self.subnets = subnets
    }

    init(_ request: Request) throws(CNIError) {
        let network: LimitSettings
        let runtime: LimitSettings
        do throws(JSONTypeError) {
            network = try LimitSettings(request.configuration.reader)
            runtime = try LimitSettings(request.configuration.runtimeConfig?.object("bandwidth"))
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        let limits = network.hasLimits ? network : runtime
        ingress = try BandwidthConfiguration.limit("ingress", limits.ingressRate, limits.ingressBurst)
        egress = try BandwidthConfiguration.limit("egress", limits.egressRate, limits.egressBurst)
        let shaped = network.shaped ?? runtime.shaped ?? []
        let unshaped = network.unshaped ?? runtime.unshaped ?? []
        guard shaped.isEmpty || unshaped.isEmpty else {
            throw CNIError(
                .invalidConfiguration,
                "shapedSubnets and unshapedSubnets are both set",
                details: "give the subnets to limit, or those to exempt"
            )
        }
        subnets = !shaped.isEmpty ? .only(shaped) : !unshaped.isEmpty ? .allBut(unshaped) : .all
    }

    var limitsAnything: Bool { ingress != nil || egress != nil }

    /// One way's limit; nil when there is none, and both numbers are 0.
    private static func limit(_ way: String, _ rate: UInt64, _ burst: UInt64) throws(CNIError) -> BandwidthLimit? {
        if rate == 0, burst == 0 { return nil }
        guard burst != 0 else {
            throw CNIError(
                .invalidConfiguration,
                "if \(way)Rate is set, \(way)Burst must be set too",
                details: "\(way)Rate is \(rate) bit/s; add \(way)Burst in bits, such as \(max(rate / 10, 160_000))"
            )
        }
        guard rate != 0 else {
            throw CNIError(
                .invalidConfiguration,
                "if \(way)Burst is set, \(way)Rate must be set too",
                details: "\(way)Burst is \(burst) bits; add \(way)Rate in bits per second, or drop \(way)Burst"
            )
        }
        guard rate >= 8, burst >= 8 else {
            throw CNIError(
                .invalidConfiguration,
                rate < 8 ? "\(way)Rate: \(rate) bit/s is too little" : "\(way)Burst: \(burst) bits are too little",
                details: "the kernel counts octets: 8 is the least, and a burst should hold a whole packet"
            )
        }
        return BandwidthLimit(rate: rate, burst: burst)
    }
}

/// The members, wherever they stand.
private struct LimitSettings {
    var ingressRate: UInt64 = 0
    var ingressBurst: UInt64 = 0
    var egressRate: UInt64 = 0
    var egressBurst: UInt64 = 0
    /// Whether one of the four is there, be it 0.
    var hasLimits = false
    var shaped: [CIDR]?
    var unshaped: [CIDR]?

    /// The highest burst in bits, above what 32 bits of octets can hold: containerd sends 2^32 - 1, CRI-O 2^35 - 9.
    private static let highestBurst = 1 << 35

    init(_ reader: JSONReader?) throws(JSONTypeError) {
        guard let reader else { return }
        for key in ["ingressRate", "ingressBurst", "egressRate", "egressBurst"] {
            let isRate = key.hasSuffix("Rate")
            guard let number = try reader.integer(key, in: 0...(isRate ? Int.max : LimitSettings.highestBurst)) else {
                continue
            }
            hasLimits = true
            switch key {
            case "ingressRate": ingressRate = UInt64(number)
            case "ingressBurst": ingressBurst = UInt64(number)
            case "egressRate": egressRate = UInt64(number)
            default: egressBurst = UInt64(number)
            }
        }
        shaped = try LimitSettings.subnets(reader, "shapedSubnets")
        unshaped = try LimitSettings.subnets(reader, "unshapedSubnets")
    }

    /// Without repetitions, in their order.
    private static func subnets(_ reader: JSONReader, _ key: String) throws(JSONTypeError) -> [CIDR]? {
        guard let elements = try reader.array(key) else { return nil }
        var subnets: [CIDR] = []
        for element in elements {
            let subnet = try element.cidr().network
            if !subnets.contains(subnet) { subnets.append(subnet) }
        }
        return subnets
    }
}
