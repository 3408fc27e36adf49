// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@Suite("JSON objects")
struct JSONObjectTests {
    @Test(
        "A key is found as Go's decoder finds it",
        arguments: [
            (["mtu": 1], 1), (["MTU": 2], 2), (["mtu": 1, "MTU": 2], 1), (["MTU": 2, "mtu": 1], 1),
            (["MTU": 2, "Mtu": 3], 3), (["mtu2": 1], nil), (["mt": 1], nil), ([:], nil), (["Mtu": nil], .null),
        ] as [(JSONObject, JSONValue?)]
    )
    func anyCase(object: JSONObject, found: JSONValue?) {
        #expect(object["mtu"] == found)
    }

    @Test("Only ASCII letters have a case", arguments: ["İp", "ıp", "ʼip"])
    func folding(key: String) {
        #expect((JSONObject([key: 1]))["ip"] == nil)
        #expect(JSONObject(["a[": 1])["A{"] == nil)
    }

    @Test("An exact key is told from every other spelling")
    func exact() {
        let object: JSONObject = ["MTU": 1, "e\u{301}": 2]
        #expect(object[exact: "mtu"] == nil)
        #expect(object[exact: "MTU"] == 1)
        #expect(object[exact: "\u{e9}"] == nil)
    }

    @Test("Setting keeps places, appends what is new and removes with nil")
    func setting() {
        var object: JSONObject = ["a": 1, "b": 2]
        object[exact: "a"] = 3
        object[exact: "A"] = 4
        #expect(object.members.map(\.key) == ["a", "b", "A"])
        #expect(object[exact: "a"] == 3)
        object[exact: "b"] = nil
        object[exact: "b"] = nil
        #expect(object == ["a": 3, "A": 4])
        #expect(object.count == 2)
    }

    @Test("Removing in any case leaves no spelling behind")
    func removing() {
        var object: JSONObject = ["prevResult": 1, "name": 2, "PREVRESULT": 3]
        object.remove(anyCase: "PrevResult")
        #expect(object == ["name": 2])
        object.remove(anyCase: "NAME")
        #expect(object.isEmpty)
    }

    @Test("Of equal keys in a literal the last value counts")
    func literals() {
        #expect(JSONObject(["a": 1, "b": 2, "a": 3]).members.map(\.value) == [3, 2])
    }

    @Test("The order of members is part of the value")
    func order() {
        #expect((["a": 1, "b": 2] as JSONObject) != ["b": 2, "a": 1])
    }
}
