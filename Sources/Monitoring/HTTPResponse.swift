// SPDX-License-Identifier: Apache-2.0

/// An answer of HTTP/1.1, after which the connection ends.
package struct HTTPResponse: Hashable, Sendable {
    package let status: HTTPStatus
    package let contentType: String
    package let body: [UInt8]
    /// Whether the answer is to HEAD: all but the body is as for GET.
    package let isHead: Bool

    package init(_ status: HTTPStatus, contentType: String, body: [UInt8], isHead: Bool = false) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.isHead = isHead
    }

    /// An answer for people.
    package init(_ status: HTTPStatus, _ text: String, isHead: Bool = false) {
        self.init(status, contentType: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8), isHead: isHead)
    }

    /// Answers a request: metrics are at `/metrics`, and nothing is anywhere else.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - metrics: puts the metrics together; called only where they are asked for.
    package init(to request: HTTPRequest, metrics: (Exposition.Form) -> [UInt8]) {
        let isHead = request.method == "HEAD"
        guard request.path == "/metrics" else {
            let isRoot = request.path == "/"
            self.init(isRoot ? .fine : .notFound, "culvert: metrics are at /metrics", isHead: isHead)
            return
        }
        guard isHead || request.method == "GET" else {
            self.init(.methodNotAllowed, "culvert: metrics can be read by GET and HEAD")
            return
        }
        let form = request.form
        self.init(.fine, contentType: form.contentType, body: metrics(form), isHead: isHead)
    }

    /// What is sent.
    package var octets: [UInt8] {
        var head = "HTTP/1.1 \(status.rawValue) \(status.phrase)\r\nContent-Type: \(contentType)\r\n"
        head += "Content-Length: \(body.count)\r\nConnection: close\r\n"
        if status == .methodNotAllowed { head += "Allow: GET, HEAD\r\n" }
        // Who asks for another form gets it: RFC 9110, 12.5.5.
        if status == .fine { head += "Vary: Accept\r\n" }
        return Array("\(head)\r\n".utf8) + (isHead ? [] : body)
    }
}
