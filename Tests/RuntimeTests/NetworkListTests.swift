// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Runtime
import Testing

@Suite("Network lists")
struct NetworkListTests {
    private static func parse(_ text: String) throws(CNIError) -> NetworkList {
        try NetworkList(parsing: Array(text.utf8))
    }

    private static func text(_ members: String) -> String {
        "{\"name\":\"lan\",\"plugins\":[{\"type\":\"bridge\"}]\(members)}"
    }

    @Test("A list is read with its plugins in order, and kept as it was written")
    func list() throws {
        let text = """
            { "cniVersion": "1.0.0", "name": "lan", "plugins": [
              {"type": "bridge", "name": "own", "capabilities": {"ips": true, "mac": false, "dns": null}},
              {"type": "portmap"} ] }
            """
        let list = try Self.parse(text)
        #expect(list.name == "lan")
        #expect(list.version == .v1_0_0)
        #expect(list.plugins.map(\.type) == ["bridge", "portmap"])
        #expect(list.plugins.map(\.name) == ["own", ""])
        #expect(list.plugins.map(\.capabilities) == [["ips"], []])
        #expect(list.text == Array(text.utf8))
        #expect(!list.disablesCheck && !list.disablesCollection && !list.loadsOnlyInlinedPlugins)
    }

    @Test(
        "The newest version that we know is taken",
        arguments: [
            ("", .v0_1_0), (#","cniVersion":"""#, .v0_1_0), (#","cniVersion":"0.3.1""#, .v0_3_1),
            (#","cniVersion":"0.3.1","cniVersions":["0.4.0","1.1.0","1.0.0"]"#, .v1_1_0),
            (#","cniVersion":"1.1.0","cniVersions":["0.4.0"]"#, .v1_1_0),
            (#","cniVersions":["0.4.0","9.9.9"]"#, .v0_4_0),
            (#","cniVersion":"9.9.9","cniVersions":["1.0.0"]"#, .v1_0_0),
            (#","cniVersion":"1.0.0","cniVersions":[]"#, .v1_0_0),
        ] as [(String, CNIVersion)]
    )
    func negotiation(members: String, version: CNIVersion) throws {
        #expect(try Self.parse(Self.text(members)).version == version)
    }

    @Test(
        "Switches are booleans or their names in any case",
        arguments: [("true", true), ("false", false), (#""TRUE""#, true), (#""False""#, false), ("null", false)]
    )
    func switches(value: String, isOn: Bool) throws {
        let keys = ["disableCheck", "disableGC", "loadOnlyInlinedPlugins"]
        let list = try Self.parse(Self.text(keys.map { ",\"\($0)\":\(value)" }.joined()))
        #expect([list.disablesCheck, list.disablesCollection, list.loadsOnlyInlinedPlugins] == [isOn, isOn, isOn])
    }

    @Test("A list may have its plugins elsewhere")
    func pluginsElsewhere() throws {
        #expect(try Self.parse(#"{"name":"lan"}"#).plugins == [])
    }

    @Test(
        "What cannot be used is refused with its place",
        arguments: [
            ("[]", "expected an object, found an array of 0"),
            (#"{"name":"lan","plugins":[]}"#, #""plugins" needs an element"#),
            (#"{"name":"lan","loadOnlyInlinedPlugins":true}"#, #""plugins" needs an element"#),
            (#"{"plugins":[{"type":"x"}]}"#, "missing network name"),
            (#"{"name":"a/b","plugins":[{"type":"x"}]}"#, "a/b"),
            (
                #"{"name":"lan","plugins":[{"type":"x"},{"bridge":1}]}"#,
                #"plugins[1]: expected a plugin with its "type""#
            ),
            (
                #"{"name":"lan","plugins":[{"type":"x","capabilities":{"ips":"yes"}}]}"#,
                #"plugins[0].capabilities.ips: expected a boolean, found the string "yes""#
            ),
            (Self.text(#","disableGC":"maybe""#), #"disableGC: expected true or false, found the string "maybe""#),
            (Self.text(#","disableGC":1"#), "disableGC: expected a boolean, found the integer 1"),
            (Self.text(#","cniVersion":"9.9.9""#), "cniVersion: expected one of the versions 0.1.0, 0.2.0, "),
            (Self.text(#","cniVersions":"1.0.0""#), "cniVersions: expected an array"),
        ]
    )
    func refusals(text: String, reason: String) {
        let error = #expect(throws: CNIError.self) { try Self.parse(text) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test("A single plugin is wrapped byte for byte as the original does it")
    func wrapping() throws {
        let text =
            #"{ "type":"bridge", "cniVersion":"1.0.0", "name":"b","ipam":{"type":"static","a":[{"d":1,"c":2}]} }"#
        let list = try NetworkList(wrapping: Array(text.utf8))
        let wrapped =
            #"{"cniVersion":"1.0.0","name":"b","plugins":[{"cniVersion":"1.0.0","#
            + #""ipam":{"a":[{"c":2,"d":1}],"type":"static"},"name":"b","type":"bridge"}]}"#
        #expect(String(decoding: list.text, as: UTF8.self) == wrapped)
        #expect(list == (try Self.parse(wrapped)))
    }
}
