// SPDX-License-Identifier: Apache-2.0
internal import JSON
internal import SwitchControl

// What examinations ask of configurations. A member of a wrong type is absent: that it is wrong is told once.
extension NetworkFile {
    /// The plugins that put containers behind a bridge of the host, each with its bridge.
    var bridges: [(plugin: JSONReader, bridge: String)] {
        plugins.filter { $0.type == "bridge" }.map { ($0, $0.bridgeName) }
    }

    /// Whether packets of its containers are routed by the host.
    var isRouted: Bool { plugins.contains { $0.isGateway || $0.type == "ptp" || $0.truth("ipMasq") } }

    /// Where a plugin stands, with its file.
    func place(_ plugin: JSONReader, _ key: String = "") -> String {
        let path = key.isEmpty ? plugin.path : plugin.path.isEmpty ? key : "\(plugin.path).\(key)"
        return path.isEmpty ? self.path : "\(self.path): \(path)"
    }
}

extension JSONReader {
    var type: String { text("type") }

    /// As `bridge` takes it.
    var bridgeName: String { text("bridge").isEmpty ? "cni0" : text("bridge") }

    /// Whether the plugin gives its bridge the address of the containers' gateway.
    var isGateway: Bool { type == "bridge" && (truth("isGateway") || truth("isDefaultGateway")) }

    /// Whether the kernel has to tell VLANs apart.
    var usesVLANs: Bool {
        guard type == "bridge", case .object(let object) = value else { return false }
        if case .integer(let vlan)? = object["vlan"], vlan > 0 { return true }
        if case .array(let trunk)? = object["vlanTrunk"], !trunk.isEmpty { return true }
        return false
    }

    /// Whether frames between containers should go past the bridge.
    var asksForShortcut: Bool { type == "bridge" && text("fastPath") == "ebpf" }

    /// Where the daemon listens that `vswitch` needs; nil for other plugins.
    var switchSocket: String? {
        guard type == SwitchPortOrder.pluginName else { return nil }
        return text("daemonSocketPath").isEmpty ? SwitchLink.usualPath : text("daemonSocketPath")
    }

    func text(_ key: String) -> String {
        guard case .object(let object) = value, case .string(let text)? = object[key] else { return "" }
        return text
    }

    func truth(_ key: String) -> Bool {
        guard case .object(let object) = value, case .bool(let truth)? = object[key] else { return false }
        return truth
    }

    func child(_ key: String) -> JSONReader? {
        guard case .object(let object) = value, let child = object[key] else { return nil }
        return JSONReader(child, path: path.isEmpty ? key : "\(path).\(key)")
    }
}
