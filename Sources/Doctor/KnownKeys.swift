// SPDX-License-Identifier: Apache-2.0
internal import JSON
internal import Manuals

/// Keys of configurations and the types of their values, as the plugins read them.
struct KnownKeys {
    enum Kind: String {
        case string = "a string"
        case integer = "an integer"
        case boolean = "a boolean"
        case list = "an array"
        case object = "an object"
        /// More than one type, or somebody else's.
        case any = "anything"

        func accepts(_ value: JSONValue) -> Bool {
            switch (self, value) {
            case (_, .null), (.any, _), (.string, .string), (.integer, .integer), (.boolean, .bool), (.list, .array),
                (.object, .object):
                true
            default: false
            }
        }
    }

    let kinds: [String: Kind]

    private init(_ kinds: [String: Kind]) {
        self.kinds = kinds
    }

    var names: [String] { kinds.keys.sorted() }

    /// The kind of a key in any case; nil for one that nobody knows.
    func kind(of key: String) -> Kind? {
        kinds[key] ?? kinds.first { $0.key.lowercased() == key.lowercased() }?.value
    }

    /// Of the list itself: CNI 1.1.0, section 1.
    static let list = KnownKeys([
        "cniVersion": .string, "cniVersions": .list, "name": .string, "disableCheck": .any, "disableGC": .any,
        "loadOnlyInlinedPlugins": .any, "plugins": .list, "args": .object,
    ])

    /// Of a plugin; nil for one whose keys nobody here knows.
    static func of(plugin type: String) -> KnownKeys? {
        guard let manual = PluginManual.of(type), manual.role != .ipam else { return nil }
        return KnownKeys(kinds(manual.tables.first).merging(common) { own, _ in own })
    }

    /// Of an `ipam` object.
    static func of(ipam type: String) -> KnownKeys? {
        guard let manual = PluginManual.of(type), manual.role == .ipam else { return nil }
        return KnownKeys(kinds(manual.tables.first).merging(["name": .string]) { own, _ in own })
    }

    /// Of one range of host-local.
    static let range = KnownKeys(
        kinds(PluginManual.of("host-local")?.tables.first { $0.mark == "host-local ranges" })
            .merging(["ipRange": .string]) { own, _ in own }
    )

    /// Names of plugins that are known at all.
    static var types: [String] { (PluginManual.all.map { $0.name } + ["dnsname"]).sorted() }

    /// What every plugin is given; some read `mtu` and `ipMasq`, and all are written into lists of others.
    private static let common = kinds(.common).merging(["mtu": .integer, "ipMasq": .boolean]) { own, _ in own }

    private static func kinds(_ table: KeyTable?) -> [String: Kind] {
        var kinds: [String: Kind] = [:]
        // What is written with a dot is a member of a member.
        for key in table?.keys ?? [] where !key.name.contains(".") {
            kinds[key.name] = key.kinds.count == 1 ? Kind(key.kinds[0]) : .any
        }
        return kinds
    }
}

extension KnownKeys.Kind {
    fileprivate init(_ kind: ConfigurationKey.Kind) {
        switch kind {
        case .string: self = .string
        case .integer: self = .integer
        case .number: self = .any
        case .boolean: self = .boolean
        case .list: self = .list
        case .object: self = .object
        }
    }
}
