// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import JSON
internal import Linux
internal import Plugin

/// One member of `sysctl`: a kernel setting below `net`, and the value it should hold.
struct SysctlSetting: Hashable {
    /// As it was written, such as `net.ipv4.conf.IFNAME.arp_notify`.
    let key: String
    let value: String

    /// Reads an object of keys and values; without one there are none.
    ///
    /// - Throws: `JSONTypeError` when a value is no string.
    static func list(_ reader: JSONReader?) throws(JSONTypeError) -> [SysctlSetting] {
        var settings: [SysctlSetting] = []
        guard let reader else { return [] }
        for member in try reader.object().members where member.value != .null {
            let value = JSONReader(member.value, path: "\(reader.path).\(member.key)")
            settings.append(SysctlSetting(key: member.key, value: try value.string()))
        }
        return settings
    }

    /// Both lists; of two orders for one setting the second list's counts, in the place of the first.
    static func merge(
        _ configured: [SysctlSetting],
        overriddenBy overriding: [SysctlSetting],
        _ interface: String
    ) throws(CNIError) -> [SysctlSetting] {
        var merged = configured
        var meant: [Sysctl] = []
        for setting in configured { meant.append(try setting.resolved(for: interface)) }
        for setting in overriding {
            let sysctl = try setting.resolved(for: interface)
            if let index = meant.firstIndex(of: sysctl) {
                merged[index] = setting
            } else {
                merged.append(setting)
                meant.append(sysctl)
            }
        }
        return merged
    }

    /// The setting that is meant, for one interface.
    ///
    /// `interface`: stands for the first `IFNAME` of the key; empty when nobody knows it yet.
    /// - Throws: ``CNIError``, code 7, when the key leads out of `net`.
    func resolved(for interface: String) throws(CNIError) -> Sysctl {
        var parts = try parts()
        if !interface.isEmpty, let index = parts.firstIndex(where: { $0.replacingInterface(by: interface) != nil }) {
            parts[index] = parts[index].replacingInterface(by: interface) ?? parts[index]
        }
        // A link's name may hold dots, which are separators everywhere else: what is too much belongs to the name.
        if parts.count > 5, parts[2] == "conf" || parts[2] == "neigh" {
            parts = parts[..<3] + [parts[3..<(parts.count - 1)].joined(separator: "."), parts[parts.count - 1]]
        }
        return Sysctl(parts.dropFirst().joined(separator: "/"))
    }

    /// The names between dots and slashes, without one slash at the beginning.
    private func parts() throws(CNIError) -> [String] {
        let separators = [UInt8(ascii: "."), UInt8(ascii: "/")]
        var octets = Array(key.utf8)[...]
        if octets.first == UInt8(ascii: "/") { octets = octets.dropFirst() }
        let parts = octets.split(omittingEmptySubsequences: false) { separators.contains($0) }
        guard parts.count >= 3, parts.allSatisfy({ !$0.isEmpty }), !octets.contains(where: { $0 < 0x20 || $0 == 0x7f })
        else { throw invalid("give a name such as net.ipv4.conf.IFNAME.arp_notify, without empty parts") }
        guard parts[0].elementsEqual("net".utf8) else {
            throw invalid("only settings below net belong to a container; others are the whole machine's")
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }

    private func invalid(_ details: String) -> CNIError {
        CNIError(.invalidConfiguration, "invalid net sysctl key: \"\(key)\"", details: details)
    }

    /// Two orders for one setting would leave it to chance which of them counts.
    ///
    /// `text`: the whole configuration as it came, for keys that parsing made one.
    /// - Throws: ``CNIError``, code 7.
    static func refuseRepetitions(
        among configured: [SysctlSetting],
        and overriding: [SysctlSetting],
        in text: [UInt8],
        _ interface: String
    ) throws(CNIError) {
        if let key = SysctlKeys.firstRepeated(in: text) { throw repeated(key) }
        for settings in [configured, overriding] {
            var seen: [Sysctl] = []
            for setting in settings {
                let sysctl = try setting.resolved(for: interface)
                guard !seen.contains(sysctl) else { throw repeated(setting.key) }
                seen.append(sysctl)
            }
        }
    }

    private static func repeated(_ key: String) -> CNIError {
        CNIError(
            .invalidConfiguration,
            "duplicated sysctl keys are not allowed: \"\(key)\"",
            details: "sysctl names the same setting twice; drop one"
        )
    }
}

extension String {
    /// The text with the first `IFNAME` replaced; nil when there is none.
    fileprivate func replacingInterface(by name: String) -> String? {
        let octets = Array(utf8)
        let word = Array("IFNAME".utf8)
        guard octets.count >= word.count,
            let start = (0...(octets.count - word.count)).first(where: {
                octets[$0..<($0 + word.count)].elementsEqual(word)
            })
        else { return nil }
        return String(decoding: octets[..<start] + Array(name.utf8) + octets[(start + word.count)...], as: UTF8.self)
    }
}
