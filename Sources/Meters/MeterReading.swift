// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Journal
package import Linux

/// What the file of counters says at one moment.
///
/// Calls go on meanwhile: a counter may be a call ahead of another one.
package struct MeterReading: Hashable, Sendable {
    /// How long things took.
    package struct Histogram: Hashable, Sendable {
        /// How many fell into each bucket, and into no lower one.
        package let buckets: [UInt64]
        package let nanoseconds: UInt64

        package init(buckets: [UInt64], nanoseconds: UInt64) {
            self.buckets = buckets
            self.nanoseconds = nanoseconds
        }

        package var count: UInt64 { buckets.reduce(0, &+) }
    }

    /// The calls of one verb.
    package struct Calls: Hashable, Sendable {
        package let verb: MeteredVerb
        package let successes: UInt64
        /// How many failed, by the error's code; codes that nobody had are left out.
        package let failures: [Failure]
        package let durations: Histogram
    }

    package struct Failure: Hashable, Sendable {
        /// nil is any code that has no counter of its own.
        package let code: Int?
        package let count: UInt64
    }

    package struct Plugin: Hashable, Sendable {
        /// Empty for those that found no place.
        package let name: String
        /// One for each verb.
        package let calls: [Calls]
        package let lockWaits: Histogram
    }

    package struct Network: Hashable, Sendable {
        /// Empty for those that found no place.
        package let name: String
        package let leases: LeaseCounts
        /// Taken from containers that were dead.
        package let reclaimed: UInt64
    }

    /// When the file was made, in nanoseconds since 1970.
    package let bornNanoseconds: UInt64
    /// In the order of their names.
    package let plugins: [Plugin]
    /// In the order of their names.
    package let networks: [Network]

    /// Reads the file without changing it.
    ///
    /// `file`: which one.
    /// - Returns: nil when no call was counted yet, or the file is of another layout: the next call replaces it.
    /// - Throws: ``KernelError`` when it cannot be read.
    package init?(_ file: MeterFile) throws(KernelError) {
        let octets: [UInt8]
        do throws(KernelError) {
            let descriptor = try Descriptor(opening: file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            guard try descriptor.status(file.path).isRegularFile else {
                throw KernelError("read \(file.path)", .fileExists, explanation: "it is not a file of counters")
            }
            // One copy in one call: counters are a moment apart, and nobody who cuts the file off ends us.
            octets = try descriptor.read(MeterLayout.length + 1, at: 0, file.path)
        } catch {
            if error.errno == .noSuchFileOrDirectory { return nil }
            throw error
        }
        self.init(octets)
    }

    /// Takes the content of a file apart; nil when it has another layout.
    init?(_ octets: [UInt8]) {
        guard octets.count == MeterLayout.length else { return nil }
        let page = MeterPages(octets)
        guard page.number(0) == MeterLayout.mark else { return nil }
        bornNanoseconds = page.number(MeterLayout.born)
        plugins = (0...MeterLayout.plugins).compactMap { page.plugin($0) }.sorted { $0.name < $1.name }
        networks = (0...MeterLayout.networks).compactMap { page.network($0) }.sorted { $0.name < $1.name }
    }
}

/// The content of a file of counters.
private struct MeterPages {
    private let octets: [UInt8]

    init(_ octets: [UInt8]) {
        self.octets = octets
    }

    func number(_ offset: Int) -> UInt64 {
        octets.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }

    /// The name at an offset; nil when nobody has written one.
    private func name(_ offset: Int, _ longest: Int) -> String? {
        let length = number(offset)
        guard length > 0, length <= UInt64(longest - 8) else { return nil }
        return String(decoding: octets[(offset + 8)..<(offset + 8 + Int(length))], as: UTF8.self)
    }

    private func histogram(_ offset: Int) -> MeterReading.Histogram {
        MeterReading.Histogram(
            buckets: (0..<MeterBuckets.count).map { number(offset + $0 * 8) },
            nanoseconds: number(offset + MeterBuckets.sum)
        )
    }

    func plugin(_ place: Int) -> MeterReading.Plugin? {
        let offset = MeterLayout.plugin(place)
        let isNamed = place < MeterLayout.plugins
        guard let name = isNamed ? name(offset, MeterLayout.longestPluginName) : "" else { return nil }
        let calls = MeteredVerb.allCases.map { verb in
            MeterReading.Calls(
                verb: verb,
                successes: number(offset + MeterLayout.result(verb, 0)),
                failures: (1..<MeterCodes.cells).compactMap { cell in
                    let count = number(offset + MeterLayout.result(verb, cell))
                    return count == 0 ? nil : MeterReading.Failure(code: MeterCodes.code(cell), count: count)
                },
                durations: histogram(offset + MeterLayout.durations(verb))
            )
        }
        // Who found no place is of interest only if there was somebody.
        guard isNamed || calls.contains(where: { $0.durations.count > 0 }) else { return nil }
        return MeterReading.Plugin(
            name: name,
            calls: calls,
            lockWaits: histogram(offset + MeterLayout.lockWaits)
        )
    }

    func network(_ place: Int) -> MeterReading.Network? {
        let offset = MeterLayout.network(place)
        let isNamed = place < MeterLayout.networks
        guard let name = isNamed ? name(offset, MeterLayout.longestNetworkName) : "" else { return nil }
        let counters = offset + MeterLayout.leases
        let leases = LeaseCounts(
            v4: LeaseCounts.Family(given: number(counters), released: number(counters + 16)),
            v6: LeaseCounts.Family(given: number(counters + 8), released: number(counters + 24))
        )
        let reclaimed = number(counters + 32)
        guard isNamed || leases != LeaseCounts() || reclaimed > 0 else { return nil }
        return MeterReading.Network(name: name, leases: leases, reclaimed: reclaimed)
    }
}
