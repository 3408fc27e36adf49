// SPDX-License-Identifier: Apache-2.0
internal import CNI
package import JSON
package import Journal

/// Calls as spans, as a collector takes them (OTLP 1, the JSON of opentelemetry-proto's `ExportTraceServiceRequest`).
///
/// A call is a span, each of its steps one below it. The same call makes the same spans, however often it is sent.
package enum SpanDocument {
    /// - Parameters:
    ///   - reports: the calls.
    ///   - host: this machine's name.
    /// - Returns: the whole request.
    package static func request(of reports: [CallReport], host: String) -> JSONValue {
        var spans: [JSONValue] = []
        for report in reports { spans += SpanDocument.spans(of: report) }
        let resource: [JSONValue] = [
            text("service.name", "culvert"), text("service.version", Release.own), text("host.name", host),
        ]
        let scope: JSONValue = ["name": "culvert-cni", "version": .string(Release.own)]
        return [
            "resourceSpans": [
                [
                    "resource": ["attributes": .array(resource)],
                    "scopeSpans": [["scope": scope, "spans": .array(spans)]],
                ]
            ]
        ]
    }

    private static func spans(of report: CallReport) -> [JSONValue] {
        let trace = report.trace ?? untraced(report)
        var call = span(trace, id: trace.spanText, parent: trace.parentText, (report.beganWall, report.duration))
        call[exact: "name"] = .string("\(report.plugin) \(report.verb)")
        // SPAN_KIND_SERVER: somebody else's request is answered.
        call[exact: "kind"] = 2
        call[exact: "attributes"] = .array(attributes(of: report))
        if case .failed(let code, let message, let details) = report.outcome {
            // STATUS_CODE_ERROR
            call[exact: "status"] = ["code": 2, "message": .string(message)]
            call[exact: "events"] = [
                [
                    "timeUnixNano": .string("\(report.beganWall + report.duration)"), "name": "exception",
                    "attributes": [
                        text("exception.type", "CNI error \(code)"),
                        text("exception.message", details.isEmpty ? message : "\(message): \(details)"),
                    ],
                ]
            ]
        } else {
            call[exact: "status"] = [:]
        }
        var spans = [JSONValue.object(call)]
        for (index, step) in report.steps.enumerated() {
            let times = (report.beganWall + step.began, step.duration)
            var child = span(trace, id: hex(mix(trace.spanID, UInt64(index))), parent: trace.spanText, times)
            child[exact: "name"] = .string(step.phase.rawValue)
            // SPAN_KIND_INTERNAL
            child[exact: "kind"] = 1
            child[exact: "status"] = [:]
            spans.append(.object(child))
        }
        return spans
    }

    private static func span(
        _ trace: TraceContext,
        id: String,
        parent: String,
        _ times: (began: Int64, duration: Int64)
    ) -> JSONObject {
        var span = JSONObject()
        span[exact: "traceId"] = .string(trace.traceText)
        span[exact: "spanId"] = .string(id)
        if !parent.isEmpty { span[exact: "parentSpanId"] = .string(parent) }
        if !trace.state.isEmpty { span[exact: "traceState"] = .string(trace.state) }
        // SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK, and whether the parent is in another process.
        let isRemote = parent == trace.parentText && !parent.isEmpty
        span[exact: "flags"] = .integer(Int64(trace.flags) | 0x100 | (isRemote ? 0x200 : 0))
        // 64-bit integers are texts in the JSON of Protocol Buffers.
        span[exact: "startTimeUnixNano"] = .string("\(times.began)")
        span[exact: "endTimeUnixNano"] = .string("\(times.began + times.duration)")
        return span
    }

    private static func attributes(of report: CallReport) -> [JSONValue] {
        var attributes = [text("cni.plugin", report.plugin), text("cni.command", report.verb)]
        let texts = [
            ("cni.network", report.network), ("cni.container_id", report.containerID),
            ("cni.ifname", report.interfaceName), ("cni.netns", report.namespacePath),
            ("cni.ipam", report.addressPlugin),
        ]
        for (key, value) in texts where !value.isEmpty { attributes.append(text(key, value)) }
        attributes.append(number("process.pid", Int64(report.process)))
        if report.lockWait > 0 { attributes.append(number("culvert.lock_wait_ns", report.lockWait)) }
        if report.reclaimed > 0 { attributes.append(number("culvert.reclaimed", Int64(report.reclaimed))) }
        if case .failed(let code, _, _) = report.outcome { attributes.append(number("cni.error.code", Int64(code))) }
        return attributes
    }

    private static func text(_ key: String, _ value: String) -> JSONValue {
        ["key": .string(key), "value": ["stringValue": .string(value)]]
    }

    private static func number(_ key: String, _ value: Int64) -> JSONValue {
        ["key": .string(key), "value": ["intValue": .string("\(value)")]]
    }

    /// A trace for a call that had no chance to get one.
    private static func untraced(_ report: CallReport) -> TraceContext {
        let seed = UInt64(bitPattern: report.beganWall)
        let process = UInt64(UInt32(bitPattern: report.process))
        return TraceContext(
            traceID: (mix(seed, process), mix(seed, ~process)),
            spanID: mix(process, seed),
            parentID: 0,
            flags: 1,
            state: ""
        )
    }

    /// SplitMix64: a number that is another one for other numbers, and never zero.
    private static func mix(_ seed: UInt64, _ index: UInt64) -> UInt64 {
        var value = seed &+ (index &+ 1) &* 0x9e37_79b9_7f4a_7c15
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return (value ^ (value >> 31)) | 1
    }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
