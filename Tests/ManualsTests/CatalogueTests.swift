// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@testable import Manuals

/// One key of one plugin, with configurations to try.
struct TriedKey: CustomTestStringConvertible {
    let plugin: PluginManual
    let table: KeyTable
    let key: ConfigurationKey

    var path: String { table.path(of: key) }
    var testDescription: String { "\(plugin.name): \(path)" }

    /// The plugin's example with a value for the key, or without it; with what the value needs beside it.
    func configuration(_ value: JSONValue?) -> JSONValue {
        func place(_ name: String) -> String { table.place.isEmpty ? name : "\(table.place).\(name)" }
        var document = plugin.example
        document = document.setting("cniVersion", to: "1.1.0").setting("name", to: "example")
        for opponent in key.opponents { document = document.setting(place(opponent), to: nil) }
        for (name, value) in key.companions { document = document.setting(place(name), to: value) }
        return document.setting(path, to: value)
    }

    func reading(_ value: JSONValue?) -> Reading { Reading(plugin.name, configuration(value)) }

    /// The place as errors have it.
    var place: String { path.replacing("[]", with: "[0]") }

    static let all = PluginManual.all.flatMap { plugin in
        plugin.tables.flatMap { table in table.keys.map { TriedKey(plugin: plugin, table: table, key: $0) } }
    }
    /// `type` is read by who looks for the plugin; of plugins that make interfaces, `ipam` by who asks it.
    static let ofParsers = all.filter { tried in tried.path != "ipam.type" && tried.path != "ipam" }
}

@Suite("Keys of the manuals, as the parsers have them")
struct CatalogueTests {
    @Test("The example of a plugin is accepted", arguments: PluginManual.all.map(\.name))
    func example(_ name: String) throws {
        let plugin = try #require(PluginManual.of(name))
        let document = plugin.example.setting("cniVersion", to: "1.1.0").setting("name", to: "example")
        let reading = Reading(name, document)
        #expect(reading.isAccepted, "\(reading)")
    }

    @Test(
        "A missing key is the same as its default",
        arguments: TriedKey.ofParsers.filter { if case .value = $0.key.absence { true } else { false } }
    )
    func defaults(_ tried: TriedKey) {
        guard case .value(let value) = tried.key.absence else { return }
        #expect(tried.reading(nil) == tried.reading(value))
    }

    @Test("An example is accepted, and means something else than a missing key", arguments: TriedKey.ofParsers)
    func examples(_ tried: TriedKey) {
        let given = tried.reading(tried.key.example)
        #expect(given.isAccepted, "\(given)")
        #expect(tried.reading(nil) != given)
    }

    @Test("Without a required key the configuration is refused", arguments: TriedKey.ofParsers)
    func required(_ tried: TriedKey) {
        // Of two that need each other, one is missing in either case.
        guard tried.key.absence == .required else { return }
        #expect(!tried.reading(nil).isAccepted)
    }

    @Test(
        "A value of another kind is refused, with its place",
        arguments: TriedKey.all.filter { $0.path != "ipam.type" }
    )
    func kinds(_ tried: TriedKey) {
        // The reference's own daemon is found by whatever is there.
        guard tried.path != "ipam.daemonSocketPath" else { return }
        let samples: [(ConfigurationKey.Kind, JSONValue)] = [
            (.string, "nonsense"), (.integer, 7), (.number, 1.5), (.boolean, true), (.list, []), (.object, [:]),
        ]
        for (kind, value) in samples where !tried.key.kinds.contains(kind) {
            let reading = tried.reading(value)
            #expect(reading.complains(about: tried.place), "\(kind.rawValue): \(reading)")
        }
    }

    @Test("Integers are accepted up to their bounds, and not beyond", arguments: TriedKey.ofParsers)
    func bounds(_ tried: TriedKey) {
        guard case .integer(let bounds) = tried.key.form else { return }
        for number in [bounds.lowerBound, bounds.upperBound] {
            let reading = tried.reading(.integer(Int64(number)))
            #expect(reading.isAccepted, "\(number): \(reading)")
        }
        for number in [bounds.lowerBound - 1, bounds.upperBound + 1] {
            let reading = tried.reading(.integer(Int64(number)))
            #expect(reading.complains(about: tried.place), "\(number): \(reading)")
        }
    }

    @Test("Of names, those that are listed are accepted, and no others", arguments: TriedKey.ofParsers)
    func choices(_ tried: TriedKey) {
        guard case .choice(let names) = tried.key.form else { return }
        for name in names {
            let reading = tried.reading(.string(name))
            #expect(reading.isAccepted, "\(name): \(reading)")
        }
        #expect(tried.reading("nonsense").complains(about: tried.place))
    }

    @Test("What all plugins read is refused in another kind", arguments: KeyTable.common.keys.map(\.name))
    func common(_ name: String) throws {
        // Read by certain verbs only, or by the runtime.
        guard !["capabilities", "prevResult", "cni.dev/valid-attachments"].contains(name) else { return }
        let key = try #require(KeyTable.common.keys.first { $0.name == name })
        let document = PluginManual.bridge.example.setting("cniVersion", to: "1.1.0").setting("name", to: "example")
        let wrong: JSONValue = key.kinds.contains(.string) ? 5 : "nonsense"
        let reading = Reading("bridge", document.setting(name, to: wrong))
        #expect(reading.complains(about: name), "\(reading)")
        if key.absence == .required, name != "type" {
            #expect(!Reading("bridge", document.setting(name, to: nil)).isAccepted)
        }
    }
}
