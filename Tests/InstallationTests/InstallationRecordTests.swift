// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@testable import Installation

@Suite("Installation records")
struct InstallationRecordTests {
    private static func record(_ text: String) throws -> InstallationRecord {
        try InstallationRecord(JSONReader(try JSONValue(parsing: text)))
    }

    @Test("A record is read as it was written")
    func roundTrip() throws {
        var record = InstallationRecord()
        record.installed = .init(number: 3, release: "0.1.0", programs: ["bridge": "aa", "dhcp": "bb"])
        record.wanted = .init(number: 4, release: "0.2.0", programs: ["bridge": "cc"])
        record.change = .init(number: 4, names: ["bridge", "dhcp"])
        record.configuration = .init(name: "10-culvert.conflist", digest: "dd")
        #expect(try InstallationRecord(JSONReader(record.json)) == record)
    }

    @Test(
        "A record that leads out of its directory, or that a later release wrote, is refused",
        arguments: [
            "{}", #"{"layout": 2}"#, "[]",
            #"{"layout": 1, "change": {"set": 1, "names": ["../x"]}}"#,
            #"{"layout": 1, "change": {"set": 0, "names": []}}"#,
            #"{"layout": 1, "change": {"names": []}}"#,
            #"{"layout": 1, "installed": {"set": 1, "programs": {"a/b": ""}}}"#,
            #"{"layout": 1, "installed": {"set": 1, "programs": {".culvert": ""}}}"#,
            #"{"layout": 1, "configuration": {"name": "/etc/passwd"}}"#,
        ]
    )
    func refused(text: String) {
        #expect(throws: JSONTypeError.self) { try Self.record(text) }
    }
}
