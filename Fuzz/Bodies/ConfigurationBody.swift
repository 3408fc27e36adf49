// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON

/// Reads the bytes as a network configuration, writes it and reads that.
///
/// - Throws: `BrokenPromise` unless bad input is refused with a code of its own and good input survives unchanged.
package func exerciseConfiguration(_ bytes: [UInt8]) throws(BrokenPromise) {
    if let document = try? JSONValue(parsing: bytes) {
        for indent in [0, 4] {
            let text = document.serialized(indent: indent)
            let again = try promise("what we write can be read") { () throws(JSONValue.SyntaxError) in
                try JSONValue(parsing: text)
            }
            try promise("a document survives writing", again == document)
        }
    }
    let configuration: NetworkConfiguration
    do throws(CNIError) {
        configuration = try NetworkConfiguration(parsing: bytes)
    } catch {
        try promise("bad input is code 1, 6 or 7", [1, 6, 7].contains(error.code))
        let answer = error.json(version: "1.1.0").serialized()
        try promise("an error can be printed", (try? JSONValue(parsing: answer)) == error.json(version: "1.1.0"))
        return
    }
    let again = try promise("an accepted configuration is accepted again") { () throws(CNIError) in
        try NetworkConfiguration(parsing: JSONValue.object(configuration.object).serialized())
    }
    try promise("a configuration survives writing", again == configuration)
}
