// SPDX-License-Identifier: Apache-2.0
import Journal
import Testing

private let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
private let span = "00f067aa0ba902b7"

@Suite("The context of a trace")
struct TraceContextTests {
    @Test(
        "A caller's context is read as the recommendation spells it",
        arguments: [
            ("00-\(trace)-\(span)-01", 1),
            ("00-\(trace)-\(span)-00", 0),
            // Flags that nobody has defined are not passed on.
            ("00-\(trace)-\(span)-ff", 3),
            ("00-\(trace)-\(span)-02", 2),
            // Of newer versions the beginning counts.
            ("01-\(trace)-\(span)-01", 1),
            ("01-\(trace)-\(span)-01-what-the-future-will-be-like", 1),
            ("cc-\(trace)-\(span)-01-", 1),
            ("fe-\(trace)-\(span)-09", 1),
        ] as [(String, UInt8)]
    )
    func valid(text: String, flags: UInt8) throws {
        let context = try #require(TraceContext(parent: text))
        #expect(context.traceText == trace)
        #expect(context.spanText == span)
        #expect(context.flags == flags)
        #expect(context.parentText == "")
    }

    @Test(
        "What is not as the recommendation spells it is no context",
        arguments: [
            "", "00", "-", "00-\(trace)-\(span)", "00-\(trace)-\(span)-", "00-\(trace)-\(span)-1",
            "00-\(trace)-\(span)-0g", "00-\(trace)-\(span)-0A", "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-x",
            "00-\(trace)-\(span)-011", "00-\(trace)-\(span)-01 ", " 00-\(trace)-\(span)-01",
            "ff-\(trace)-\(span)-01", "FF-\(trace)-\(span)-01", "0-\(trace)-\(span)-01", "0g-\(trace)-\(span)-01",
            "cc-\(trace)-\(span)-01.x", "cc-\(trace)-\(span)-011",
            "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span.uppercased())-01",
            "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01",
            "00-\(trace.dropLast())-\(span)-01", "00-\(trace)0-\(span)-01", "00-\(trace.dropLast())g-\(span)-01",
            "00-\(trace)-\(span.dropLast())-01", "00-\(trace)-\(span)0-01", "00_\(trace)_\(span)_01",
            "00-\(trace)-\(span)-01,00-\(trace)-\(span)-01", "00-\(trace.dropLast(2))é-\(span)-01",
        ]
    )
    func invalid(text: String) {
        #expect(TraceContext(parent: text) == nil)
    }

    @Test("A call is a span of its own in its caller's trace, and the parent of what it calls")
    func child() throws {
        let variables = ["TRACEPARENT": "00-\(trace)-\(span)-01", "TRACESTATE": "vendor=1,other=2"]
        let context = try #require(TraceContext.current(isKept: false) { variables[$0] })
        #expect(context.traceText == trace)
        #expect(context.parentText == span)
        #expect(context.spanText != span)
        let passed = context.passed(on: ["A=b", "TRACEPARENT=x", "TRACESTATE=y", "TRACEPARENTS=z"])
        #expect(
            passed == [
                "A=b", "TRACEPARENTS=z", "TRACEPARENT=00-\(trace)-\(context.spanText)-01",
                "TRACESTATE=vendor=1,other=2",
            ]
        )
    }

    @Test("A caller's context that makes no sense is dropped, and its state with it")
    func restarted() throws {
        let variables = ["TRACEPARENT": "00-\(trace)-\(span)-01-more", "TRACESTATE": "vendor=1"]
        let context = try #require(TraceContext.current(isKept: true) { variables[$0] })
        #expect(context.traceText != trace)
        #expect(context.parentText == "")
        #expect(context.state == "")
        #expect(context.flags == 1)
        #expect(TraceContext(parent: context.traceParent)?.traceText == context.traceText)
    }

    @Test("Without a caller's context there is a trace only for who keeps it, each time another one")
    func own() throws {
        #expect(TraceContext.current(isKept: false) { _ in nil } == nil)
        let one = try #require(TraceContext.current(isKept: true) { _ in nil })
        let other = try #require(TraceContext.current(isKept: true) { _ in nil })
        #expect(one.traceText != other.traceText)
        #expect(one.spanText != other.spanText)
    }
}
