// SPDX-License-Identifier: Apache-2.0
import Journal
import Meters
import TestSupport
import Testing

@testable import Monitoring

@Suite("Metrics as text")
struct ExpositionTests {
    private func text(_ families: [MetricFamily], _ form: Exposition.Form) -> [String] {
        String(decoding: Exposition.text(families, form), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    }

    private func lines(_ description: MetricDescription, _ labels: [String], _ value: MetricFamily.Value) -> [[String]]
    {
        var family = MetricFamily(description)
        family.add(labels, value)
        return Exposition.Form.allCases.map { text([family], $0) }
    }

    @Test("A counter is a family without its ending, and samples with it")
    func counter() {
        let help = MetricDescription.calls.help
        #expect(
            lines(.calls, ["bridge", "ADD", "success"], .count(7)) == [
                [
                    "# TYPE culvert_plugin_calls counter", "# HELP culvert_plugin_calls \(help)",
                    #"culvert_plugin_calls_total{plugin="bridge",verb="ADD",result="success"} 7"#, "# EOF", "",
                ],
                [
                    "# TYPE culvert_plugin_calls_total counter", "# HELP culvert_plugin_calls_total \(help)",
                    #"culvert_plugin_calls_total{plugin="bridge",verb="ADD",result="success"} 7"#, "",
                ],
            ]
        )
    }

    @Test("What is information in the one form is a gauge in the other")
    func info() {
        let found = lines(.build, ["0.1.0", "1.9.1"], .count(1))
        let sample = #"culvert_build_info{version="0.1.0",compatible="1.9.1"} 1"#
        #expect(found[0].first == "# TYPE culvert_build info" && found[0].contains(sample))
        #expect(found[1].first == "# TYPE culvert_build_info gauge" && found[1].contains(sample))
    }

    @Test("Units are said where the form has a place for them")
    func units() {
        let found = lines(.poolCapacity, ["lan", "ipv6", "0"], .count(1 << 64))
        #expect(found[0][1] == "# UNIT culvert_pool_capacity_addresses addresses")
        #expect(!found[1].contains { $0.hasPrefix("# UNIT") })
        let sample = #"culvert_pool_capacity_addresses{network="lan",family="ipv6",set="0"} 18446744073709551616"#
        #expect(found.allSatisfy { $0.contains(sample) })
    }

    @Test("A histogram's buckets add up, and its count is the last one's")
    func histogram() {
        var buckets = [UInt64](repeating: 0, count: MeterBuckets.count)
        buckets[0] = 2
        buckets[5] = 3
        buckets[MeterBuckets.count - 1] = 1
        let found = lines(.lockWaits, ["ptp"], .histogram(.init(buckets: buckets, nanoseconds: 12_000_345_000)))[0]
        let samples = found.filter { !$0.hasPrefix("#") && !$0.isEmpty }
        #expect(samples.count == MeterBuckets.count + 2)
        let name = "culvert_plugin_lock_wait_seconds"
        #expect(samples[0] == #"\#(name)_bucket{plugin="ptp",le="0.0001"} 2"#)
        #expect(samples[4] == #"\#(name)_bucket{plugin="ptp",le="0.0015"} 2"#)
        #expect(samples[5] == #"\#(name)_bucket{plugin="ptp",le="0.002"} 5"#)
        #expect(samples[17] == #"\#(name)_bucket{plugin="ptp",le="10.0"} 5"#)
        #expect(samples[18] == #"\#(name)_bucket{plugin="ptp",le="+Inf"} 6"#)
        #expect(samples[19] == #"\#(name)_count{plugin="ptp"} 6"#)
        #expect(samples[20] == #"\#(name)_sum{plugin="ptp"} 12.000345"#)
    }

    @Test("Names that somebody made up cannot end a label or a line")
    func escaping() {
        let found = lines(.strayLeases, ["a\"b\\c\nd{e} 7\u{fc}"], .count(0))
        #expect(found.allSatisfy { $0.contains(#"culvert_pool_stray_leases{network="a\"b\\c\nd{e} 7ü"} 0"#) })
        #expect(Exposition.escaped("a\"b\\c\nd", quotes: false) == #"a"b\\c\nd"#)
    }

    @Test(
        "Seconds have as many digits as they need",
        arguments: [
            (0, "0.0"), (1, "0.000000001"), (100_000, "0.0001"), (1_000_000_000, "1.0"), (1_500_000_000, "1.5"),
            (18_446_744_073_709_551_615, "18446744073.709551615"),
        ] as [(UInt64, String)]
    )
    func seconds(nanoseconds: UInt64, text: String) {
        #expect(Exposition.seconds(nanoseconds) == text)
    }

    @Test("Metrics have names and units as Prometheus and OpenMetrics want them")
    func names() {
        let all = MetricDescription.counted + MetricDescription.read
        #expect(Set(all.map { $0.name }).count == all.count)
        for each in all {
            #expect(each.name.hasPrefix("culvert_") && each.name.allSatisfy { $0.isLowercase || $0 == "_" })
            #expect(each.name.hasSuffix("_total") == (each.kind == .counter), "\(each.name)")
            #expect(each.unit.isEmpty || each.name.hasSuffix("_\(each.unit)"), "\(each.name)")
            #expect(!each.help.isEmpty && !each.help.hasSuffix("."))
        }
    }

    @Test("docs/metrics.md describes every metric, by its row, and no other")
    func page() throws {
        let path = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let page = try #require(try readFile("/\(path)/docs/metrics.md"))
        let all = MetricDescription.counted + MetricDescription.read
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `culvert_") }.map { String($0) }
        #expect(rows == all.map { $0.row })
    }

    @Test("A plugin that was called once has all of its verbs from then on, and codes have words")
    func counters() throws {
        try withTemporaryDirectory { directory in
            let file = MeterFile(in: directory)
            var call = CallReport()
            (call.plugin, call.verb) = ("bridge", "ADD")
            call.outcome = .failed(code: 103, message: "", details: "")
            file.count(call)
            let found = text(CounterFamilies.families(try MeterReading(file)), .text)
            for verb in ["ADD", "DEL", "CHECK", "GC", "STATUS"] {
                let labels = #"{plugin="bridge",verb="\#(verb)",result="success"}"#
                #expect(found.contains("culvert_plugin_calls_total\(labels) 0"))
            }
            let failure = #"{plugin="bridge",verb="ADD",code="103",reason="addresses_exhausted"} 1"#
            #expect(found.contains("culvert_plugin_failures_total\(failure)"))
            #expect(found.filter { $0.hasPrefix("culvert_plugin_failures_total") }.count == 1)
            #expect(CounterFamilies.families(nil).allSatisfy { $0.samples.isEmpty })
        }
    }
}
