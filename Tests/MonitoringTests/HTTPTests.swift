// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Monitoring

@Suite("The server of metrics")
struct HTTPTests {
    private func parse(_ text: String) -> HTTPRequest.Progress { HTTPRequest.parse(Array(text.utf8)) }

    private func request(_ text: String) throws -> HTTPRequest {
        guard case .complete(let request) = parse(text) else {
            Issue.record("\(text) is no whole request")
            throw CancellationError()
        }
        return request
    }

    private func request(accept: String) throws -> HTTPRequest {
        try request("GET /metrics HTTP/1.1\r\nAccept: \(accept)\r\n\r\n")
    }

    @Test("A request is known when its head has ended, and not before")
    func progress() throws {
        let text = "GET /metrics?a=b HTTP/1.1\r\nHost: h\r\naccept: text/plain\r\nACCEPT: a/b\r\n\r\n"
        let octets = Array(text.utf8)
        for length in octets.indices { #expect(HTTPRequest.parse(Array(octets[..<length])) == .unfinished) }
        let whole = try request(text)
        #expect(whole.method == "GET" && whole.path == "/metrics" && whole.accept == " text/plain, a/b")
        #expect(try request("\r\nHEAD http://h:1/metrics HTTP/1.0\n\n").path == "/metrics")
    }

    @Test(
        "What is no request of HTTP/1 is refused",
        arguments: [
            ("GET /metrics\r\n\r\n", .badRequest), ("\u{16}\u{3}\u{1}\n\n", .badRequest),
            ("GET  /metrics HTTP/1.1\r\n\r\n", .badRequest), ("GET / FTP/1.1\n\n", .badRequest),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", .badRequest), ("GET / HTTP/1.1\r\n: x\r\n\r\n", .badRequest),
            ("PRI * HTTP/2.0\r\n\r\n", .versionNotSupported),
        ] as [(String, HTTPStatus)]
    )
    func refusal(text: String, status: HTTPStatus) {
        #expect(parse(text) == .refused(status))
    }

    @Test("A head that does not end is refused at its longest")
    func longest() {
        let octets = [UInt8](repeating: UInt8(ascii: "a"), count: HTTPRequest.longest)
        #expect(HTTPRequest.parse(Array(octets.dropLast())) == .unfinished)
        #expect(HTTPRequest.parse(octets) == .refused(.headersTooLarge))
    }

    @Test(
        "Who accepts OpenMetrics no less than the older form gets it",
        arguments: [
            ("", .text), ("*/*", .text), ("text/plain", .text), ("application/openmetrics-text", .openMetrics),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
            ),
            ("application/openmetrics-text; version=0.0.1, */*;q=0.1", .text),
            ("application/openmetrics-text;version=1.0.0;q=0.2, text/plain;q=0.8", .text),
            ("APPLICATION/OpenMetrics-Text ; Version=1.0.0 ; Q=0", .text), (",;,;;=", .text),
        ] as [(String, Exposition.Form)]
    )
    func negotiation(accept: String, form: Exposition.Form) throws {
        #expect(try request(accept: accept).form == form)
    }

    @Test(
        "Metrics are at one path, for GET and HEAD",
        arguments: [
            ("GET /metrics", .fine), ("HEAD /metrics", .fine), ("POST /metrics", .methodNotAllowed),
            ("GET /", .fine), ("GET /metrics/", .notFound), ("get /metrics", .methodNotAllowed), ("GET *", .notFound),
        ] as [(String, HTTPStatus)]
    )
    func answers(line: String, status: HTTPStatus) throws {
        let response = HTTPResponse(to: try request("\(line) HTTP/1.1\r\n\r\n")) { _ in Array("all of it".utf8) }
        #expect(response.status == status)
        let octets = String(decoding: response.octets, as: UTF8.self)
        #expect(octets.hasPrefix("HTTP/1.1 \(status.rawValue) "))
        #expect(octets.contains("\r\nContent-Length: \(response.body.count)\r\n"))
        #expect(octets.contains("\r\nAllow: GET, HEAD\r\n") == (status == .methodNotAllowed))
        #expect(octets.hasSuffix("\r\n\r\n") == line.hasPrefix("HEAD"))
        #expect(octets.hasSuffix("all of it") == (line == "GET /metrics"))
    }

    @Test(
        "A place to listen at is an address and a port",
        arguments: [
            ("127.0.0.1:9345", "127.0.0.1:9345", true), ("[::1]:0", "[::1]:0", true),
            ("localhost:1", "127.0.0.1:1", true),
            ("127.8.9.10:80", "127.8.9.10:80", true), (":9345", "[::]:9345", false),
            ("0.0.0.0:9345", "0.0.0.0:9345", false), ("[fd77::1]:9345", "[fd77::1]:9345", false),
        ]
    )
    func places(text: String, printed: String, isLoopback: Bool) throws {
        let place = try #require(ListenAddress(text))
        #expect("\(place)" == printed && place.isLoopback == isLoopback)
    }

    @Test(
        "What is no place is refused",
        arguments: [
            "", "9345", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "::1:9345", "[127.0.0.1]:1",
            "host:1",
        ]
    )
    func noPlace(text: String) {
        #expect(ListenAddress(text) == nil)
    }
}
