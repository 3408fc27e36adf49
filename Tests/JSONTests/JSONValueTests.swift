// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@Suite("JSON texts")
struct JSONValueTests {
    @Test(
        "Any value may stand at the top",
        arguments: [
            ("null", .null), ("true", true), ("false", false),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775807", .integer(.max)), ("-0", 0),
            ("1500.0", .real(1500)), ("1e3", .real(1000)),
            (#""""#, ""), (#""a\u0000b\/\ud83d\ude00""#, .string("a\0b/\u{1f600}")),
            ("[]", []), (" [1 ,[ ]]\n", [1, []]), ("{}", [:]), (#"{"a":{"b":null}}"#, ["a": ["b": nil]]),
        ] as [(String, JSONValue)]
    )
    func parsing(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", " ", "nul", "[1,]", "{,}", #"{"a" 1}"#, #"{"a":1"#, "{} {}", "[] x", "01", "+1", ".5", "1.", "NaN",
            "'a'", "\"a", "\"\n\"", #""\x""#, #""\ud800""#, "9223372036854775808", "-9223372036854775809", "1e999",
            #"{"a\u0000":1}"#, "// c\n1", "\u{feff}1",
        ]
    )
    func refusing(text: String) {
        #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(parsing: text) }
    }

    @Test(
        "Text that is not UTF-8 is refused",
        arguments: [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xff]] as [[UInt8]]
    )
    func encoding(bytes: [UInt8]) {
        let quoted = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
        #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(parsing: quoted) }
    }

    @Test("A syntax error names what was expected and where")
    func syntaxError() throws {
        let error = try #require(throws: JSONValue.SyntaxError.self) {
            try JSONValue(parsing: "{\n  \"é\": 1,\n  \"b\" 2}")
        }
        #expect(error.problem == "':' expected near '2'")
        #expect(error.line == 3)
        #expect(error.column == 7)
        #expect(error.offset == 20)
        #expect("\(error)" == "':' expected near '2' (line 3, column 7, byte 20)")
    }

    @Test("A text cut off anywhere is refused or a shorter value, never a trap")
    func truncation() throws {
        let text = Array(#"{"a":[1,2.5,true,null,"\u00e9\n"],"b":{"c":"ü"}}"#.utf8)
        for length in 0..<text.count {
            #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(parsing: Array(text.prefix(length))) }
        }
    }

    @Test("Nesting is bounded")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        let deepest = try JSONValue(parsing: nested(2048))
        #expect(String(decoding: deepest.serialized(), as: UTF8.self) == nested(2048))
        #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(parsing: nested(2049)) }
        #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
    }

    @Test("Of members with equal keys the last value counts, in the first one's place")
    func duplicates() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#) == ["a": 3, "b": 2])
    }

    @Test(
        "Serialising keeps order, slashes and letters, and ends without newline",
        arguments: [
            #"{"z":1,"a":[],"M":{},"m":[null,true,false,-5]}"#, #""/run/netns/é\u0000\n\"\\""#,
            "[1.0,1e+40,0.5,0.1,-2.5e-09]", "{}",
        ]
    )
    func serializing(text: String) throws {
        let bytes = try JSONValue(parsing: text).serialized()
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test("Indented text has one member per line")
    func indenting() {
        let value: JSONValue = ["a": [1, "x"], "b": [:], "c": []]
        let text = """
            {
                "a": [
                    1,
                    "x"
                ],
                "b": {},
                "c": []
            }
            """
        #expect(String(decoding: value.serialized(indent: 4), as: UTF8.self) == text)
    }

    @Test("Every number comes back as it went out", arguments: [0.1, -1.5e-300, 2.3e-308, 1.797e308, -0.0, 3])
    func reals(number: Double) throws {
        #expect(try JSONValue(parsing: JSONValue.real(number).serialized()) == .real(number))
    }
}
