// SPDX-License-Identifier: Apache-2.0

/// Finds other managers of links that change what plugins make.
package struct ManagerExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { policies + manager }

    // MARK: - udev

    /// Our plugins say which MAC address a link has, which udev respects; others leave it to the kernel.
    private var policies: [Finding] {
        guard facts.signs.contains(SystemSigns.udev) else { return [] }
        let makers: Set<String> = ["bridge", "ptp"]
        let user = facts.networks.first { network in
            network.plugins.contains { plugin in
                makers.contains(plugin.type) && facts.chosen(plugin.type)?.implementation != .ours
            }
        }
        guard let user, let (path, file) = ruling("veth") else { return [] }
        guard file.values("MACAddressPolicy").contains("persistent") else { return [] }
        return [
            Finding(
                .macPolicy,
                network: user.name,
                at: path,
                "MACAddressPolicy=persistent holds for veth links too",
                fix: "put into /etc/systemd/network/10-container-links.link: [Match] Driver=veth bridge "
                    + "[Link] MACAddressPolicy=none"
            )
        ]
    }

    /// The first file that matches links of a driver, by name; of equal names the one of the first directory.
    private func ruling(_ driver: String) -> (path: String, file: SettingsText)? {
        var byName: [String: String] = [:]
        for directory in SystemSigns.linkDirectories {
            for path in facts.texts.keys where path.hasPrefix("\(directory)/") && path.hasSuffix(".link") {
                let name = String(path.dropFirst(directory.count + 1))
                if byName[name] == nil { byName[name] = path }
            }
        }
        for name in byName.keys.sorted(by: { $0.precedesBytewise($1) }) {
            guard let path = byName[name], let text = facts.texts[path] else { continue }
            let file = SettingsText(text)
            if file.matches(driver: driver) { return (path, file) }
        }
        return nil
    }

    // MARK: - NetworkManager

    private var manager: [Finding] {
        guard facts.signs.contains(SystemSigns.networkManager) else { return [] }
        var found: [Finding] = []
        var seen: Set<String> = []
        for network in facts.networks {
            for (_, bridge) in network.bridges where seen.insert(bridge).inserted && !isLeftAlone(bridge) {
                found.append(
                    Finding(
                        .managerInterferes,
                        network: network.name,
                        at: "NetworkManager",
                        "it runs, and nothing says that it leaves bridge \(bridge) and its ports alone",
                        fix: "put into /etc/NetworkManager/conf.d/culvert.conf: [keyfile] "
                            + "unmanaged-devices=interface-name:\(bridge);interface-name:veth*, "
                            + "then nmcli general reload"
                    )
                )
            }
        }
        return found
    }

    private func isLeftAlone(_ bridge: String) -> Bool {
        facts.texts.contains { path, text in
            if path.hasSuffix(".rules") { return text.contains("NM_UNMANAGED") && text.contains("\"\(bridge)\"") }
            guard path.contains("NetworkManager") else { return false }
            return SettingsText(text).values("unmanaged-devices").flatMap { $0.split(separator: ";") }.contains {
                item in
                let item = item.trimmedOfBlanks
                if ["type:bridge", "driver:bridge", "*"].contains(item) { return true }
                guard item.hasPrefix("interface-name:") else { return false }
                let pattern = item.dropFirst("interface-name:".count).drop { $0 == "=" }
                return pattern.hasSuffix("*") ? bridge.hasPrefix(pattern.dropLast()) : pattern == bridge
            }
        }
    }
}

/// A file of `key=value` lines, as systemd and NetworkManager have them.
struct SettingsText {
    private let lines: [(key: String, value: String)]

    init(_ text: String) {
        lines = text.split(separator: "\n").compactMap { line in
            let line = line.trimmedOfBlanks
            guard !line.hasPrefix("#"), !line.hasPrefix(";"), let sign = line.firstIndex(of: "=") else { return nil }
            var key = line[..<sign].trimmedOfBlanks
            // NetworkManager adds to a list with +=.
            if key.hasSuffix("+") { key = String(key.dropLast()) }
            return (key, line[line.index(after: sign)...].trimmedOfBlanks)
        }
    }

    func values(_ key: String) -> [String] { lines.filter { $0.key == key }.map { $0.value } }

    /// Whether a .link file is about links of a driver that have any name.
    ///
    /// systemd.link(5), "[MATCH] SECTION OPTIONS": all that are given have to hold.
    func matches(driver: String) -> Bool {
        let drivers = values("Driver").flatMap { $0.split(separator: " ") }
        if !drivers.isEmpty { return drivers.contains { $0 == driver[...] || $0 == "*" } }
        let kinds = values("Kind").flatMap { $0.split(separator: " ") }
        if !kinds.isEmpty { return kinds.contains { $0 == driver[...] || $0 == "*" } }
        for key in ["MACAddress", "PermanentMACAddress", "Path", "Type", "Property"] where !values(key).isEmpty {
            return false
        }
        let names = values("OriginalName").flatMap { $0.split(separator: " ") }
        return names.contains("*") || names.contains { $0.hasPrefix("veth") }
    }
}

extension HostFacts {
    /// The program that runtimes start for a type.
    func chosen(_ type: String) -> Program? {
        for directory in searchPath {
            if let found = programs.first(where: { $0.directory == directory && $0.name == type }) {
                return found
            }
        }
        return nil
    }
}

extension StringProtocol {
    fileprivate var trimmedOfBlanks: String {
        let start = drop { $0 == " " || $0 == "\t" }
        return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
