// SPDX-License-Identifier: Apache-2.0
import History
import JSON
import Journal
import Testing

@Suite("Calls as spans")
struct SpanDocumentTests {
    private var report: CallReport {
        var report = CallReport()
        report.beganWall = 1_795_309_323_000_000_000
        report.duration = 3_000
        report.plugin = "bridge"
        report.verb = "ADD"
        report.network = "lan"
        report.process = 7
        report.steps = [
            .init(phase: .parse, began: 0, duration: 1000), .init(phase: .links, began: 1000, duration: 2000),
        ]
        report.trace = TraceContext(traceID: (0xab, 0xcd), spanID: 0xef, parentID: 0x12, flags: 1, state: "a=b")
        return report
    }

    private func spans(_ report: CallReport) throws -> [JSONReader] {
        let request = JSONReader(SpanDocument.request(of: [report], host: "h"))
        let resource = try #require(try request.member("resourceSpans")?.array().first)
        let scope = try #require(try resource.member("scopeSpans")?.array().first)
        return try scope.member("spans")?.array() ?? []
    }

    @Test("A call is a span below its caller's, its steps are spans below it, one after the other")
    func tree() throws {
        let spans = try spans(report)
        #expect(spans.count == 3)
        #expect(try spans[0].string("traceId") == "00000000000000ab00000000000000cd")
        #expect(try spans[0].string("spanId") == "00000000000000ef")
        #expect(try spans[0].string("parentSpanId") == "0000000000000012")
        #expect(try spans[0].string("traceState") == "a=b")
        #expect(try spans[0].string("name") == "bridge ADD")
        #expect(try spans[0].member("flags")?.integer() == 0x301)
        #expect(try spans[0].string("startTimeUnixNano") == "1795309323000000000")
        #expect(try spans[0].string("endTimeUnixNano") == "1795309323000003000")
        for child in spans.dropFirst() {
            #expect(try child.string("parentSpanId") == "00000000000000ef")
            #expect(try child.string("traceId") == "00000000000000ab00000000000000cd")
            #expect(try child.member("flags")?.integer() == 0x101)
        }
        #expect(try spans[2].string("name") == "links")
        #expect(try spans[2].string("startTimeUnixNano") == "1795309323000001000")
        let ids = try spans.map { span in try span.string("spanId") }
        #expect(Set(ids).count == 3)
    }

    @Test("The same call makes the same spans each time, even without a trace of its own")
    func stable() throws {
        var lonely = report
        lonely.trace = nil
        for report in [report, lonely] { #expect(try spans(report) == spans(report)) }
        let span = try #require(try spans(lonely).first)
        #expect(try span.string("traceId")?.utf8.count == 32)
        #expect(try span.member("parentSpanId") == nil)
    }

    @Test("A call that failed has the status of an error, and says why")
    func failed() throws {
        var broken = report
        broken.outcome = .failed(code: 103, message: "none left", details: "all taken")
        let span = try #require(try spans(broken).first)
        #expect(try span.member("status")?.member("code")?.integer() == 2)
        #expect(try span.member("status")?.string("message") == "none left")
        let event = try #require(try span.member("events")?.array().first)
        #expect(try event.string("name") == "exception")
        let keys = try span.member("attributes")?.array().map { attribute in try attribute.string("key") }
        #expect(keys?.contains("cni.error.code") == true)
    }
}

@Suite("Where a collector is")
struct CollectorAddressTests {
    private static let hosts = "127.0.0.1 localhost\n192.0.2.7\tOTel collector # here\n"

    @Test(
        "A URL names an address, a port and a path",
        arguments: [
            ("http://127.0.0.1:4318", "127.0.0.1", 4318, "127.0.0.1:4318", "/v1/traces"),
            ("http://127.0.0.1", "127.0.0.1", 4318, "127.0.0.1", "/v1/traces"),
            ("HTTP://localhost:80/", "127.0.0.1", 80, "localhost:80", "/v1/traces"),
            ("http://[::1]:1/otlp/", "::1", 1, "[::1]:1", "/otlp/v1/traces"),
            ("http://[fd00::1]", "fd00::1", 4318, "[fd00::1]", "/v1/traces"),
            ("http://otel:9/v1/traces", "192.0.2.7", 9, "otel:9", "/v1/traces"),
        ] as [(String, String, UInt16, String, String)]
    )
    func valid(text: String, address: String, port: UInt16, host: String, path: String) throws {
        let found = try CollectorAddress(text) { Self.hosts }
        #expect("\(found.address)" == address)
        #expect(found.port == port)
        #expect(found.host == host)
        #expect(found.path == path)
    }

    @Test(
        "Anything else is refused",
        arguments: [
            "", "127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://:1", "http://127.0.0.1:0",
            "http://127.0.0.1:70000", "http://127.0.0.1:x", "http://a@127.0.0.1", "http://127.0.0.1/?a=b",
            "http://127.0.0.1/a b", "http://127.0.0.1/\r\nHost: x", "http://[::1", "http://[::1]x", "http://nowhere",
        ]
    )
    func invalid(text: String) {
        #expect(throws: CollectorAddress.Refusal.self) { try CollectorAddress(text) { Self.hosts } }
    }

    @Test("Who wants TLS is told of a collector on this host")
    func tls() {
        let error = #expect(throws: CollectorAddress.Refusal.self) { try CollectorAddress("https://h:4318") { "" } }
        #expect(error?.description.contains("name a collector on this host") == true)
    }
}

@Suite("What a collector answers")
struct CollectorReplyTests {
    @Test("Status, patience and length are read from the head, whatever its case")
    func head() throws {
        let text = "HTTP/1.1 503 Busy\r\nretry-AFTER: 7\r\nContent-Length:4\r\n\r\nbusy"
        let reply = try #require(CollectorReply(Array(text.utf8)))
        #expect(reply.status == 503)
        #expect(reply.retryAfter == 7)
        #expect(reply.isWhole)
        #expect(reply.isTemporary)
        #expect(reply.text == "busy")
        for end in 0..<(text.utf8.count - 4) { #expect(CollectorReply(Array(text.utf8.prefix(end))) == nil) }
    }

    @Test(
        "What is no reply of HTTP/1 is none",
        arguments: ["SSH-2.0\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/2 2\r\n\r\n", "\r\n\r\n"]
    )
    func nonsense(text: String) {
        #expect(CollectorReply(Array(text.utf8)) == nil)
    }
}
