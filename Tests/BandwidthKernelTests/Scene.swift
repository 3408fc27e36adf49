// SPDX-License-Identifier: Apache-2.0
import Addressing
import Bandwidth
import CNI
import Linux
import Netlink
import Plugin
import TestSupport

/// What is to be seen after a verb.
struct Sight: Equatable, Sendable {
    var result: AddResult?
    var error: CNIError?
    /// Blocks by name and note, in the order of their names.
    var blocks: [String] = []
    /// Rate of the token bucket at the host's end, in octets per second.
    var rate: UInt64?
    /// Kind of what holds filters at the host's end.
    var hook: String?
    /// Where the filters of what the container sends lead to, by the names of the links; `gone` when there is none.
    var targets: [String] = []
}

/// One verb of the plugin, and for which interface.
struct Act: Sendable {
    var configuration: String
    var changes: [String: String] = [:]
    var verb: @Sendable (Request) -> Verb

    static func add(_ members: String, _ changes: [String: String] = [:]) -> Act {
        Act(configuration: members, changes: changes) { .add($0) }
    }

    static func check(_ members: String, _ changes: [String: String] = [:]) -> Act {
        Act(configuration: members, changes: changes) { .check($0) }
    }

    static func delete(_ changes: [String: String] = [:]) -> Act {
        Act(configuration: "", changes: changes) { .delete($0) }
    }

    static func sweep(_ surviving: AttachmentID...) -> Act {
        Act(configuration: "") { .collectGarbage($0, surviving: surviving) }
    }
}

let previous = #"""
    , "prevResult": {"interfaces": [{"name": "veth0"}, {"name": "eth0", "sandbox": "/run/netns/c1"}], "ips": []}
    """#
let bothWays = #", "ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 16000000, "egressBurst": 1600000"#

/// Runs verbs one after the other, in a new namespace whose `veth0` is the host's end of `eth0` in another.
///
/// `prepare`: what else the host has; gets the index of `veth0`.
func play(
    _ acts: [Act],
    prepare: @escaping @Sendable (borrowing NetlinkSocket, Int32) throws -> Void = { _, _ in }
) throws -> [Sight] {
    try inNewNamespace {
        let container = try anotherNamespace()
        let host = try NetlinkSocket()
        let pair = VethPair(
            host: VethPair.End(name: "veth0", address: MACAddress.locallyAdministered([2, 0, 0, 0, 0, 5]) ?? .zero),
            container: VethPair.End(
                name: "eth0",
                address: MACAddress.locallyAdministered([2, 0, 0, 0, 0, 6]) ?? .zero
            ),
            mtu: 1400
        )
        try host.execute(.addVethPair(pair, bridge: nil, namespace: container.rawDescriptor))
        guard let end = try host.link(named: "veth0") else { throw KernelError("find veth0", .noSuchDevice) }
        try prepare(host, end.index)
        return try acts.map { act in
            let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"bandwidth\"\(act.configuration)}"
            let usual = ["CNI_NETNS": container.path, "CULVERT_RUN_DIR": "/nowhere"]
            let request = try Request(text, usual.merging(act.changes) { $1 })
            var sight = Sight()
            do throws(CNIError) {
                if case .result(let result) = try bandwidth.answer(act.verb(request)) { sight.result = result }
            } catch {
                sight.error = error
            }
            let blocks = try host.notedLinks(ofKind: "ifb").sorted { $0.link.name < $1.link.name }
            sight.blocks = blocks.map { "\($0.link.name) \($0.alias)" }
            sight.rate = try host.discipline(.root, ofLink: end.index)?.tokenBucket?.rate
            sight.hook = try host.discipline(.ingress, ofLink: end.index)?.kind
            guard sight.hook != nil else { return sight }
            sight.targets = try host.filters(.received, ofLink: end.index).map { filter in
                guard case .redirect(let target) = filter.verdict else { return "\(filter.verdict)" }
                return blocks.first { $0.link.index == target }?.link.name ?? "gone"
            }
            return sight
        }
    }
}
