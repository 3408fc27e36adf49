// SPDX-License-Identifier: Apache-2.0
package import JSON

/// How names are to be resolved inside a container, in configurations and in results.
package struct DNS: Hashable, Sendable {
    /// Addresses of the servers, as text: nobody here talks to them.
    package var nameservers: [String]
    /// The local domain, possibly empty.
    package var domain: String
    /// Domains that short names are looked up in.
    package var search: [String]
    /// Options of the resolver, such as `ndots:5`.
    package var options: [String]

    package init(nameservers: [String] = [], domain: String = "", search: [String] = [], options: [String] = []) {
        self.nameservers = nameservers
        self.domain = domain
        self.search = search
        self.options = options
    }

    package var isEmpty: Bool {
        nameservers.isEmpty && domain.isEmpty && search.isEmpty && options.isEmpty
    }

    /// Reads a `dns` object; without one nothing is said about names.
    ///
    /// - Throws: `JSONTypeError` when a member is of another type.
    package init(_ reader: JSONReader?) throws(JSONTypeError) {
        nameservers = try Self.strings(reader, "nameservers")
        domain = try reader?.string("domain") ?? ""
        search = try Self.strings(reader, "search")
        options = try Self.strings(reader, "options")
    }

    /// An object without the members that say nothing.
    package var json: JSONValue {
        var object = JSONObject()
        object.append("nameservers", nameservers.map { .string($0) })
        object.append("domain", domain)
        object.append("search", search.map { .string($0) })
        object.append("options", options.map { .string($0) })
        return .object(object)
    }

    private static func strings(_ reader: JSONReader?, _ key: String) throws(JSONTypeError) -> [String] {
        try (reader?.array(key) ?? []).map { element throws(JSONTypeError) in try element.string() }
    }
}
