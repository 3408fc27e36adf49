// SPDX-License-Identifier: Apache-2.0
package import JSON
package import Wiring

/// What is asked of the daemon: one line of JSON.
package enum SwitchQuestion: Hashable, Sendable {
    /// Open a container's port; one that is open already becomes what the order says.
    case attach(SwitchPortOrder)
    /// Close a container's port; that there is none is no error.
    case detach(AttachmentKey)
    /// Say how a container's port is set up; refused when there is none.
    case check(AttachmentKey)
    /// Say that you are there.
    case status
    /// Say what switches there are, and their ports. An empty name is all of them.
    case show(switchName: String)
    /// Say which stations are known. An empty name is all switches.
    case stations(switchName: String)
    /// Say what would become of a frame that came from a port.
    case trace(SwitchPortReference, frame: [UInt8])
    /// Send copies of what comes and goes at a port to another one; nil ends it.
    case mirror(SwitchPortReference, to: String?)
    /// Send copies of what comes and goes at a port through this connection, as a file of pcap without end.
    case copies(SwitchPortReference)
    /// Say all counters, as text in the format of OpenMetrics.
    case metrics

    /// Raised when a daemon would not understand a client of another version any more.
    package static let dialogue: Int64 = 1

    private var verb: String {
        switch self {
        case .attach: "attach"
        case .detach: "detach"
        case .check: "check"
        case .status: "status"
        case .show: "show"
        case .stations: "fdb"
        case .trace: "trace"
        case .mirror: "mirror"
        case .copies: "copies"
        case .metrics: "metrics"
        }
    }

    /// One line, with its end.
    package var line: [UInt8] {
        var object: JSONObject = ["culvertSwitch": .integer(SwitchQuestion.dialogue), "verb": .string(verb)]
        switch self {
        case .attach(let order): object[exact: "order"] = order.json
        case .detach(let key), .check(let key): object.members += key.switchMembers.members
        case .show(let name), .stations(let name): object[exact: "switch"] = .string(name)
        case .trace(let port, let frame):
            object.members += port.members.members
            object[exact: "frame"] = .string(SwitchFrameText.text(frame))
        case .mirror(let port, let target):
            object.members += port.members.members
            object[exact: "to"] = target.map { .string($0) } ?? .null
        case .copies(let port): object.members += port.members.members
        case .status, .metrics: break
        }
        return JSONValue.object(object).serialized() + [UInt8(ascii: "\n")]
    }

    /// Reads a line.
    ///
    /// - Throws: `JSONTypeError` when it asks nothing that we know.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        guard try reader.integer("culvertSwitch", in: 0...Int(Int32.max)) == Int(SwitchQuestion.dialogue) else {
            throw reader.mismatch(expected: "a question of dialogue \(SwitchQuestion.dialogue)")
        }
        switch try reader.string("verb") {
        case "attach":
            guard let order = try reader.object("order") else { throw reader.mismatch(expected: "an order") }
            self = .attach(try SwitchPortOrder(order))
        case "detach": self = .detach(try AttachmentKey(switchMembers: reader))
        case "check": self = .check(try AttachmentKey(switchMembers: reader))
        case "status": self = .status
        case "show": self = .show(switchName: try reader.string("switch") ?? "")
        case "fdb": self = .stations(switchName: try reader.string("switch") ?? "")
        case "trace":
            guard let frame = SwitchFrameText.octets(try reader.string("frame") ?? ""), !frame.isEmpty else {
                throw reader.mismatch(expected: "a frame in hexadecimal digits")
            }
            self = .trace(try SwitchPortReference(reader), frame: frame)
        case "mirror": self = .mirror(try SwitchPortReference(reader), to: try reader.string("to"))
        case "copies": self = .copies(try SwitchPortReference(reader))
        case "metrics": self = .metrics
        default: throw reader.mismatch(expected: "a verb")
        }
    }
}

/// How somebody names a port.
package struct SwitchPortReference: Hashable, Sendable {
    /// Empty when there is only one switch.
    package let switchName: String
    /// A name as `show` has it, or as much of its beginning as no other port has; or the number.
    package let port: String

    package init(switchName: String = "", port: String) {
        self.switchName = switchName
        self.port = port
    }

    var members: JSONObject { ["switch": .string(switchName), "port": .string(port)] }

    init(_ reader: JSONReader) throws(JSONTypeError) {
        guard let port = try reader.string("port"), !port.isEmpty else { throw reader.mismatch(expected: "a port") }
        self.init(switchName: try reader.string("switch") ?? "", port: port)
    }
}

/// Frames as text: two hexadecimal digits for each octet.
package enum SwitchFrameText {
    /// In lower case, nothing between them.
    package static func text(_ octets: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(octets.count * 2)
        for octet in octets {
            for digit in [octet >> 4, octet & 15] { text.append(digit < 10 ? 48 + digit : 87 + digit) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Colons, dashes and blanks between digits do not matter; nil for anything else that is no pair of digits.
    package static func octets(_ text: String) -> [UInt8]? {
        var octets: [UInt8] = []
        var first: UInt8?
        for character in text.utf8 {
            let digit: UInt8
            switch character {
            case 48...57: digit = character - 48
            case 65...70: digit = character - 55
            case 97...102: digit = character - 87
            case 9, 10, 13, 32, 45, 58: continue
            default: return nil
            }
            if let high = first {
                octets.append(high << 4 | digit)
                first = nil
            } else {
                first = digit
            }
        }
        return first == nil ? octets : nil
    }
}
