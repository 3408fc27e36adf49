// SPDX-License-Identifier: Apache-2.0
internal import Journal
package import Meters

/// What calls of plugins counted, as metrics.
package enum CounterFamilies {
    /// How those are named that found no place; no plugin and no network can be called so.
    static let other = "(other)"

    /// One family for each of ``MetricDescription/counted``, without values where nothing was counted.
    package static func families(_ reading: MeterReading?) -> [MetricFamily] {
        MetricDescription.counted.map { description in
            var family = MetricFamily(description)
            if let reading { fill(&family, reading) }
            return family
        }
    }

    private static func fill(_ family: inout MetricFamily, _ reading: MeterReading) {
        switch family.description {
        case .countersBegun: family.add([], .nanoseconds(reading.bornNanoseconds))
        case .leasesGiven, .leasesReleased, .leasesReclaimed: fillLeases(&family, reading)
        default:
            for plugin in reading.plugins { fill(&family, plugin) }
        }
    }

    /// Every verb of a plugin that was ever called is there from the beginning: what appears with its first count has no
    /// rate at that moment.
    private static func fill(_ family: inout MetricFamily, _ plugin: MeterReading.Plugin) {
        let name = plugin.name.isEmpty ? other : plugin.name
        if family.description == .lockWaits { return family.add([name], .histogram(plugin.lockWaits)) }
        for calls in plugin.calls {
            let verb = calls.verb.rawValue
            switch family.description {
            case .calls:
                let failed = calls.failures.reduce(0) { $0 &+ $1.count }
                family.add([name, verb, "success"], .count(UInt128(calls.successes)))
                family.add([name, verb, "failure"], .count(UInt128(failed)))
            case .failures:
                for failure in calls.failures {
                    let labels = [name, verb, failure.code.map { "\($0)" } ?? "other", reason(failure.code)]
                    family.add(labels, .count(UInt128(failure.count)))
                }
            case .durations: family.add([name, verb], .histogram(calls.durations))
            default: preconditionFailure("every family of counters is filled")
            }
        }
    }

    private static func fillLeases(_ family: inout MetricFamily, _ reading: MeterReading) {
        for network in reading.networks {
            let name = network.name.isEmpty ? other : network.name
            let leases = network.leases
            switch family.description {
            case .leasesGiven:
                family.add([name, "ipv4"], .count(UInt128(leases.v4.given)))
                family.add([name, "ipv6"], .count(UInt128(leases.v6.given)))
            case .leasesReleased:
                family.add([name, "ipv4"], .count(UInt128(leases.v4.released)))
                family.add([name, "ipv6"], .count(UInt128(leases.v6.released)))
            default: family.add([name], .count(UInt128(network.reclaimed)))
            }
        }
    }

    /// What an error's code means, in one word; the words stay.
    package static func reason(_ code: Int?) -> String {
        switch code {
        case 1: "incompatible_version"
        case 2: "unsupported_field"
        case 3: "unknown_container"
        case 4: "invalid_environment"
        case 5: "input_output"
        case 6: "decoding"
        case 7: "invalid_configuration"
        case 8: "invalid_namespace"
        case 11: "try_again_later"
        case 50: "unavailable"
        case 51: "limited_connectivity"
        case 100: "kernel_refused"
        case 101: "interface_exists"
        case 102: "address_conflict"
        case 103: "addresses_exhausted"
        case 104: "address_unavailable"
        case 105: "verification_failed"
        case 106: "store_unusable"
        case 107: "delegate_failed"
        case 108: "port_taken"
        case 999: "internal"
        default: "other"
        }
    }
}
