// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Testing

@Suite("Versions of the specification")
struct CNIVersionTests {
    @Test("Versions are ordered as they were published")
    func order() {
        let published = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
        #expect(CNIVersion.allCases.map(\.rawValue) == published)
        #expect(CNIVersion.allCases.shuffled().sorted() == CNIVersion.allCases)
        #expect(CNIVersion.newest == CNIVersion.allCases.max())
    }

    @Test("Only exact spellings of known versions are versions", arguments: ["", "1.0", "v1.0.0", "1.2.0", " 1.0.0"])
    func refusing(text: String) {
        #expect(CNIVersion(text) == nil)
    }

    @Test("VERSION names the newest version and the supported ones, whatever those are")
    func reply() {
        let reply = VersionReply.json(supported: [.v0_4_0, .v1_0_0])
        let text = #"{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0"]}"#
        #expect(String(decoding: reply.serialized(), as: UTF8.self) == text)
    }
}
