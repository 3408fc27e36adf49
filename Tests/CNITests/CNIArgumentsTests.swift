// SPDX-License-Identifier: Apache-2.0
import CNI
import Testing

@Suite("CNI_ARGS")
struct CNIArgumentsTests {
    @Test("Nothing given is nothing said")
    func empty() throws {
        let arguments = try CNIArguments(parsing: "")
        #expect(arguments.ips == [])
        #expect(arguments.gateways == [])
        #expect(arguments.mac == nil)
        #expect(arguments.extra == [])
    }

    @Test(
        "Addresses may be one, several or none",
        arguments: [
            ("IP=10.1.2.3", ["10.1.2.3"]), ("IP=10.1.2.3/24,fd00::1", ["10.1.2.3/24", "fd00::1"]), ("IP=", []),
            ("IP=a,,b", ["a", "", "b"]), ("IP=1;IP=2", ["2"]), ("IP=1;IP=", []), ("MAC=x", []),
        ]
    )
    func addresses(text: String, ips: [String]) throws {
        #expect(try CNIArguments(parsing: text).ips == ips)
        let renamed = text.replacing("IP", with: "GATEWAY")
        #expect(try CNIArguments(parsing: renamed).gateways == ips)
    }

    @Test(
        "Of equal keys the last one counts",
        arguments: [("MAC=a;MAC=b", "b"), ("MAC=a;MAC=", nil), ("MAC=;MAC=b", "b"), ("MAC=", nil)]
            as [(String, String?)]
    )
    func mac(text: String, mac: String?) throws {
        #expect(try CNIArguments(parsing: text).mac == mac)
    }

    @Test(
        "Unknown pairs are refused by name",
        arguments: ["", "IgnoreUnknown=0;", "IgnoreUnknown=1;IgnoreUnknown=FALSE;"]
    )
    func unknown(prefix: String) {
        let error = #expect(throws: CNIError.self) { try CNIArguments(parsing: prefix + "IP=1;FOO=1;ip=2") }
        #expect(error?.code == CNIError.Code.invalidEnvironment.rawValue)
        #expect(error?.message == #"ARGS: unknown args ["FOO=1" "ip=2"]"#)
    }

    @Test("IgnoreUnknown allows them wherever it stands", arguments: ["1", "true", "TRUE", "True"])
    func ignoring(value: String) throws {
        let arguments = try CNIArguments(parsing: "K8S_POD_NAME=a=b=;=x;IP=1;IgnoreUnknown=\(value);mac=2")
        #expect(arguments.extra.map(\.key) == ["K8S_POD_NAME", "", "mac"])
        #expect(arguments.extra.map(\.value) == ["a=b=", "x", "2"])
        #expect(arguments.ips == ["1"])
        #expect(arguments.mac == nil)
    }

    @Test("IgnoreUnknown is a truth value or an error", arguments: ["", "yes", "2", "1 "])
    func notTruth(value: String) {
        let error = #expect(throws: CNIError.self) { try CNIArguments(parsing: "IgnoreUnknown=\(value)") }
        #expect(error?.message == "ARGS: error parsing value of pair \"IgnoreUnknown=\(value)\"")
    }

    @Test(
        "A pair has exactly one equals sign, unless it is unknown and ignored",
        arguments: [
            ("FOO", "FOO"), ("IgnoreUnknown=1;FOO", "FOO"), ("IP=1;", ""), (";IP=1", ""), (";", ""),
            ("IP=a=b", "IP=a=b"), ("IgnoreUnknown=1;MAC=a=", "MAC=a="), ("FOO=a=b", "FOO=a=b"),
        ]
    )
    func invalidPairs(text: String, pair: String) {
        let expected = CNIError(
            .invalidEnvironment,
            "ARGS: invalid pair \"\(pair)\"",
            details: "CNI_ARGS is \"\(text)\""
        )
        #expect(throws: expected) { try CNIArguments(parsing: text) }
    }

    @Test("A combining mark cannot hide a separator")
    func combining() throws {
        let arguments = try CNIArguments(parsing: "IP=\u{338}1;\u{338}X=2;IgnoreUnknown=1")
        #expect(arguments.ips == ["\u{338}1"])
        #expect(arguments.extra.count == 1)
    }
}
