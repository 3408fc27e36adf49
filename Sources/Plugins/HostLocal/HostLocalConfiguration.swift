// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import JSON
internal import Linux
internal import Plugin

/// The `ipam` object of a network that host-local serves, parsed and validated completely.
struct HostLocalConfiguration {
    /// One address is taken from each.
    let rangeSets: [RangeSet]
    /// Those of the configuration, as they are.
    let routes: [AddResult.Route]
    /// Whose content becomes the result's DNS settings; read when it is needed.
    private let resolverFile: String
    /// What is said of addresses besides the ranges.
    let rules: PoolRules
    /// What the container is known by, for whom addresses are reserved and remembered; nil when it is by nothing.
    let identity: String?
    /// Whether an address is remembered for who had it.
    let isSticky: Bool
    /// Addresses somebody asked for, in the order of their sources, each once.
    let requested: [IPAddress]

    init(_ request: Request) throws(CNIError) {
        let configuration = request.configuration
        guard let ipam = configuration.ipam else {
            throw CNIError(.invalidConfiguration, "IPAM config missing 'ipam' key")
        }
        rangeSets = try HostLocalConfiguration.rangeSets(ipam, configuration.runtimeConfig)
        routes = try HostLocalConfiguration.translated { () throws(JSONTypeError) in
            var routes: [AddResult.Route] = []
            for route in try ipam.array("routes") ?? [] { routes.append(try AddResult.Route(route)) }
            return routes
        }
        resolverFile = try HostLocalConfiguration.translated { () throws(JSONTypeError) in
            try ipam.string("resolvConf") ?? ""
        }
        guard !rangeSets.isEmpty else {
            throw CNIError(
                .invalidConfiguration,
                "no IP ranges specified",
                details: "give ipam.ranges (or ipam.subnet, or the capability ipRanges)"
            )
        }
        try HostLocalConfiguration.requireOnePerFamily(rangeSets, configuration.version)
        requested = try HostLocalConfiguration.requested(request)
        rules = try PoolRules(ipam)
        let known = try ContainerIdentity(request, ipam, rules.reservations)
        isSticky = known.isSticky
        identity = known.name
    }

    /// The legacy single range first, then the runtime's, then the configured ones.
    static func rangeSets(_ ipam: JSONReader, _ runtimeConfig: JSONReader?) throws(CNIError) -> [RangeSet] {
        let descriptions = try translated { () throws(JSONTypeError) in
            var descriptions: [[JSONReader]] = []
            if let subnet = try ipam.string("subnet"), !subnet.isEmpty { descriptions.append([ipam]) }
            // containerd's library sends a flat list of ranges where others send a list of lists.
            for set in try runtimeConfig?.array("ipRanges") ?? [] {
                if case .object = set.value { descriptions.append([set]) } else { descriptions.append(try set.array()) }
            }
            for set in try ipam.array("ranges") ?? [] { descriptions.append(try set.array()) }
            return descriptions
        }
        var sets: [RangeSet] = []
        for (index, ranges) in descriptions.enumerated() {
            var parsed: [AddressRange] = []
            for range in ranges { parsed.append(try addressRange(range)) }
            do throws(PoolError) {
                sets.append(try RangeSet(parsed))
            } catch {
                throw invalid("invalid range set \(index): \(error)", ranges.first ?? ipam)
            }
        }
        do throws(PoolError) {
            try RangeSet.requireDisjoint(sets)
        } catch {
            throw invalid("\(error)", ipam)
        }
        return sets
    }

    private static func addressRange(_ reader: JSONReader) throws(CNIError) -> AddressRange {
        let (subnet, start, end, gateway, isOnLink) = try translated { () throws(JSONTypeError) in
            guard let subnet = try reader.cidr("subnet") else {
                throw JSONTypeError(path: reader.path, expected: "a range with a subnet", found: "none")
            }
            let start = try reader.ipAddress("rangeStart")
            let (end, gateway) = (try reader.ipAddress("rangeEnd"), try reader.ipAddress("gateway"))
            return (subnet, start, end, gateway, try reader.bool("onlink") ?? false)
        }
        do throws(PoolError) {
            return try AddressRange(
                subnet: subnet,
                rangeStart: start,
                rangeEnd: end,
                gateway: gateway,
                isGatewayOnLink: isOnLink
            )
        } catch {
            throw invalid("\(error)", reader)
        }
    }

    /// The routes of a container with addresses from these ranges.
    ///
    /// First those to routers that are on the link but outside of their subnet: without them no route could lead through
    /// such a router. IPv6 knows by itself what is on the link when the address says so (RFC 4291, 2.5.6).
    func routes(from ranges: [AddressRange]) -> [AddResult.Route] {
        var added: [AddResult.Route] = []
        for range in ranges where range.isGatewayOnLink && !range.subnet.contains(range.gateway) {
            let way = AddResult.Route(destination: .host(range.gateway), scope: HostLocalConfiguration.linkScope)
            if range.gateway.family == .v6, range.gateway.isLinkLocalUnicast { continue }
            if !(added + routes).contains(where: { $0.destination == way.destination }) { added.append(way) }
        }
        return added + routes
    }

    /// rtnetlink(7), `rtm_scope`.
    private static let linkScope = 253

    private static func invalid(_ message: String, _ reader: JSONReader) -> CNIError {
        let place = reader.path.isEmpty ? "ipam" : reader.path
        return CNIError(.invalidConfiguration, message, details: "correct the ranges in \(place)")
    }

    private static func requireOnePerFamily(_ sets: [RangeSet], _ version: CNIVersion) throws(CNIError) {
        guard version < .v0_3_0 else { return }
        for family in [AddressFamily.v4, .v6] where sets.filter({ $0.family == family }).count > 1 {
            throw CNIError(
                .invalidConfiguration,
                "CNI version \(version) does not support more than 1 address per family",
                details: "use cniVersion 0.3.0 or newer for several \(family.name) range sets"
            )
        }
    }

    /// CNI_ARGS, `args.cni.ips` and the capability `ips` add up.
    private static func requested(_ request: Request) throws(CNIError) -> [IPAddress] {
        var addresses: [IPAddress] = []
        for text in try request.arguments().ips { try add(text, from: "CNI_ARGS IP", to: &addresses) }
        for reader in [request.configuration.arguments, request.configuration.runtimeConfig] {
            for element in try translated({ () throws(JSONTypeError) in try reader?.array("ips") }) ?? [] {
                let text = try translated { () throws(JSONTypeError) in try element.string() }
                try add(text, from: element.path, to: &addresses)
            }
        }
        return addresses
    }

    private static func add(_ text: String, from source: String, to addresses: inout [IPAddress]) throws(CNIError) {
        guard let address = CIDR(text)?.address ?? IPAddress(text) else {
            throw CNIError(.invalidConfiguration, "invalid IP address \"\(text)\"", details: "given by \(source)")
        }
        if !addresses.contains(address) { addresses.append(address) }
    }

    static func translated<Value>(_ read: () throws(JSONTypeError) -> Value) throws(CNIError) -> Value {
        do throws(JSONTypeError) {
            return try read()
        } catch {
            throw CNIError(error, in: "network configuration")
        }
    }

    /// What the resolver's file says, resolv.conf(5), without what containers have no use for.
    func dns() throws(CNIError) -> DNS {
        let path = resolverFile
        guard !path.isEmpty else { return DNS() }
        let content: [UInt8]
        do throws(KernelError) {
            content = try Descriptor(opening: path, 0).readAll(path, limit: 1 << 20)
        } catch {
            throw CNIError(.invalidConfiguration, "cannot read ipam.resolvConf", error)
        }
        var dns = DNS()
        for line in String(decoding: content, as: UTF8.self).split(whereSeparator: { $0.isNewline }) {
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard let keyword = words.first, words.count > 1 else { continue }
            switch keyword {
            case "nameserver": dns.nameservers.append(words[1])
            case "domain": dns.domain = words[1]
            case "search": dns.search += words.dropFirst()
            case "options": dns.options += words.dropFirst()
            // Comments, and keywords of other resolvers.
            default: continue
            }
        }
        return dns
    }
}
