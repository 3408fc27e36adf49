// SPDX-License-Identifier: Apache-2.0
import Plugin
import Testing

@Suite("Limits of input")
struct InputLimitsTests {
    @Test(
        "Values are counted, and commas in strings are not",
        arguments: [
            (#"[1,2,3,4]"#, 5), (#"{"a":1,"b":[1,2]}"#, 5), (#"["a,b,c,d,e,f,g"]"#, 2), (#"["\",\",\\",1]"#, 3),
            (#"[[[[[[]]]]]]"#, 7), (#"{"a":{"b":{}}}"#, 4),
        ]
    )
    func counted(text: String, values: Int) {
        let text = Array(text.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: 40)
        #expect(InputLimits.admits(text, values: values))
        #expect(!InputLimits.admits(text, values: values - 1))
    }

    @Test("A text that is too short for many values is not looked at")
    func short() {
        #expect(InputLimits.admits(Array("[,,,,,,,,".utf8), values: 5))
        #expect(!InputLimits.admits(Array("[,,,,,,,,".utf8), values: 4))
    }
}
