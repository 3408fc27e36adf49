// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Netlink

@Suite("Netlink replies")
struct NetlinkReplyTests {
    /// Two messages, the first of which needs padding.
    private static let datagram = octets(
        """
        12 00 00 00  | length 18
        10 00 02 00  | RTM_NEWLINK, NLM_F_MULTI
        05 00 00 00 00 00 00 00  | sequence 5, port 0
        aa bb 00 00  | payload and padding
        14 00 00 00  | length 20
        03 00 02 00  | NLMSG_DONE, NLM_F_MULTI
        06 00 00 00 00 00 00 00  | sequence 6, port 0
        00 00 00 00  | payload
        """
    )

    @Test("A datagram is cut into its messages")
    func messages() {
        let messages = NetlinkReply.messages(in: Self.datagram)
        #expect(messages.map(\.type) == [16, 3])
        #expect(messages.map(\.flags) == [2, 2])
        #expect(messages.map(\.sequence) == [5, 6])
        #expect(messages.map { Array($0.payload) } == [[0xaa, 0xbb], [0, 0, 0, 0]])
    }

    @Test("A datagram that is cut off anywhere yields its whole messages", arguments: 0...40)
    func cutOff(count: Int) {
        let messages = NetlinkReply.messages(in: Array(Self.datagram.prefix(count)))
        #expect(messages.count == (count < 18 ? 0 : count < 40 ? 1 : 2))
    }

    @Test(
        "A length that cannot be ends the datagram",
        arguments: [
            [0, 0, 0, 0], [15, 0, 0, 0], [0x29, 0, 0, 0], [0xff, 0xff, 0xff, 0x7f], [0xff, 0xff, 0xff, 0xff],
        ]
            as [[UInt8]]
    )
    func length(octets: [UInt8]) {
        let wrong = octets + Self.datagram.dropFirst(4)
        #expect(NetlinkReply.messages(in: wrong).isEmpty)
        let behind = Self.datagram.prefix(20) + octets + Self.datagram.dropFirst(24)
        #expect(NetlinkReply.messages(in: Array(behind)).map(\.type) == [16])
    }

    @Test(
        "The errno of a verdict is given as a positive number, 0 for an acknowledgement",
        arguments: [("00 00 00 00", 0), ("ef ff ff ff", 17), ("ed ff ff ff", 19), ("", 0), ("ef ff ff", 0)]
            as [(String, CInt)]
    )
    func errno(payload: String, expected: CInt) {
        #expect(reply(2, payload).errno == expected)
    }

    @Test("A verdict that no kernel gives does not stop us")
    func impossibleErrno() {
        #expect(reply(2, "00 00 00 80").errno != 0)
    }
}

@Suite("The kernel's explanations")
struct NetlinkExplanationTests {
    private static let capped = """
        ef ff ff ff  | error -17, EEXIST
        20 00 00 00 10 00 01 06 05 00 00 00 00 00 00 00  | header of the request, which was of 32 octets
        08 00 02 00 0c 00 00 00  | NLMSGERR_ATTR_OFFS
        09 00 01 00 74 61 6b 65 6e 00 00 00  | NLMSGERR_ATTR_MSG: taken
        """
    private static let echoed = """
        ef ff ff ff  | error -17, EEXIST
        1e 00 00 00 10 00 01 06 05 00 00 00 00 00 00 00  | header of the request, which was of 30 octets
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | rest of it and padding
        09 00 01 00 74 61 6b 65 6e 00 00 00  | NLMSGERR_ATTR_MSG: taken
        """
    private static let done = """
        ef ff ff ff  | error -17, EEXIST
        09 00 01 00 74 61 6b 65 6e 00 00 00  | NLMSGERR_ATTR_MSG: taken
        """

    @Test(
        "An explanation stands behind what is echoed of the request",
        arguments: [(2, 0x300, capped), (2, 0x200, echoed), (3, 0x202, done)]
    )
    func explanation(type: Int, flags: Int, payload: String) {
        let reply = reply(type, payload, flags: flags)
        #expect(reply.explanation == "taken")
        #expect(reply.errno == 17)
    }

    @Test("Without the flag there is none, whatever stands there", arguments: [capped, echoed])
    func noFlag(payload: String) {
        #expect(reply(2, payload, flags: 0x100).explanation == nil)
    }

    @Test("Without a message there is none, whatever else is said")
    func noMessage() {
        let payload = Self.capped.split(separator: "\n").prefix(3).joined(separator: "\n")
        #expect(reply(2, payload, flags: 0x300).explanation == nil)
    }

    @Test(
        "An explanation that is cut off is none",
        arguments: [(2, 0x300, capped), (2, 0x200, echoed), (3, 0x202, done)]
    )
    func cutOff(type: Int, flags: Int, payload: String) {
        let whole = octets(payload)
        // Up to three octets of padding may be missing.
        for count in 0..<(whole.count - 3) {
            let reply = NetlinkReply(type: type, flags: flags, sequence: 1, payload: whole[..<count])
            #expect(reply.explanation == nil, "\(count) octets")
        }
    }

    @Test("An echo longer than the reply hides nothing we could read", arguments: ["ff ff ff 7f", "ff ff ff ff"])
    func impossibleEcho(length: String) {
        let payload = "ef ff ff ff " + length + " 00 00 00 00 09 00 01 00 74 61 6b 65 6e 00 00 00"
        #expect(reply(2, payload, flags: 0x200).explanation == nil)
    }
}

@Suite("Netlink attributes")
struct NetlinkAttributesTests {
    private static let attributes = octets(
        """
        05 00 01 00 aa 00 00 00  | type 1: one octet and padding
        04 00 02 00  | type 2: nothing
        08 00 03 80 01 02 03 04  | type 3, nested
        06 00 01 40 bb cc  | type 1 again, in network order, the last one: without padding
        """
    )

    @Test("Attributes come in order, without the bits that say how they are written")
    func order() {
        let list = Array(NetlinkAttributes(Self.attributes[...]))
        #expect(list.map(\.type) == [1, 2, 3, 1])
        #expect(list.map { Array($0.value) } == [[0xaa], [], [1, 2, 3, 4], [0xbb, 0xcc]])
    }

    @Test("Of equal types the first one is found")
    func find() {
        let attributes = NetlinkAttributes(Self.attributes[...])
        #expect(attributes[1].map { Array($0) } == [0xaa])
        #expect(attributes[2].map { Array($0) } == [])
        #expect(attributes[4] == nil)
    }

    @Test("Attributes that are cut off anywhere yield the whole ones", arguments: 0...26)
    func cutOff(count: Int) {
        let list = Array(NetlinkAttributes(Self.attributes[..<count]))
        let ends = [5, 12, 20, 26]
        #expect(list.count == ends.count { $0 <= count })
    }

    @Test("A length that cannot be ends the list", arguments: ["00 00", "03 00", "ff ff", "21 00"])
    func length(text: String) {
        let list = octets("05 00 01 00 aa 00 00 00 \(text) 02 00 aa aa aa aa aa aa aa aa")
        #expect(NetlinkAttributes(list[...]).map(\.type) == [1])
    }

    @Test("Integers are in host order at any offset, and past the end there is none")
    func integers() {
        let slice = [9, 9, 1, 2, 3, 4, 5][2...] as ArraySlice<UInt8>
        #expect(slice.integer(as: UInt32.self) == 0x0403_0201)
        #expect(slice.integer(at: 1, as: UInt32.self) == 0x0504_0302)
        #expect(slice.integer(at: 2, as: UInt32.self) == nil)
        #expect(slice.integer(at: -1, as: UInt8.self) == nil)
        #expect(slice.integer(at: 4, as: UInt8.self) == 5)
        #expect(slice.integer(at: 5, as: UInt8.self) == nil)
        #expect(([] as ArraySlice<UInt8>).integer(as: UInt16.self) == nil)
    }

    @Test(
        "A text ends at its zero or with its attribute",
        arguments: [("61 62 00 63", "ab"), ("61 62", "ab"), ("", "")]
    )
    func text(hexadecimal: String, expected: String) {
        #expect(octets(hexadecimal)[...].text == expected)
    }
}
