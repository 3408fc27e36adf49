// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import JSON

/// Addresses are strings in JSON; what they mean is read here, with errors that name the place.
extension JSONReader {
    /// The value as an address with the length of its prefix, host bits kept.
    ///
    /// - Throws: `JSONTypeError` when it is something else.
    package func cidr() throws(JSONTypeError) -> CIDR {
        guard let cidr = CIDR(try string()) else { throw mismatch(expected: "an IP address with prefix length") }
        return cidr
    }

    /// The value as an address; nil when it is the empty string, which Go takes for no address.
    ///
    /// - Throws: `JSONTypeError` when it is something else.
    package func ipAddress() throws(JSONTypeError) -> IPAddress? {
        let text = try string()
        guard !text.isEmpty else { return nil }
        guard let address = IPAddress(text) else { throw mismatch(expected: "an IP address") }
        return address
    }

    /// The member with this key in any case as an address; nil when it is absent, `null` or empty.
    ///
    /// - Throws: `JSONTypeError` when this is no object or the member is something else.
    package func ipAddress(_ key: String) throws(JSONTypeError) -> IPAddress? {
        guard let member = try member(key) else { return nil }
        return try member.ipAddress()
    }

    /// The member with this key in any case as an address with the length of its prefix; nil when absent or `null`.
    ///
    /// - Throws: `JSONTypeError` when this is no object or the member is something else.
    package func cidr(_ key: String) throws(JSONTypeError) -> CIDR? {
        try member(key)?.cidr()
    }

    /// A member that may not be missing.
    ///
    /// - Throws: `JSONTypeError` when this is no object or has no such member.
    func required(_ key: String) throws(JSONTypeError) -> JSONReader {
        guard let member = try member(key) else { throw mismatch(expected: "an object with \(key)") }
        return member
    }
}
