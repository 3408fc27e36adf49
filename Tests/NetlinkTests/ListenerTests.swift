// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

@Suite("Listeners")
struct ListenerTests {
    /// An `inet_diag_msg` of state LISTEN.
    private static func message(_ family: String, _ source: String, _ attributes: String = "") -> NetlinkReply {
        reply(
            20,
            """
            \(family) 0a 00 00  | idiag_family, TCP_LISTEN
            1f 90 00 00  | source port 8080, destination port 0
            \(source)  | source
            00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | destination
            00 00 00 00 01 00 00 00 02 00 00 00  | interface, cookie
            00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | expires, queues, user
            78 56 34 12  | inode
            \(attributes)
            """
        )
    }

    private static let v4 = message("02", "0a 01 02 03 00 00 00 00 00 00 00 00 00 00 00 00")
    private static let any4 = message("02", "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00")
    private static let v6 = message("0a", "fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 05", dual)
    private static let any6 = message("0a", "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", dual)
    private static let only6 = message(
        "0a",
        "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
        "05 00 0b 00 01 00 00 00  | INET_DIAG_SKV6ONLY"
    )
    private static let mapped = message("0a", "00 00 00 00 00 00 00 00 00 00 ff ff 0a 01 02 03", dual)
    private static let dual = "05 00 08 00 00 00 00 00  | INET_DIAG_SHUTDOWN\n05 00 0b 00 00 00 00 00  | SKV6ONLY"

    @Test("Address, port and inode are read")
    func fields() throws {
        let listener = try #require(Listener(Self.v4, 6))
        #expect(listener.transport == 6)
        #expect("\(listener.address)" == "10.1.2.3")
        #expect(listener.port == 8080)
        #expect(listener.inode == 0x1234_5678)
        #expect(try "\(#require(Listener(Self.v6, 17)).address)" == "fd00::5")
    }

    @Test("A socket hears the families that its address and its options let through")
    func families() throws {
        let expected: [(NetlinkReply, Bool, Bool)] = [
            (Self.v4, true, false), (Self.any4, true, false), (Self.v6, false, true), (Self.any6, true, true),
            (Self.only6, false, true), (Self.mapped, true, false),
        ]
        for (index, (message, hears4, hears6)) in expected.enumerated() {
            let listener = try #require(Listener(message, 6))
            #expect(listener.hears(.v4) == hears4, "\(index)")
            #expect(listener.hears(.v6) == hears6, "\(index)")
        }
    }

    @Test("A message that is damaged anywhere is one of another socket, or none without its fixed part")
    func damage() {
        for message in [Self.v4, Self.only6] {
            for (index, damaged) in damaged(message).enumerated() {
                #expect((Listener(damaged, 6) == nil) == (damaged.payload.count < 72), "variant \(index)")
            }
        }
    }
}
