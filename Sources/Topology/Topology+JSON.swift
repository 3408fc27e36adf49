// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import JSON
internal import Netlink
internal import Wiring

extension Topology {
    /// The tree as a list, each node behind the one that it hangs on, with keys that stay; what is not known is left out.
    package var json: JSONValue {
        let all = host.all
        return .object([
            "nodes": .array(all.map { entry in entry.node.json(parent: entry.parent.map { all[$0].node.id }) })
        ])
    }
}

extension Topology.Node {
    fileprivate func json(parent: String?) -> JSONValue {
        var object: JSONObject = ["id": .string(id), "role": .string(role.rawValue)]
        func add(_ key: String, _ text: String?) {
            if let text, !text.isEmpty { object[exact: key] = .string(text) }
        }
        func add(_ key: String, _ texts: [String]) {
            if !texts.isEmpty { object[exact: key] = .array(texts.map { .string($0) }) }
        }
        add("parent", parent)
        add("network", key?.network)
        add("containerID", key?.containerID)
        add("interface", key?.interfaceName)
        add("plugin", plugin)
        add("link", link)
        add("switch", switchName)
        add("daemon", daemon)
        add("kind", kind)
        add("addresses", addresses.map { "\($0)" })
        add("mac", mac)
        if mtu > 0 { object[exact: "mtu"] = .integer(Int64(mtu)) }
        if let vlans { object[exact: "vlans"] = vlans.json }
        add("traits", traits)
        if !marks.isEmpty {
            object[exact: "marks"] = .array(
                marks.map { .object(["kind": .string($0.kind.rawValue), "text": .string($0.text)]) }
            )
        }
        if let rates { object[exact: "rates"] = rates.json }
        return .object(object)
    }
}

extension PortVLANs {
    /// `native` and `tagged`: what frames without a tag belong to, and with which tags they may come.
    package var json: JSONValue {
        var object: JSONObject = [:]
        if let native = runs.first(where: { $0.isNative }) {
            object[exact: "native"] = .integer(Int64(native.identifiers.lowerBound))
        }
        let tagged = runs.filter { !$0.isUntagged }
        if !tagged.isEmpty {
            object[exact: "tagged"] = .array(
                tagged.map { run in
                    .array([.integer(Int64(run.identifiers.lowerBound)), .integer(Int64(run.identifiers.upperBound))])
                }
            )
        }
        return .object(object)
    }
}

extension Topology.Rates {
    fileprivate var json: JSONValue {
        /// Three digits after the point are more than a rate is worth.
        func number(_ rate: Double) -> JSONValue { .real((rate * 1000).rounded() / 1000) }
        return .object([
            "rxOctetsPerSecond": number(receivedOctets), "txOctetsPerSecond": number(sentOctets),
            "rxPacketsPerSecond": number(receivedPackets), "txPacketsPerSecond": number(sentPackets),
        ])
    }
}
