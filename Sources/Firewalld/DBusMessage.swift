// SPDX-License-Identifier: Apache-2.0

/// A message of D-Bus, as far as we speak it: arguments are strings, or one boolean.
///
/// Source: the D-Bus specification 0.42, "Message Protocol".
struct DBusMessage: Hashable, Sendable {
    enum Kind: UInt8, Sendable {
        case methodCall = 1
        case methodReturn = 2
        case error = 3
        case signal = 4
    }

    let kind: Kind
    /// Chosen by the sender, never 0.
    let serial: UInt32
    /// Of the message that this one answers.
    var replySerial: UInt32?
    var path: String?
    var interface: String?
    var member: String?
    var errorName: String?
    var destination: String?
    /// Who sent it; the bus puts it in.
    var sender: String?
    /// The types of the body's values, such as `ss`.
    var signature = ""
    /// The values, still as octets.
    var body: [UInt8] = []
    /// Whether the body's integers begin with their lowest octet.
    var isLittleEndian = true

    /// The longest message we send or take; what we ask for is a hundredth of it.
    static let limit = 64 << 10

    init(_ kind: Kind, serial: UInt32) {
        self.kind = kind
        self.serial = serial
    }

    /// A call with strings for arguments, which does not start the program it is meant for.
    static func call(
        serial: UInt32,
        destination: String,
        path: String,
        interface: String,
        member: String,
        _ arguments: [String]
    ) -> DBusMessage {
        var message = DBusMessage(.methodCall, serial: serial)
        message.destination = destination
        message.path = path
        message.interface = interface
        message.member = member
        var body = DBusWriter()
        for argument in arguments {
            message.signature += "s"
            body.append(string: argument)
        }
        message.body = body.octets
        return message
    }

    /// The body's first value when it is a string.
    var string: String? {
        guard signature.utf8.first == UInt8(ascii: "s") else { return nil }
        var reader = DBusReader(body, isLittleEndian: isLittleEndian)
        return reader.string()
    }

    /// The body's first value when it is a boolean.
    var boolean: Bool? {
        guard signature.utf8.first == UInt8(ascii: "b") else { return nil }
        var reader = DBusReader(body, isLittleEndian: isLittleEndian)
        guard let value = reader.uint32(), value < 2 else { return nil }
        return value == 1
    }
}

/// Writing.
extension DBusMessage {
    /// `NO_AUTO_START`.
    private static let flags: UInt8 = 2
    private static let version: UInt8 = 1

    /// The message as it goes over the wire, integers with their lowest octet first.
    var octets: [UInt8] {
        var fields = DBusWriter()
        // By the numbers of their fields.
        fields.append(field: 1, "o", path)
        fields.append(field: 2, "s", interface)
        fields.append(field: 3, "s", member)
        fields.append(field: 4, "s", errorName)
        if let replySerial {
            fields.align(8)
            fields.append([5, 1, UInt8(ascii: "u"), 0])
            fields.append(uint32: replySerial)
        }
        fields.append(field: 6, "s", destination)
        fields.append(field: 7, "s", sender)
        if !signature.isEmpty {
            fields.align(8)
            fields.append([8, 1, UInt8(ascii: "g"), 0])
            fields.append(signature: signature)
        }
        var message = DBusWriter()
        message.append([UInt8(ascii: "l"), kind.rawValue, Self.flags, Self.version])
        message.append(uint32: UInt32(body.count))
        message.append(uint32: serial)
        message.append(uint32: UInt32(fields.octets.count))
        // 16 octets so far: the fields are aligned as they were by themselves.
        message.append(fields.octets)
        message.align(8)
        message.append(body)
        return message.octets
    }
}

/// Reading.
extension DBusMessage {
    /// What one look at the beginning of some octets says.
    enum Parsed: Hashable, Sendable {
        /// The message goes on.
        case incomplete
        /// A message, and how many octets it took; nil in place of one of a kind that came after this was written.
        case message(DBusMessage?, length: Int)
        /// This is not D-Bus, or longer than we take.
        case malformed
    }

    /// Reads the message at the beginning.
    static func parse(_ octets: [UInt8]) -> Parsed {
        guard let order = octets.first else { return .incomplete }
        guard order == UInt8(ascii: "l") || order == UInt8(ascii: "B") else { return .malformed }
        guard octets.count >= 16 else { return .incomplete }
        guard octets[3] == version else { return .malformed }
        let isLittleEndian = order == UInt8(ascii: "l")
        var reader = DBusReader(octets, isLittleEndian: isLittleEndian)
        reader.skip(4)
        guard let bodyLength = reader.uint32(), let serial = reader.uint32(), let fieldLength = reader.uint32(),
            bodyLength <= limit, fieldLength <= limit, serial != 0
        else { return .malformed }
        let bodyStart = (16 + Int(fieldLength) + 7) & ~7
        let length = bodyStart + Int(bodyLength)
        guard length <= limit else { return .malformed }
        guard octets.count >= length else { return .incomplete }
        guard octets[1] != 0 else { return .malformed }
        guard let kind = Kind(rawValue: octets[1]) else { return .message(nil, length: length) }
        var message = DBusMessage(kind, serial: serial)
        message.isLittleEndian = isLittleEndian
        var fields = DBusReader(Array(octets[..<(16 + Int(fieldLength))]), isLittleEndian: isLittleEndian)
        fields.skip(16)
        guard message.take(&fields) else { return .malformed }
        message.body = Array(octets[bodyStart..<length])
        return .message(message, length: length)
    }

    /// Takes the fields of a header; false when they are not well-formed.
    private mutating func take(_ fields: inout DBusReader) -> Bool {
        while !fields.isAtEnd {
            guard fields.align(8) else { return false }
            guard let number = fields.octet(), let type = fields.signature() else { return false }
            switch type {
            case "s", "o":
                guard let value = fields.string() else { return false }
                take(value, number)
            case "g":
                guard let value = fields.signature() else { return false }
                if number == 8 { signature = value }
            case "u":
                guard let value = fields.uint32() else { return false }
                if number == 5 { replySerial = value }
            // No field of the specification has another type.
            default: return false
            }
        }
        return true
    }

    private mutating func take(_ value: String, _ number: UInt8) {
        switch number {
        case 1: path = value
        case 2: interface = value
        case 3: member = value
        case 4: errorName = value
        case 6: destination = value
        case 7: sender = value
        default: break
        }
    }
}
