// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Runtime

@Suite("Base64")
struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(
        "Texts are encoded and decoded as in the RFC",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func vectors(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
    }

    @Test("All bytes survive", arguments: 0...9)
    func roundTrip(offset: Int) {
        let bytes = (0..<(256 + offset)).map { UInt8(truncatingIfNeeded: $0 * 7 + offset) }
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }

    @Test("What is cut off, ill padded or of another alphabet is refused", arguments: ["Zg", "Zg=", "Z===", "Zm9-"])
    func refusals(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
