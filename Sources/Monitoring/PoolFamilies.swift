// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import LeaseStore
package import Pools

/// How full pools are, as metrics.
package struct PoolFamilies {
    /// The ranges that a container gets one address of.
    private struct Key: Hashable {
        let network: String
        let family: AddressFamily
        let set: Int
    }

    private var usages: [Key: PoolUsage] = [:]
    private var order: [Key] = []
    /// Ranges that were added: networks of several files are the same pool.
    private var known: Set<String> = []
    private var strays: [(network: String, count: UInt64)] = []

    package init() {}

    /// Adds what is known of one network.
    package mutating func add(_ usage: NetworkUsage) {
        for pool in usage.pools {
            let identity = "\(usage.network.directory) \(pool.rangeSet) \(pool.range)"
            guard known.insert(identity).inserted else { continue }
            let key = Key(
                network: usage.network.name,
                family: pool.range.subnet.address.family,
                set: pool.rangeSet
            )
            if usages[key] == nil { order.append(key) }
            usages[key] = (usages[key] ?? PoolUsage()) + pool.usage
        }
        let name = usage.network.name
        if let index = strays.firstIndex(where: { $0.network == name }) {
            strays[index].count += usage.strays
        } else {
            strays.append((name, usage.strays))
        }
    }

    /// The three families.
    package var families: [MetricFamily] {
        var capacity = MetricFamily(.poolCapacity)
        var states = MetricFamily(.pool)
        for key in order {
            guard let usage = usages[key] else { continue }
            let labels = [key.network, key.family == .v4 ? "ipv4" : "ipv6", "\(key.set)"]
            capacity.add(labels, .count(usage.total))
            let suspect = min(usage.suspect, usage.used)
            for (state, count) in [
                ("leased", usage.used - suspect), ("suspect", suspect), ("reserved", usage.reserved),
                ("resting", usage.quarantined), ("free", usage.free),
            ] {
                states.add(labels + [state], .count(count))
            }
        }
        var stray = MetricFamily(.strayLeases)
        for (network, count) in strays { stray.add([network], .count(UInt128(count))) }
        return [capacity, states, stray]
    }
}
