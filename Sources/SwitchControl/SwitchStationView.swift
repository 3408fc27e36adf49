// SPDX-License-Identifier: Apache-2.0
package import JSON

/// A station that a switch knows.
package struct SwitchStationView: Hashable, Sendable {
    package let switchName: String
    package let address: String
    package let vlan: Int
    /// The port's name; empty for the switch itself.
    package let port: String
    package let isStatic: Bool
    /// Since it was last heard, in seconds.
    package let age: Int

    package init(switchName: String, address: String, vlan: Int, port: String, isStatic: Bool, age: Int) {
        self.switchName = switchName
        self.address = address
        self.vlan = vlan
        self.port = port
        self.isStatic = isStatic
        self.age = age
    }

    package var json: JSONValue {
        .object(
            [
                "switch": .string(switchName),
                "mac": .string(address),
                "vlan": .integer(Int64(vlan)),
                "port": .string(port),
                "static": .bool(isStatic),
                "ageSeconds": .integer(Int64(age)),
            ] as JSONObject
        )
    }

    /// Reads what ``json`` writes.
    ///
    /// - Throws: `JSONTypeError` for anything else.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        self.init(
            switchName: try reader.string("switch") ?? "",
            address: try reader.string("mac") ?? "",
            vlan: try reader.integer("vlan", in: 0...4095) ?? 0,
            port: try reader.string("port") ?? "",
            isStatic: try reader.bool("static") ?? false,
            age: try reader.integer("ageSeconds", in: 0...Int.max) ?? 0
        )
    }

    /// The stations in the answer to ``SwitchQuestion/stations(switchName:)``.
    ///
    /// - Throws: `JSONTypeError` when it is none.
    package static func all(in answer: JSONValue) throws(JSONTypeError) -> [SwitchStationView] {
        var views: [SwitchStationView] = []
        for element in try JSONReader(answer).array("stations") ?? [] { views.append(try SwitchStationView(element)) }
        return views
    }
}

/// What would become of a frame, and why: the answer to ``SwitchQuestion/trace(_:frame:)``.
package struct SwitchTraceView: Hashable, Sendable {
    package let switchName: String
    /// The port's name that the frame is taken to come from.
    package let port: String
    /// `forward`, `flood`, `route` or `drop`.
    package let verdict: String
    /// Of a drop, the name of the reason; of a flood, why; empty otherwise.
    package let reason: String
    /// The verdict as a sentence.
    package let explanation: String
    /// 0 when the frame belongs to none.
    package let vlan: Int
    /// The names of the ports it leaves through, and how it looks there.
    package let outputs: [Output]
    /// What was looked at, in the order in which it was, in words.
    package let steps: [String]

    /// A port that the frame leaves through.
    package struct Output: Hashable, Sendable {
        package let port: String
        /// What happens to the tag, in words; empty when nothing does.
        package let change: String
        /// Whether it is a copy for who looks on.
        package let isCopy: Bool

        package init(port: String, change: String, isCopy: Bool) {
            self.port = port
            self.change = change
            self.isCopy = isCopy
        }
    }

    package init(
        switchName: String,
        port: String,
        verdict: String,
        reason: String,
        explanation: String,
        vlan: Int,
        outputs: [Output],
        steps: [String]
    ) {
        self.switchName = switchName
        self.port = port
        self.verdict = verdict
        self.reason = reason
        self.explanation = explanation
        self.vlan = vlan
        self.outputs = outputs
        self.steps = steps
    }

    package var json: JSONValue {
        .object(
            [
                "switch": .string(switchName),
                "port": .string(port),
                "verdict": .string(verdict),
                "reason": .string(reason),
                "explanation": .string(explanation),
                "vlan": .integer(Int64(vlan)),
                "outputs": .array(
                    outputs.map {
                        .object(
                            [
                                "port": .string($0.port), "change": .string($0.change), "copy": .bool($0.isCopy),
                            ] as JSONObject
                        )
                    }
                ),
                "steps": .array(steps.map { .string($0) }),
            ] as JSONObject
        )
    }

    /// Reads what ``json`` writes.
    ///
    /// - Throws: `JSONTypeError` for anything else.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        var outputs: [Output] = []
        for element in try reader.array("outputs") ?? [] {
            outputs.append(
                Output(
                    port: try element.string("port") ?? "",
                    change: try element.string("change") ?? "",
                    isCopy: try element.bool("copy") ?? false
                )
            )
        }
        var steps: [String] = []
        for element in try reader.array("steps") ?? [] { steps.append(try element.string()) }
        self.init(
            switchName: try reader.string("switch") ?? "",
            port: try reader.string("port") ?? "",
            verdict: try reader.string("verdict") ?? "",
            reason: try reader.string("reason") ?? "",
            explanation: try reader.string("explanation") ?? "",
            vlan: try reader.integer("vlan", in: 0...4095) ?? 0,
            outputs: outputs,
            steps: steps
        )
    }
}
