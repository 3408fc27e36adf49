// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Testing

@Suite("Errors for the runtime")
struct CNIErrorTests {
    @Test(
        "Empty members are left out of the error object",
        arguments: [
            ("", "", #"{"code":7,"msg":"m"}"#),
            ("", "d", #"{"code":7,"msg":"m","details":"d"}"#),
            ("0.4.0", "d", #"{"cniVersion":"0.4.0","code":7,"msg":"m","details":"d"}"#),
        ]
    )
    func json(version: String, details: String, text: String) {
        let error = CNIError(.invalidConfiguration, "m", details: details)
        #expect(String(decoding: error.json(version: version).serialized(), as: UTF8.self) == text)
    }

    @Test(
        "Codes are those of the specification, of libcni and ours from 100",
        arguments: [
            (.incompatibleVersion, 1), (.unsupportedField, 2), (.unknownContainer, 3), (.invalidEnvironment, 4),
            (.inputOutput, 5), (.decoding, 6), (.invalidConfiguration, 7), (.invalidNamespace, 8),
            (.tryAgainLater, 11), (.unavailable, 50), (.limitedConnectivity, 51), (.kernelRefused, 100),
            (.interfaceExists, 101), (.addressConflict, 102), (.addressesExhausted, 103),
            (.addressUnavailable, 104), (.verificationFailed, 105), (.storeUnusable, 106), (.delegateFailed, 107),
            (.internal, 999),
        ] as [(CNIError.Code, Int)]
    )
    func codes(code: CNIError.Code, number: Int) {
        #expect(CNIError(code, "m").code == number)
    }

    @Test("In a log line the details follow the message")
    func description() {
        #expect("\(CNIError(.decoding, "m"))" == "m")
        #expect("\(CNIError(.decoding, "m", details: "d"))" == "m: d")
    }
}
