// SPDX-License-Identifier: Apache-2.0

/// Where in the file which counter is.
///
/// All numbers have 64 bits, in the order of the machine. The first page has the head and who has which place; then
/// comes a page for each plugin, and one for those without a place; then the networks, and one place for those without.
package enum MeterLayout {
    /// What the file begins with: the letters `culvrtM` and the number of this layout.
    static let mark: UInt64 = 0x6375_6c76_7274_4d00 | 1
    /// Places for plugins.
    package static let plugins = 32
    /// Places for networks.
    package static let networks = 64
    /// In octets; every page of plugins is as long.
    static let page = 4096

    // MARK: - The first page

    /// When the file was made, in nanoseconds since 1970.
    static let born = 8
    /// A hash for each place of a plugin.
    private static let pluginHashes = 64
    /// A hash for each place of a network.
    private static let networkHashes = pluginHashes + plugins * 8

    /// Where the hash of a plugin's name is.
    static func pluginHash(_ place: Int) -> Int { pluginHashes + place * 8 }

    /// Where the hash of a network's name is.
    static func networkHash(_ place: Int) -> Int { networkHashes + place * 8 }

    // MARK: - Plugins

    /// Where a plugin's page is; of the last place for those without one.
    static func plugin(_ place: Int) -> Int { page * (1 + place) }

    /// A name's length, then its octets.
    static let longestPluginName = 48
    /// For each verb: results, then a histogram of durations.
    static let verbs = 64
    static let verbLength = 512
    /// How long calls waited for locks.
    static let lockWaits = verbs + verbLength * MeteredVerb.allCases.count

    /// Where the counter of a verb's result is, from the plugin's page on.
    static func result(_ verb: MeteredVerb, _ cell: Int) -> Int { verbs + verbLength * verb.place + cell * 8 }

    /// Where a verb's histogram is, from the plugin's page on.
    static func durations(_ verb: MeteredVerb) -> Int { verbs + verbLength * verb.place + MeterCodes.cells * 8 }

    // MARK: - Networks

    static let networkLength = 256
    /// A name's length, then its octets.
    static let longestNetworkName = 112
    /// Leases given of IPv4 and IPv6, leases released of both, leases reclaimed.
    static let leases = 128

    /// Where a network is; of the last place for those without one.
    static func network(_ place: Int) -> Int { page * (plugins + 2) + networkLength * place }

    /// The whole file, in octets.
    static let length = page * (plugins + 2) + (networkLength * (networks + 1) + page - 1) / page * page
}

/// The verbs that are counted; VERSION is not one of them.
package enum MeteredVerb: String, Hashable, Sendable, CaseIterable {
    case add = "ADD"
    case delete = "DEL"
    case check = "CHECK"
    case collectGarbage = "GC"
    case status = "STATUS"

    /// Its place in a plugin's page.
    var place: Int {
        switch self {
        case .add: 0
        case .delete: 1
        case .check: 2
        case .collectGarbage: 3
        case .status: 4
        }
    }
}

/// The results that are told apart: success, the specification's codes, ours, and any other.
package enum MeterCodes {
    /// So many counters are there for them.
    static let cells = 32
    private static let other = cells - 1

    /// The counter of a result: 0 for success, else an error's code.
    static func cell(_ code: Int) -> Int {
        switch code {
        case 0...8: code
        case 11: 9
        case 50, 51: code - 40
        case 100...115: code - 88
        case 999: 28
        default: other
        }
    }

    /// The code that a counter is for; nil for the one of all others.
    static func code(_ cell: Int) -> Int? {
        switch cell {
        case 0...8: cell
        case 9: 11
        case 10, 11: cell + 40
        case 12...27: cell + 88
        case 28: 999
        default: nil
        }
    }
}

/// The histograms' buckets.
package enum MeterBuckets {
    /// The upper bounds of the buckets, in microseconds; the last bucket has none.
    package static let bounds: [UInt64] = [
        100, 200, 500, 1000, 1500, 2000, 3000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
        2_000_000, 5_000_000, 10_000_000,
    ]
    /// A counter for each bucket, in a histogram that ends with the sum of all nanoseconds.
    package static let count = 19
    static let sum = count * 8

    /// The bucket of a time: the first whose bound is not below it.
    static func bucket(_ nanoseconds: UInt64) -> Int {
        var bucket = 0
        while bucket < bounds.count && nanoseconds > bounds[bucket] * 1000 { bucket += 1 }
        return bucket
    }
}
