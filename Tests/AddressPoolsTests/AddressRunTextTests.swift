// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Testing

@Suite("Texts of runs")
struct AddressRunTextTests {
    @Test(
        "An address, a network and two ends with a dash are read, of both families",
        arguments: [
            ("10.0.0.5", "10.0.0.5"), ("10.0.0.16/28", "10.0.0.16-10.0.0.31"),
            ("10.0.0.100-10.0.0.120", "10.0.0.100-10.0.0.120"), ("10.0.0.7-10.0.0.7", "10.0.0.7"),
            ("10.0.0.7/32", "10.0.0.7"), ("0.0.0.0/0", "0.0.0.0-255.255.255.255"), ("FD00::5", "fd00::5"),
            ("fd00::/126", "fd00::-fd00::3"), ("fd00::10-fd00::1f", "fd00::10-fd00::1f"),
            ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ("::ffff:10.0.0.1-10.0.0.2", "10.0.0.1-10.0.0.2"),
        ]
    )
    func read(text: String, expected: String) throws {
        let run = try AddressRun(parsing: text)
        #expect(run.description == expected)
        #expect(try AddressRun(parsing: run.description) == run)
    }

    private static let hint = """
         is no address: write one (10.0.0.5), a network (10.0.0.16/28) or a range (10.0.0.5-10.0.0.9)
        """

    @Test(
        "Anything else is refused with what to write instead",
        arguments: [
            ("", "\"\"" + hint), ("ten", "\"ten\"" + hint), ("10.0.0.5-", "\"10.0.0.5-\"" + hint),
            ("-10.0.0.5", "\"-10.0.0.5\"" + hint), ("10.0.0.5 - 10.0.0.9", "\"10.0.0.5 - 10.0.0.9\"" + hint),
            ("10.0.0.1-10.0.0.2-10.0.0.3", "\"10.0.0.1-10.0.0.2-10.0.0.3\"" + hint),
            ("10.0.0.0/28-10.0.0.31", "\"10.0.0.0/28-10.0.0.31\"" + hint), ("10.0.0.0/33", "\"10.0.0.0/33\"" + hint),
            ("10.0.0.9-10.0.0.5", "\"10.0.0.9-10.0.0.5\" ends before it begins: write 10.0.0.5-10.0.0.9"),
            (
                "10.0.0.9-fd00::9",
                "\"10.0.0.9-fd00::9\" has ends of different families: give both as IPv4 or both as IPv6"
            ),
            ("10.0.0.17/28", "\"10.0.0.17/28\" has host bits set: write 10.0.0.16/28 or 10.0.0.17"),
        ]
    )
    func refused(text: String, message: String) throws {
        let error = try #require(throws: PoolError.self) { try AddressRun(parsing: text) }
        #expect(error.message == message)
    }
}
