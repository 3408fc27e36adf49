// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Plugin

/// The `ipam` object of a network that static serves, and what the runtime named for this container, validated.
struct StaticConfiguration {
    /// What the container gets, in the order of its sources; may be empty where no container is concerned.
    let addresses: [NamedAddress]
    /// Returned as they are.
    let routes: [AddResult.Route]
    /// Returned as they are.
    let dns: DNS
    /// Where host-local keeps the leases of a network of this name, `<ipam.dataDir>/<name>`: it may have been used before.
    let leaseDirectory: String

    init(_ request: Request) throws(CNIError) {
        guard let ipam = request.configuration.ipam else {
            throw CNIError(
                .invalidConfiguration,
                "IPAM config missing 'ipam' key",
                details: "give ipam with type \"static\""
            )
        }
        addresses = try StaticConfiguration.addresses(ipam, request)
        (routes, dns) = try translated { () throws(JSONTypeError) in
            var routes: [AddResult.Route] = []
            for route in try ipam.array("routes") ?? [] { routes.append(try AddResult.Route(route)) }
            return (routes, try DNS(ipam.object("dns")))
        }
        let root = try translated { () throws(JSONTypeError) in try ipam.string("dataDir") ?? "" }
        leaseDirectory = "\(root.isEmpty ? "/var/lib/cni/networks" : root)/\(request.configuration.name)"
        try requireOnePerFamily(request.configuration.version)
    }

    /// The configured ones and those of CNI_ARGS; or those of `args.cni.ips` alone; or those of the capability alone.
    private static func addresses(_ ipam: JSONReader, _ request: Request) throws(CNIError) -> [NamedAddress] {
        let arguments = try request.arguments()
        // Wrong arguments are wrong even if nobody needs them.
        let given = try addresses(of: arguments)
        var addresses: [NamedAddress] = []
        if let instead = try replacement(request) {
            addresses = try distinct(instead)
        } else {
            addresses = try distinct(try configured(ipam))
            for address in try distinct(given) {
                // Asked for once more, not twice.
                guard !addresses.contains(where: { $0.address == address.address }) else { continue }
                addresses.append(address)
            }
            addresses = try distinct(addresses)
        }
        return try direct(addresses, arguments)
    }

    private static func configured(_ ipam: JSONReader) throws(CNIError) -> [NamedAddress] {
        var addresses: [NamedAddress] = []
        for element in try translated({ () throws(JSONTypeError) in try ipam.array("addresses") }) ?? [] {
            let (text, gateway) = try translated { () throws(JSONTypeError) in
                (try element.string("address") ?? "", try element.ipAddress("gateway"))
            }
            addresses.append(
                try NamedAddress(
                    text,
                    gateway: gateway,
                    place: "\(element.path).address",
                    demand: "the 'address' field is expected to be in CIDR notation"
                )
            )
        }
        return addresses
    }

    private static func addresses(of arguments: CNIArguments) throws(CNIError) -> [NamedAddress] {
        var addresses: [NamedAddress] = []
        for text in arguments.ips {
            addresses.append(
                try NamedAddress(
                    trimmed(text),
                    place: "IP in CNI_ARGS",
                    code: .invalidEnvironment,
                    demand: "the 'ip' field is expected to be in CIDR notation"
                )
            )
        }
        return addresses
    }

    /// What the runtime names instead of all others; of two lists the capability's counts, an empty one does not.
    private static func replacement(_ request: Request) throws(CNIError) -> [NamedAddress]? {
        for reader in [request.configuration.runtimeConfig, request.configuration.arguments] {
            let elements = try translated { () throws(JSONTypeError) in try reader?.array("ips") } ?? []
            guard !elements.isEmpty else { continue }
            var addresses: [NamedAddress] = []
            for element in elements {
                addresses.append(
                    try NamedAddress(
                        try translated { () throws(JSONTypeError) in try element.string() },
                        place: element.path,
                        demand: "an entry in the 'ips' field is NOT in CIDR notation"
                    )
                )
            }
            return addresses
        }
        return nil
    }

    /// `GATEWAY` of CNI_ARGS goes to every address whose network it is in, but to none that is configured with another.
    private static func direct(
        _ addresses: [NamedAddress],
        _ arguments: CNIArguments
    ) throws(CNIError) -> [NamedAddress] {
        var directed = addresses
        for text in arguments.gateways {
            guard let gateway = IPAddress(trimmed(text)) else {
                throw CNIError(
                    .invalidEnvironment,
                    "invalid gateway address: \(text)",
                    details: "correct GATEWAY in CNI_ARGS: addresses without prefix, commas between"
                )
            }
            for (index, address) in addresses.enumerated()
            where address.gateway == nil && address.address.contains(gateway) { directed[index].gateway = gateway }
        }
        return directed
    }

    private static func distinct(_ addresses: [NamedAddress]) throws(CNIError) -> [NamedAddress] {
        for (index, address) in addresses.enumerated() {
            guard let twin = addresses[..<index].first(where: { $0.excludes(address) }) else { continue }
            throw CNIError(
                .invalidConfiguration,
                "IP address \(address.address.address) is named twice",
                details: "by \(twin.place) and \(address.place); remove one"
            )
        }
        return addresses
    }

    private func requireOnePerFamily(_ version: CNIVersion) throws(CNIError) {
        guard version < .v0_3_0 else { return }
        for family in [AddressFamily.v4, .v6] where addresses.filter({ $0.address.family == family }).count > 1 {
            throw CNIError(
                .invalidConfiguration,
                "CNI version \(version) does not support more than 1 address per family",
                details: "use cniVersion 0.3.0 or newer for several \(family.name) addresses"
            )
        }
    }
}

private func translated<Value>(_ read: () throws(JSONTypeError) -> Value) throws(CNIError) -> Value {
    do throws(JSONTypeError) {
        return try read()
    } catch {
        throw CNIError(error, in: "network configuration")
    }
}

/// Without the blanks around it, which lists in CNI_ARGS may have behind their commas.
private func trimmed(_ text: String) -> String {
    let isVisible: (UInt8) -> Bool = { $0 > UInt8(ascii: " ") }
    guard let first = text.utf8.firstIndex(where: isVisible), let last = text.utf8.lastIndex(where: isVisible)
    else { return "" }
    return String(decoding: text.utf8[first...last], as: UTF8.self)
}
