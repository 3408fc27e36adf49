// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import CNI
internal import HostLocal
package import JSON

/// Every value that rules a network's pools, and where it comes from: what `ipam config` says.
package struct EffectiveConfiguration {
    /// One value.
    package struct Property: Hashable, Sendable {
        /// As a configuration calls it, such as `rangeStart`.
        package let name: String
        package let value: String
        /// The place in the file, such as `plugins[0].ipam.policy`; nil when nothing is said and the default holds.
        package let origin: String?
    }

    private let network: PoolNetwork

    package init(_ network: PoolNetwork) {
        self.network = network
    }

    /// The values of one configuration, in the order in which they are documented.
    package func properties(of configuration: PoolConfiguration) -> [Property] {
        let (ipam, pools) = (configuration.ipam, configuration.pools)
        let list: ([String]) -> String = { $0.isEmpty ? "none" : $0.joined(separator: ", ") }
        var properties = [
            Property(name: "dataDir", value: pools.dataDirectory, origin: origin("dataDir", ipam)),
            Property(name: "policy", value: pools.rules.order.rawValue, origin: origin("policy", ipam)),
            Property(
                name: "quarantineSeconds",
                value: EffectiveConfiguration.seconds(pools.rules.quarantineNanoseconds),
                origin: origin("quarantineSeconds", ipam)
            ),
            Property(name: "sticky", value: pools.sticky, origin: origin("sticky", ipam)),
            Property(
                name: "exclude",
                value: list(pools.rules.excluded.runs.map { "\($0)" }),
                origin: origin("exclude", ipam)
            ),
            Property(
                name: "reserve",
                value: list(
                    pools.rules.reservations.entries.map { entry in
                        "\(entry.identity)=" + entry.addresses.map { "\($0)" }.joined(separator: "+")
                    }
                ),
                origin: origin("reserve", ipam)
            ),
        ]
        for (set, ranges) in sources(configuration).enumerated() where set < pools.rangeSets.count {
            for (number, source) in ranges.enumerated() where number < pools.rangeSets[set].ranges.count {
                properties += self.properties(of: pools.rangeSets[set].ranges[number], source, set, number)
            }
        }
        return properties
    }

    private func properties(
        of range: AddressRange,
        _ source: JSONReader,
        _ set: Int,
        _ number: Int
    ) -> [Property] {
        let values = [
            ("subnet", "\(range.subnet)"), ("rangeStart", "\(range.first)"), ("rangeEnd", "\(range.last)"),
            ("gateway", "\(range.gateway)"), ("onlink", "\(range.isGatewayOnLink)"),
        ]
        return values.map { key, value in
            Property(name: "ranges[\(set)][\(number)].\(key)", value: value, origin: origin(key, source))
        }
    }

    /// The objects that the range sets were read from: the older form first, as ADD has it.
    private func sources(_ configuration: PoolConfiguration) -> [[JSONReader]] {
        let ipam = configuration.ipam
        do throws(JSONTypeError) {
            var sources: [[JSONReader]] = []
            if let subnet = try ipam.string("subnet"), !subnet.isEmpty { sources.append([ipam]) }
            for set in try ipam.array("ranges") ?? [] { sources.append(try set.array()) }
            return sources
        } catch {
            // It was read once already.
            return []
        }
    }

    /// Where a value was written; nil when it was not, or as nothing.
    private func origin(_ key: String, _ reader: JSONReader) -> String? {
        do throws(JSONTypeError) {
            guard let member = try reader.member(key), member.value != .string("") else { return nil }
            return member.path
        } catch {
            return nil
        }
    }

    private static func seconds(_ nanoseconds: Int64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest == 0 ? "\(whole)" : "\(Double(nanoseconds) / 1_000_000_000)"
    }

    // MARK: - For people

    /// A table of the values, below a line that says whose they are.
    package func lines(hasHeader: Bool, _ look: Look) -> [String] {
        var lines: [String] = []
        for configuration in network.configurations {
            if !lines.isEmpty { lines.append("") }
            let columns = ["PROPERTY", "VALUE", "ORIGIN"].map { TextTable.Column($0) }
            let rows = properties(of: configuration).map { property in
                [
                    TextTable.Cell(property.name), TextTable.Cell(property.value),
                    property.origin.map { TextTable.Cell($0) } ?? TextTable.Cell("default", .dim),
                ]
            }
            let place = "\(configuration.file), plugin \(configuration.pluginType)"
            lines += ["\(look.tinted(network.name, .name))  \(look.tinted(place, .dim))"]
            lines += TextTable.lines(columns, rows, look, hasHeader: hasHeader)
        }
        guard lines.isEmpty else { return lines }
        return ["\(look.tinted(network.name, .name))  \(network.directory): no configuration"]
    }

    /// A few lines that introduce the network.
    package func summary(_ look: Look) -> [String] {
        let name = look.tinted(network.name, .bold)
        guard !network.configurations.isEmpty else { return ["\(name)  leases in \(network.directory)", ""] }
        return network.configurations.map { configuration in
            let rules = configuration.pools.rules
            let sticky = configuration.pools.sticky
            let words =
                ["plugin \(configuration.pluginType)", rules.order.rawValue]
                + (sticky == "false" ? [] : [sticky == "true" ? "sticky" : "sticky by \(sticky)"])
            return "\(name)  \(configuration.file): " + words.joined(separator: ", ")
        } + ["\(String(repeating: " ", count: network.name.count))  leases in \(network.directory)", ""]
    }

    // MARK: - For programs

    /// The whole, with keys that stay.
    package var json: JSONValue {
        .object([
            "network": .string(network.name),
            "directory": .string(network.directory),
            "configurations": .array(
                network.configurations.map { configuration in
                    .object([
                        "file": .string(configuration.file),
                        "plugin": .string(configuration.pluginType),
                        "place": .string(configuration.ipam.path),
                        "properties": .array(properties(of: configuration).map(EffectiveConfiguration.json)),
                    ])
                }
            ),
        ])
    }

    private static func json(_ property: Property) -> JSONValue {
        .object([
            "name": .string(property.name),
            "value": .string(property.value),
            "origin": property.origin.map { .string($0) } ?? .null,
        ])
    }
}
