// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Plugin

/// What a plugin of type `sbr` says, parsed and validated completely.
struct SourceRoutingConfiguration {
    /// A table that somebody else fills: only rules are made.
    let table: Int?
    /// Of each family one at most; instead of the gateways that the addresses came with.
    let gateways: [IPAddress]
    /// Whether the main table keeps the routes to the addresses' own networks.
    let addsSourceHints: Bool

    init(_ request: Request) throws(CNIError) {
        var gateways: [IPAddress] = []
        do throws(JSONTypeError) {
            let reader = request.configuration.reader
            table = try SourceRoutingConfiguration.table(reader)
            addsSourceHints = try reader.bool("addSourceHints") ?? false
            for element in try reader.array("gateways") ?? [] {
                guard let gateway = try element.ipAddress() else { throw element.mismatch(expected: "an IP address") }
                gateways.append(gateway)
            }
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        for family in [AddressFamily.v4, .v6] {
            let ofFamily = gateways.filter { $0.family == family }
            guard ofFamily.count < 2 else {
                throw CNIError(
                    .invalidConfiguration,
                    "gateways: more than one \(family.name) gateway",
                    details: "\(ofFamily.map { "\($0)" }.joined(separator: ", ")); give one for each family at most"
                )
            }
        }
        self.gateways = gateways
    }

    /// 0 would have the kernel choose one; the others are all that it knows.
    static func table(_ reader: JSONReader) throws(JSONTypeError) -> Int? {
        try reader.integer("table", in: 1...Int(UInt32.max))
    }

    /// The gateway that packets from an address leave by; nil when nobody names one.
    func gateway(for ip: AddResult.IPConfiguration) -> IPAddress? {
        gateways.first { $0.family == ip.address.family } ?? ip.gateway
    }

    /// Whether it is the configuration that names the gateway of a family.
    func hasGateway(_ family: AddressFamily) -> Bool {
        gateways.contains { $0.family == family }
    }
}
