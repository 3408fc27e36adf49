// SPDX-License-Identifier: Apache-2.0
import Journal
import Testing

@Suite("What the host's log is told")
struct SystemLogTests {
    private var report: CallReport {
        var report = CallReport()
        report.duration = 2_150_000
        report.plugin = "bridge"
        report.verb = "ADD"
        report.network = "lan"
        report.containerID = "c1"
        report.interfaceName = "eth0"
        report.process = 7
        report.outcome = .failed(code: 103, message: "none left", details: "all\ntaken\u{7f}")
        return report
    }

    @Test("journald gets a field a line, whatever stands in the texts")
    func fields() {
        var odd = report
        odd.network = "lan\nPRIORITY=0"
        let text = String(decoding: SystemLog.fields(odd), as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(text.hasSuffix("\n"))
        #expect(lines.contains("CULVERT_NETWORK=lan PRIORITY=0"))
        #expect(lines.filter { $0.hasPrefix("PRIORITY=") } == ["PRIORITY=3"])
        #expect(lines.contains("CULVERT_CODE=103"))
        #expect(lines.contains("CULVERT_TOOK_USEC=2150"))
        #expect(lines.allSatisfy { $0.contains("=") })
    }

    @Test("Syslog gets one line, with its facility and its severity before it")
    func line() {
        let text = String(decoding: SystemLog.line(report, at: "Nov  2 01:02:03"), as: UTF8.self)
        let expected = """
            <27>Nov  2 01:02:03 culvert[7]: bridge ADD lan/c1:eth0 failed after 2.1 ms with code 103: none left: \
            all taken\u{20}
            """
        #expect(text == expected)
    }

    @Test(
        "A call that went well is for information, one that took long a warning",
        arguments: [(1, 30), (11, 28)] as [(Int64, Int)]
    )
    func severity(seconds: Int64, priority: Int) {
        var good = report
        good.outcome = .done
        good.duration = seconds * 1_000_000_000
        let text = String(decoding: SystemLog.line(good, at: ""), as: UTF8.self)
        #expect(text.hasPrefix("<\(priority)>"))
        #expect(text.hasSuffix("done in \(seconds)000.0 ms"))
    }

    @Test("A datagram is bounded, however long the texts are")
    func bounded() {
        var long = report
        let text = String(repeating: "é\n", count: 100_000)
        long.containerID = text
        long.outcome = .failed(code: 1, message: text, details: text)
        #expect(SystemLog.fields(long).count < 16_384)
        #expect(SystemLog.line(long, at: "").count < 4096)
    }
}
