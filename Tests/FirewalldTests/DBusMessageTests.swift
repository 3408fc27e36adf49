// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Firewalld

/// Reads annotated hexadecimal: of each line what stands before the bar.
private func octets(_ text: String) -> [UInt8] {
    text.split(separator: "\n").flatMap { line in
        line.prefix { $0 != "|" }.split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }
}

private let call = DBusMessage.call(
    serial: 2,
    destination: "org.a",
    path: "/o",
    interface: "i.f",
    member: "addSource",
    ["public", "10.0.0.1/32"]
)

private let callOctets = octets(
    """
    6c 01 02 01  | little-endian, METHOD_CALL, NO_AUTO_START, version 1
    1c 00 00 00  | body of 28
    02 00 00 00  | serial 2
    50 00 00 00  | fields of 80
    01 01 6f 00 02 00 00 00  | PATH, o, 2
        2f 6f 00 00 00 00 00 00  | /o
    02 01 73 00 03 00 00 00  | INTERFACE, s, 3
        69 2e 66 00 00 00 00 00  | i.f
    03 01 73 00 09 00 00 00  | MEMBER, s, 9
        61 64 64 53 6f 75 72 63 65 00 00 00 00 00 00 00  | addSource
    06 01 73 00 05 00 00 00  | DESTINATION, s, 5
        6f 72 67 2e 61 00 00 00  | org.a
    08 01 67 00 02 73 73 00  | SIGNATURE, g, ss
    | the body begins at a multiple of 8
    06 00 00 00  | 6
        70 75 62 6c 69 63 00 00  | public
    0b 00 00 00  | 11
        31 30 2e 30 2e 30 2e 31 2f 33 32 00  | 10.0.0.1/32
    """
)

/// `true` for serial 3, from a machine with the other order.
private let returnOctets = octets(
    """
    42 02 01 01  | big-endian, METHOD_RETURN, NO_REPLY_EXPECTED, version 1
    00 00 00 04  | body of 4
    00 00 00 09  | serial 9
    00 00 00 1f  | fields of 31
    05 01 75 00 00 00 00 03  | REPLY_SERIAL, u, 3
    07 01 73 00 00 00 00 04  | SENDER, s, 4
        3a 31 2e 35 00 00 00 00  | :1.5
    08 01 67 00 01 62 00  | SIGNATURE, g, b
    00
    00 00 00 01  | true
    """
)

@Suite("Messages of D-Bus")
struct DBusMessageTests {
    @Test("A call is written as the specification says")
    func writing() {
        #expect(call.octets == callOctets)
    }

    @Test("What is written is read again")
    func roundTrip() {
        #expect(DBusMessage.parse(callOctets) == .message(call, length: callOctets.count))
        #expect(DBusMessage.parse(callOctets + [0x6c, 1]) == .message(call, length: callOctets.count))
        #expect(call.string == "public")
        #expect(call.boolean == nil)
    }

    @Test("An answer of the other order of octets is read")
    func otherOrder() {
        guard case .message(let message, let length) = DBusMessage.parse(returnOctets) else {
            Issue.record("not a message")
            return
        }
        #expect(length == returnOctets.count)
        #expect(message?.kind == .methodReturn)
        #expect(message?.serial == 9)
        #expect(message?.replySerial == 3)
        #expect(message?.sender == ":1.5")
        #expect(message?.boolean == true)
        #expect(message?.string == nil)
    }

    @Test("An error has a name, and a text if it likes")
    func error() {
        var error = DBusMessage(.error, serial: 7)
        error.errorName = "org.fedoraproject.FirewallD1.Exception"
        error.replySerial = 2
        #expect(DBusMessage.parse(error.octets) == .message(error, length: error.octets.count))
        #expect(error.string == nil)
        error.signature = "s"
        #expect(error.string == nil)
        var writer = DBusWriter()
        writer.append(string: "INVALID_ZONE: nozone")
        error.body = writer.octets
        #expect(DBusMessage.parse(error.octets) == .message(error, length: error.octets.count))
        #expect(error.string == "INVALID_ZONE: nozone")
    }

    @Test("A message that is cut off anywhere is incomplete")
    func cutOff() {
        for message in [callOctets, returnOctets] {
            for count in message.indices { #expect(DBusMessage.parse(Array(message[..<count])) == .incomplete) }
        }
    }

    @Test("Whatever any octet is, no message is longer than what there is")
    func damage() {
        var malformed = 0
        for message in [callOctets, returnOctets] {
            for index in message.indices {
                for octet in [0x00, 0x01, 0x07, 0x7f, 0x80, 0xff] as [UInt8] {
                    var damaged = message
                    damaged[index] = octet
                    switch DBusMessage.parse(damaged) {
                    case .message(let message, let length):
                        #expect(length <= damaged.count)
                        // Bodies are read like everything else.
                        _ = (message?.string, message?.boolean)
                    case .malformed: malformed += 1
                    case .incomplete: continue
                    }
                }
            }
        }
        #expect(malformed > 100)
    }

    @Test("A body that ends anywhere holds no value")
    func shortBodies() {
        var message = call
        for count in 0..<11 {
            message.body = Array(call.body[..<count])
            #expect(message.string == nil)
        }
        message.body = Array(call.body[..<11])
        #expect(message.string == "public")
        message.signature = "b"
        for body in [[], [1, 0, 0], [2, 0, 0, 0], [1, 0, 0, 1]] as [[UInt8]] {
            message.body = body
            #expect(message.boolean == nil)
        }
    }

    @Test(
        "What is no D-Bus, or too long, is malformed",
        arguments: [
            [0x00], [0x6d], [0x6c, 1, 0, 2] + [UInt8](repeating: 0, count: 12),
            // Serial 0, kind 0, and lengths of a gigabyte.
            [0x6c, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0x6c, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            [0x6c, 1, 0, 1, 0, 0, 0, 0x40, 1, 0, 0, 0, 0, 0, 0, 0],
            [0x6c, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40],
            [0x6c, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        ] as [[UInt8]]
    )
    func malformed(octets: [UInt8]) {
        #expect(DBusMessage.parse(octets) == .malformed)
    }

    @Test("A message of a kind that nobody has heard of is passed over")
    func unknown() {
        var octets = callOctets
        octets[1] = 9
        #expect(DBusMessage.parse(octets) == .message(nil, length: callOctets.count))
    }

    @Test(
        "The bus listens where its address says",
        arguments: [
            (nil, "/run/dbus/system_bus_socket"), ("", "/run/dbus/system_bus_socket"),
            ("unix:path=/x/y", "/x/y"), ("unix:guid=1,path=/x,a=b", "/x"),
            ("tcp:host=h;unix:path=/x;unix:path=/y", "/x"),
            ("unix:abstract=/x", "/run/dbus/system_bus_socket"), ("unix:path=", "/run/dbus/system_bus_socket"),
            ("unix:path=/a%20b", "/run/dbus/system_bus_socket"),
        ] as [(String?, String)]
    )
    func address(address: String?, path: String) {
        #expect(FirewallDaemon.socketPath(address) == path)
    }
}
