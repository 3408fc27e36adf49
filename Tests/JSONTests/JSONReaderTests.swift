// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@Suite("Typed reading of JSON")
struct JSONReaderTests {
    private let configuration = JSONReader([
        "Name": "demo", "mtu": "1500", "isGateway": true, "vlan": 4095, "rate": 1500.0, "absent": nil,
        "IPAM": ["ranges": [[["subnet": "10.0.0.0/24"]], [[:], ["Subnet": 5]]]],
    ])

    @Test("Members of the right type are read in any case")
    func reading() throws {
        #expect(try configuration.string("name") == "demo")
        #expect(try configuration.bool("ISGATEWAY") == true)
        #expect(try configuration.integer("Vlan", in: 0...5000) == 4095)
        #expect(try configuration.member("vlan")?.integer() == 4095)
        #expect(try configuration.object("ipam")?.array("Ranges")?.count == 2)
    }

    @Test("Absent and null members are nil whatever type is asked for", arguments: ["absent", "missing"])
    func absence(key: String) throws {
        #expect(try configuration.member(key) == nil)
        #expect(try configuration.string(key) == nil)
        #expect(try configuration.bool(key) == nil)
        #expect(try configuration.integer(key, in: 0...1) == nil)
        #expect(try configuration.array(key) == nil)
        #expect(try configuration.object(key) == nil)
    }

    struct Mismatch: Sendable {
        let message: String
        let read: @Sendable (JSONReader) throws -> Any?

        init(_ message: String, _ read: @escaping @Sendable (JSONReader) throws -> Any?) {
            self.message = message
            self.read = read
        }
    }

    @Test(
        "A wrong type is named with its place, what was expected and what was found",
        arguments: [
            Mismatch(#"mtu: expected an integer, found the string "1500""#) { try $0.integer("mtu", in: 0...9) },
            Mismatch(#"mtu: expected a boolean, found the string "1500""#) { try $0.bool("mtu") },
            Mismatch("isGateway: expected an integer, found the boolean true") {
                try $0.integer("isgateway", in: 0...9)
            },
            Mismatch("rate: expected an integer, found the real number 1500.0") {
                try $0.integer("rate", in: 0...9999)
            },
            Mismatch("vlan: expected an integer from 0 to 4094, found the integer 4095") {
                try $0.integer("VLAN", in: 0...4094)
            },
            Mismatch("IPAM: expected a string, found an object of 1") { try $0.string("ipam") },
            Mismatch("IPAM: expected an array, found an object of 1") { try $0.array("ipam") },
            Mismatch("IPAM.ranges: expected an object, found an array of 2") {
                try $0.object("ipam")?.object("ranges")
            },
            Mismatch(#"Name: expected an object, found the string "demo""#) { try $0.member("name")?.member("x") },
            Mismatch("IPAM.ranges[1][1].Subnet: expected a string, found the integer 5") {
                try $0.object("ipam")?.array("ranges")?[1].array()[1].string("subnet")
            },
        ]
    )
    func mismatches(mismatch: Mismatch) {
        let error = #expect(throws: JSONTypeError.self) { try mismatch.read(configuration) }
        #expect(error?.description == mismatch.message)
    }

    @Test(
        "The document itself is named by no path",
        arguments: [
            (.null, "null"), ([], "an array of 0"), ("x", #"the string "x""#), (7, "the integer 7"),
        ] as [(JSONValue, String)]
    )
    func top(value: JSONValue, found: String) {
        let error = #expect(throws: JSONTypeError.self) { try JSONReader(value).object() }
        #expect(error?.description == "expected an object, found \(found)")
    }

    @Test("Long and many-lined values are shortened and quoted")
    func shortening() {
        let text = "a\n" + String(repeating: "e\u{301}", count: 10_000)
        let error = #expect(throws: JSONTypeError.self) { try JSONReader(.string(text), path: "x").bool() }
        let shown = "\"a\\n" + String(repeating: "e\u{301}", count: 29) + "\"..."
        #expect(error?.found == "the string " + shown)
    }

    @Test("A string that the kernel would cut short is refused")
    func terminators() {
        let error = #expect(throws: JSONTypeError.self) { try JSONReader(["master": "eth0\0x"]).string("master") }
        #expect(error?.description == #"master: expected a string without NUL, found the string "eth0\u0000x""#)
    }

    @Test("The widest bounds hold every integer", arguments: [Int64.min, 0, .max])
    func bounds(number: Int64) throws {
        #expect(try JSONReader(.integer(number)).integer(in: .min ... .max) == Int(number))
    }
}
