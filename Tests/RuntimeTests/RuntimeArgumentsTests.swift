// SPDX-License-Identifier: Apache-2.0
import CNI
import Runtime
import Testing

@Suite("CNI_ARGS of a runtime")
struct RuntimeArgumentsTests {
    @Test("Pairs keep their order and further equals signs", arguments: ["", "A=b", "IgnoreUnknown=1;A=b=c;B=d"])
    func roundTrip(text: String) throws {
        #expect(try RuntimeArguments(parsing: text).text == text)
    }

    @Test("A pair needs key, sign and value", arguments: ["A", "A=", "=b", ";", "A=b;", ";A=b"])
    func refusals(text: String) {
        let error = #expect(throws: CNIError.self) { try RuntimeArguments(parsing: text) }
        #expect(error?.code == 4)
        #expect(error?.message.hasPrefix("invalid CNI_ARGS pair \"") == true)
    }
}
