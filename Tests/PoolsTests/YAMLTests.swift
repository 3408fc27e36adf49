// SPDX-License-Identifier: Apache-2.0
import JSON
import Pools
import Testing

@Suite("YAML")
struct YAMLTests {
    @Test("Objects and lists stand in block style, the first member on the line of the dash")
    func blocks() {
        let value: JSONValue = ["leases": [["address": "10.0.0.1", "count": 3], ["empty": []]], "ok": true]
        #expect(
            value.yaml == """
                leases:
                  - address: "10.0.0.1"
                    count: 3
                  - empty: []
                ok: true

                """
        )
    }

    @Test("A list in a list begins on the line of the outer dash")
    func nestedLists() {
        let value: JSONValue = [[1, 2], [], [[3]]]
        #expect(value.yaml == "- - 1\n  - 2\n- []\n- - - 3\n")
    }

    @Test(
        "What could be taken for something else stands in quotes",
        arguments: ["true", "1", "-", "", "a: b", "null", "~"]
    )
    func quotes(text: String) {
        #expect(JSONValue.string(text).yaml == "\"\(text)\"\n")
    }

    @Test("Names and paths stand as they are", arguments: ["eth0", "/etc/cni/net.d/10-lan.conflist", "web-1"])
    func plain(text: String) {
        #expect(JSONValue.string(text).yaml == "\(text)\n")
    }
}
