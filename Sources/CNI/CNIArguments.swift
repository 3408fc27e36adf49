// SPDX-License-Identifier: Apache-2.0

/// CNI_ARGS: settings for one container in the form `IgnoreUnknown=1;IP=10.1.2.3;K8S_POD_NAME=web`.
///
/// As strict as the reference: keys match exactly, unknown ones are an error unless `IgnoreUnknown` allows them.
/// Of equal keys the last one counts. Wider than the reference in two points: several addresses may be given in one
/// pair, as multus does, and unknown pairs that are allowed may contain anything after the first `=`, as CRI-O sends.
package struct CNIArguments: Hashable, Sendable {
    /// A pair with a key that is not ours, such as `K8S_POD_NAME`.
    package struct Pair: Hashable, Sendable {
        package let key: String
        package let value: String
    }

    /// The values of `IP`, not interpreted: host-local wants addresses, static wants prefixes too.
    package let ips: [String]
    /// The values of `GATEWAY`, not interpreted.
    package let gateways: [String]
    /// The value of `MAC`, not interpreted; nil when absent or empty.
    package let mac: String?
    /// The unknown pairs in order; not empty only when `IgnoreUnknown` allows them.
    package let extra: [Pair]

    /// Reads the value of CNI_ARGS.
    ///
    /// - Throws: `CNIError` with code 4, naming the pairs that cannot be accepted.
    package init(parsing text: String) throws(CNIError) {
        let pairs = try Self.split(text)
        let ignoresUnknown = try Self.ignoresUnknown(pairs)
        let isExcused = { (pair: Pair) in ignoresUnknown && !Self.knownKeys.contains(pair.key) }
        if let pair = pairs.first(where: { $0.value.utf8.contains(UInt8(ascii: "=")) && !isExcused($0) }) {
            throw Self.invalid("\(pair.key)=\(pair.value)", in: text)
        }
        let extra = pairs.filter { !Self.knownKeys.contains($0.key) }
        guard ignoresUnknown || extra.isEmpty else {
            let list = extra.map { "\"\($0.key)=\($0.value)\"" }.joined(separator: " ")
            throw CNIError(.invalidEnvironment, "ARGS: unknown args [\(list)]", details: "CNI_ARGS is \"\(text)\"")
        }
        self.extra = extra
        ips = Self.list(pairs.last { $0.key == "IP" }?.value)
        gateways = Self.list(pairs.last { $0.key == "GATEWAY" }?.value)
        mac = pairs.last { $0.key == "MAC" }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }

    private static let knownKeys: Set = ["IP", "GATEWAY", "MAC", "IgnoreUnknown"]

    private static func split(_ text: String) throws(CNIError) -> [Pair] {
        guard !text.isEmpty else { return [] }
        var pairs: [Pair] = []
        for part in text.pieces(separatedBy: ";") {
            let sides = part.pieces(separatedBy: "=", atMost: 2)
            guard sides.count == 2 else { throw invalid(part, in: text) }
            pairs.append(Pair(key: sides[0], value: sides[1]))
        }
        return pairs
    }

    private static func ignoresUnknown(_ pairs: [Pair]) throws(CNIError) -> Bool {
        var answer = false
        for pair in pairs where pair.key == "IgnoreUnknown" {
            switch pair.value.lowercased() {
            case "1", "true": answer = true
            case "0", "false": answer = false
            default:
                throw CNIError(
                    .invalidEnvironment,
                    "ARGS: error parsing value of pair \"IgnoreUnknown=\(pair.value)\"",
                    details: "allowed are 1, true, 0 and false"
                )
            }
        }
        return answer
    }

    /// Elements of a list; empty ones stay, for whoever interprets them to complain about.
    private static func list(_ value: String?) -> [String] {
        guard let value, !value.isEmpty else { return [] }
        return value.pieces(separatedBy: ",")
    }

    private static func invalid(_ pair: String, in text: String) -> CNIError {
        CNIError(.invalidEnvironment, "ARGS: invalid pair \"\(pair)\"", details: "CNI_ARGS is \"\(text)\"")
    }
}
