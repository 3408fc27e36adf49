// SPDX-License-Identifier: Apache-2.0
internal import Attachments
internal import CNI
internal import Linux
internal import Meters
package import Plugin
package import Pools
internal import SwitchControl
internal import Wiring

/// Puts all metrics of a host together: what calls counted, and what there is right now.
///
/// What cannot be read is left out, said in ``warnings``, and a metric itself.
package struct MetricsCollection {
    package let families: [MetricFamily]
    /// What could not be read, a sentence each.
    package let warnings: [String]

    /// Looks at everything; changes nothing.
    ///
    /// - Parameters:
    ///   - settings: where records and counters are, and how long to wait for the lock of leases.
    ///   - catalog: finds the networks whose leases are counted.
    package init(_ settings: Settings, catalog: () -> PoolCatalog) {
        let began = Machine.bootNanoseconds
        var gaps = Gaps()
        let counters = gaps.counters(MeterFile(in: settings.runDirectory))
        let pools = gaps.pools(catalog(), settings)
        let facts = gaps.attachments(AttachmentStore(root: settings.runDirectory))
        let surveys = gaps.surveys(SwitchFamilies.daemons(of: facts))
        var build = MetricFamily(.build)
        build.add([Release.own, Release.reference], .count(1))
        var unreadable = MetricFamily(.unreadable)
        for part in Gaps.Part.allCases { unreadable.add([part.rawValue], .count(gaps.counts[part] ?? 0)) }
        var duration = MetricFamily(.collection)
        duration.add([], .nanoseconds(UInt64(max(0, Machine.bootNanoseconds - began))))
        let host = pools + AttachmentFamilies.families(facts) + SwitchFamilies.families(surveys)
        families = CounterFamilies.families(counters) + host + [unreadable, duration, build]
        warnings = gaps.sentences
    }
}

/// Reads the parts, and notes what cannot be read.
private struct Gaps {
    enum Part: String, CaseIterable {
        case counters
        case pools
        case attachments
        case switches
    }

    private(set) var counts: [Part: UInt128] = [:]
    private(set) var sentences: [String] = []

    private mutating func note(_ part: Part, _ sentence: String) {
        counts[part, default: 0] += 1
        sentences.append(sentence)
    }

    mutating func counters(_ file: MeterFile) -> MeterReading? {
        do throws(KernelError) {
            return try MeterReading(file)
        } catch {
            note(.counters, "cannot read the counters of plugin calls: \(error)")
            return nil
        }
    }

    mutating func pools(_ catalog: PoolCatalog, _ settings: Settings) -> [MetricFamily] {
        var pools = PoolFamilies()
        for network in catalog.networks {
            do throws(PoolFailure) {
                pools.add(try network.usage(settings))
            } catch {
                note(.pools, "\(error)")
            }
        }
        return pools.families
    }

    mutating func attachments(_ store: AttachmentStore) -> [AttachmentFacts] {
        do throws(KernelError) {
            return try AttachmentSurvey(store).attachments
        } catch {
            note(.attachments, "cannot read the attachment records below \(store.root): \(error)")
            return []
        }
    }

    mutating func surveys(_ daemons: Set<String>) -> [SwitchSurvey] {
        SwitchFamilies.surveys(of: daemons) { note(.switches, $0) }
    }
}
