// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Journal
import Linux
import TestSupport
import Testing

@testable import Meters

@Suite("The file of counters")
struct MeterFileTests {
    private func report(
        _ plugin: String = "bridge",
        _ verb: String = "ADD",
        code: Int? = nil,
        nanoseconds: Int64 = 2_000_000,
        network: String = "lan"
    ) -> CallReport {
        var report = CallReport()
        report.plugin = plugin
        report.verb = verb
        report.network = network
        report.duration = nanoseconds
        if let code { report.outcome = .failed(code: code, message: "", details: "") }
        return report
    }

    private func reading(_ file: MeterFile) throws -> MeterReading {
        try #require(try MeterReading(file))
    }

    @Test("Every call is counted by plugin, verb and result, with how long it took")
    func calls() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: "\(directory)/run")
            #expect(try MeterReading(file) == nil)
            file.count(report())
            file.count(report(nanoseconds: 100_000))
            file.count(report(code: 103))
            file.count(report(code: 4711))
            file.count(report(code: 0))
            file.count(report("portmap", "GC", nanoseconds: 20_000_000_000))
            file.count(report("bridge", "VERSION"))
            let found = try reading(file)
            #expect(found.plugins.map { $0.name } == ["bridge", "portmap"])
            let add = found.plugins[0].calls[0]
            #expect(add.verb == .add && add.successes == 2)
            #expect(
                add.failures == [
                    MeterReading.Failure(code: 103, count: 1), MeterReading.Failure(code: nil, count: 2),
                ]
            )
            #expect(add.durations.count == 5 && add.durations.nanoseconds == 8_100_000)
            #expect(add.durations.buckets[0] == 1 && add.durations.buckets[5] == 4)
            let sweep = found.plugins[1].calls[3]
            #expect(sweep.verb == .collectGarbage && sweep.successes == 1)
            #expect(sweep.durations.buckets.last == 1 && sweep.durations.nanoseconds == 20_000_000_000)
            #expect(found.plugins.flatMap { $0.calls }.reduce(0) { $0 + $1.durations.count } == 6)
            #expect(try listDirectory("\(directory)/run") == ["metrics"])
        }
    }

    @Test("Leases are counted by network, and waits for locks by plugin")
    func leases() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            var call = report()
            call.lockWait = 1_500_000
            call.reclaimed = 3
            call.leases.give(isV6: false)
            call.leases.give(isV6: true)
            call.leases.give(isV6: true)
            file.count(call)
            call = report("host-local", "DEL", network: "wire")
            call.leases.release(isV6: true)
            call.leases.release(isV6: false)
            call.leases.release(isV6: false)
            file.count(call)
            let found = try reading(file)
            #expect(found.networks.map { $0.name } == ["lan", "wire"])
            #expect(found.networks.map { $0.reclaimed } == [3, 0])
            #expect(found.networks[0].leases == LeaseCounts(v4: .init(given: 1), v6: .init(given: 2)))
            #expect(found.networks[1].leases == LeaseCounts(v4: .init(released: 2), v6: .init(released: 1)))
            #expect(found.plugins[0].lockWaits.nanoseconds == 1_500_000)
            #expect(found.plugins[0].lockWaits.buckets[4] == 1 && found.plugins[1].lockWaits.buckets[0] == 1)
        }
    }

    @Test("Names beyond the last place, and names that are too long, are counted together under none")
    func overflow() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            let networks = (0..<70).map { "network-\($0)" } + [String(repeating: "n", count: 105)]
            for network in networks + networks {
                var call = report(network: network)
                call.leases.give(isV6: false)
                file.count(call)
            }
            for number in 0..<40 { file.count(report("plugin-\(number)")) }
            let found = try reading(file)
            #expect(found.networks.count == MeterLayout.networks + 1 && found.networks[0].name.isEmpty)
            #expect(found.networks[0].leases.v4.given == 14)
            #expect(found.networks.dropFirst().allSatisfy { $0.leases.v4.given == 2 })
            #expect(found.plugins.count == MeterLayout.plugins + 1 && found.plugins[0].name.isEmpty)
            // The first place is the bridge's.
            #expect(found.plugins[0].calls[0].successes == 9)
        }
    }

    @Test("A name as long as its place is counted under its own")
    func longestName() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            var call = report(network: String(repeating: "ü", count: 52))
            call.leases.give(isV6: false)
            file.count(call)
            let found = try reading(file)
            #expect(found.networks.map { $0.name } == [call.network])
        }
    }

    @Test("A place whose first owner died before it had written the name is completed by the next one")
    func completion() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            file.count(report("ptp"))
            // As if the process had been killed right after it claimed the place.
            let descriptor = try Descriptor(opening: file.path, O_RDWR)
            try descriptor.write([UInt8](repeating: 0, count: 8), at: MeterLayout.plugin(0), file.path)
            #expect(try reading(file).plugins.isEmpty)
            file.count(report("ptp"))
            let found = try reading(file)
            #expect(found.plugins.map { $0.name } == ["ptp"] && found.plugins[0].calls[0].successes == 2)
        }
    }

    @Test("Two names with the same hash keep apart")
    func collision() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            file.count(report("ptp"))
            // The place says another name than the hash does.
            let descriptor = try Descriptor(opening: file.path, O_RDWR)
            try descriptor.write(Array("xyz".utf8), at: MeterLayout.plugin(0) + 8, file.path)
            file.count(report("ptp"))
            let found = try reading(file)
            #expect(found.plugins.map { $0.name } == ["ptp", "xyz"])
            #expect(found.plugins.map { $0.calls[0].successes } == [1, 1])
        }
    }

    @Test(
        "A file that is none of ours is replaced, once",
        arguments: [0, 10, MeterLayout.length - 1, MeterLayout.length, MeterLayout.length + 1]
    )
    func foreign(length: Int) throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            try writeFile(file.path, String(repeating: "x", count: length))
            #expect(try MeterReading(file) == nil)
            file.count(report())
            file.count(report())
            #expect(try reading(file).plugins[0].calls[0].successes == 2)
            #expect(try listDirectory(directory) == ["metrics"])
        }
    }

    @Test("What a killed maker left is used up")
    func leftover() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            try writeFile("\(file.path).new", "half of it")
            file.count(report())
            #expect(try listDirectory(directory) == ["metrics"])
            #expect(try reading(file).plugins[0].calls[0].successes == 1)
        }
    }

    @Test("A file whose pages are not on the disk yet counts all the same")
    func holes() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            file.count(report())
            let descriptor = try Descriptor(opening: file.path, O_RDWR)
            let head = try descriptor.read(16, at: 0, file.path)
            try descriptor.truncate(to: 0, file.path)
            try descriptor.write(head, at: 0, file.path)
            try descriptor.truncate(to: MeterLayout.length, file.path)
            file.count(report())
            #expect(try reading(file).plugins[0].calls[0].successes == 1)
        }
    }

    @Test("What is no file stays, and calls go uncounted")
    func strangers() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            try makeDirectory(file.path)
            file.count(report())
            #expect(throws: KernelError.self) { try MeterReading(file) }
            #expect(try listDirectory(directory) == ["metrics"])
            let linked = MeterFile(in: "\(directory)/metrics")
            try writeFile("\(directory)/precious", "precious")
            try makeSymbolicLink(linked.path, to: "\(directory)/precious")
            linked.count(report())
            #expect(try readFile("\(directory)/precious") == "precious")
        }
    }

    @Test("Of many that count at the same time, none is lost, whoever makes the file")
    func concurrency() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: "\(directory)/run")
            let calls = (0..<4).map { report("plugin-\($0 % 2)") }
            DispatchQueue.concurrentPerform(iterations: 400) { number in file.count(calls[number % 4]) }
            let found = try reading(file)
            #expect(found.plugins.map { $0.calls[0].successes } == [200, 200])
            #expect(found.plugins.map { $0.calls[0].durations.count } == [200, 200])
        }
    }
}

@Suite("The layout of counters")
struct MeterLayoutTests {
    @Test("Every code has its counter, and every counter its code")
    func codes() {
        let known = Array(0...8) + [11, 50, 51] + Array(100...115) + [999]
        #expect(known.map { MeterCodes.code(MeterCodes.cell($0)) } == known)
        #expect(Set(known.map { MeterCodes.cell($0) }).count == known.count)
        #expect([-1, 9, 10, 12, 49, 52, 99, 116, 998, 1000].allSatisfy { MeterCodes.code(MeterCodes.cell($0)) == nil })
        #expect(known.allSatisfy { MeterCodes.cell($0) < MeterCodes.cells })
    }

    @Test(
        "A time falls into the first bucket whose bound is not below it",
        arguments: [
            (0, 0), (100_000, 0), (100_001, 1), (200_000, 1), (2_000_000, 5), (2_000_001, 6),
            (10_000_000_000, 17), (10_000_000_001, 18),
        ] as [(UInt64, Int)]
    )
    func buckets(nanoseconds: UInt64, bucket: Int) {
        #expect(MeterBuckets.bucket(nanoseconds) == bucket)
        #expect(MeterBuckets.count == MeterBuckets.bounds.count + 1)
    }

    @Test("No two counters share a place, and all are inside the file")
    func offsets() {
        var taken: [Range<Int>] = [0..<8, MeterLayout.born..<(MeterLayout.born + 8)]
        let histogram = MeterBuckets.sum + 8
        for place in 0..<MeterLayout.plugins {
            taken.append(MeterLayout.pluginHash(place)..<(MeterLayout.pluginHash(place) + 8))
        }
        for place in 0..<MeterLayout.networks {
            taken.append(MeterLayout.networkHash(place)..<(MeterLayout.networkHash(place) + 8))
        }
        for place in 0...MeterLayout.plugins {
            let page = MeterLayout.plugin(place)
            taken.append(page..<(page + MeterLayout.longestPluginName))
            for verb in MeteredVerb.allCases {
                let results = page + MeterLayout.result(verb, 0)
                taken.append(results..<(results + MeterCodes.cells * 8))
                let durations = page + MeterLayout.durations(verb)
                taken.append(durations..<(durations + histogram))
            }
            taken.append((page + MeterLayout.lockWaits)..<(page + MeterLayout.lockWaits + histogram))
        }
        for place in 0...MeterLayout.networks {
            let network = MeterLayout.network(place)
            taken.append(network..<(network + MeterLayout.longestNetworkName))
            taken.append((network + MeterLayout.leases)..<(network + MeterLayout.leases + 40))
        }
        let sorted = taken.sorted { $0.lowerBound < $1.lowerBound }
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
        #expect(sorted.allSatisfy { $0.lowerBound % 8 == 0 && $0.upperBound <= MeterLayout.length })
    }

    @Test("The lengths of bounds and plugin pages agree with what is written to disk")
    func lengths() {
        #expect(MeterLayout.length % MeterLayout.page == 0)
        #expect(MeterLayout.lockWaits + MeterBuckets.sum + 8 <= MeterLayout.page)
        #expect(MeterLayout.leases + 40 <= MeterLayout.networkLength)
        #expect(MeterLayout.longestNetworkName <= MeterLayout.leases)
        #expect(MeterLayout.networkHash(MeterLayout.networks) <= MeterLayout.page)
    }
}
