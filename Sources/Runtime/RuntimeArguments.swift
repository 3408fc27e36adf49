// SPDX-License-Identifier: Apache-2.0
package import CNI

/// CNI_ARGS as a runtime knows them: pairs in order, not interpreted.
package struct RuntimeArguments: Hashable, Sendable {
    /// Such as `K8S_POD_NAME` and what it stands for.
    package struct Pair: Hashable, Sendable {
        package let key: String
        package let value: String
    }

    package let pairs: [Pair]

    package init(pairs: [(key: String, value: String)]) {
        self.pairs = pairs.map { Pair(key: $0.key, value: $0.value) }
    }

    /// Reads `KEY=VALUE;KEY=VALUE`; nothing at all is no pairs.
    ///
    /// A value may hold further equals signs, which the original cnitool refuses and CRI-O sends.
    ///
    /// - Throws: `CNIError` with code 4, naming the pair without key, `=` or value.
    package init(parsing text: String) throws(CNIError) {
        guard !text.isEmpty else {
            pairs = []
            return
        }
        var pairs: [Pair] = []
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
                throw CNIError(
                    .invalidEnvironment,
                    "invalid CNI_ARGS pair \"\(part)\"",
                    details: "write CNI_ARGS='KEY=VALUE;KEY=VALUE'"
                )
            }
            pairs.append(Pair(key: String(sides[0]), value: String(sides[1])))
        }
        self.pairs = pairs
    }

    /// The value of CNI_ARGS for a plugin.
    package var text: String {
        pairs.map { "\($0.key)=\($0.value)" }.joined(separator: ";")
    }
}
