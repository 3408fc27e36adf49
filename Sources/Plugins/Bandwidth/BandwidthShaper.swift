// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// The limits of one container's interface.
struct BandwidthShaper {
    let request: Request

    init(_ request: Request) {
        self.request = request
    }

    var intention: String { "cannot limit the bandwidth of container \(request.key.containerID)" }

    /// Finds the host's end of the container's interface, which an earlier plugin has to have listed.
    ///
    /// - Throws: ``CNIError``, code 7, when the interface is no veth link, or its other end is somewhere else.
    func hostEnd(in result: AddResult, on host: borrowing NetlinkSocket) throws(CNIError) -> Link {
        let name = request.invocation.interfaceName
        let container = try request.openNamespace()
        let (interface, peer) = try translating(intention) { () throws(KernelError) -> (Link?, Link?) in
            let home = try NetworkNamespace.current()
            let inside = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
            guard let interface = try inside.link(named: name) else { return (nil, nil) }
            guard interface.kind == "veth", let index = interface.peerIndex else { return (interface, nil) }
            return (interface, try host.link(index: index))
        }
        guard let interface else {
            throw refusal("there is no interface \(name) in \(request.invocation.namespacePath)")
        }
        guard interface.kind == "veth" else {
            let kind = interface.kind.isEmpty ? "no veth link" : "of kind \(interface.kind), not veth"
            throw refusal("interface \(name) is \(kind): only the pairs of bridge and ptp can be limited")
        }
        // The index is the other namespace's; only a peer that points back is one.
        guard let peer, peer.kind == "veth", peer.peerIndex == interface.index else {
            throw refusal("the veth peer of interface \(name) is not on the host")
        }
        guard result.interfaces.contains(where: { $0.sandbox.isEmpty && $0.name == peer.name }) else {
            throw refusal(
                "prevResult does not list \(peer.name), the veth peer of \(name), among the host's interfaces"
            )
        }
        return peer
    }

    private func refusal(_ details: String) -> CNIError {
        CNIError(.invalidConfiguration, intention, details: details)
    }

    /// The blocks of this attachment, dead or alive: what bears the name and no note, or ours.
    ///
    /// One without a note is the reference's.
    func ownBlocks(on host: borrowing NetlinkSocket) throws(KernelError) -> [NotedLink] {
        var own: [NotedLink] = []
        for name in request.key.blockNames(.egress) + request.key.blockNames(.ingress) {
            if let link = try host.notedLink(named: name), isOwn(link) { own.append(link) }
        }
        return own
    }

    private func isOwn(_ noted: NotedLink) -> Bool {
        noted.link.kind == "ifb" && (noted.alias.isEmpty || noted.alias == request.key.blockNote)
    }

    /// The name for a block: the first that no stranger has.
    func blockName(_ way: ShapedWay, on host: borrowing NetlinkSocket) throws(KernelError) -> String {
        for name in request.key.blockNames(way) {
            guard let link = try host.notedLink(named: name), !isOwn(link) else { return name }
        }
        throw KernelError("name the ifb of \(request.key)", .fileExists, explanation: "all its names are taken")
    }

    /// Whether the filters at a host's end are ours: each leads to a block of ours, or to one that is gone, or exempts.
    func isOwnHook(
        _ hook: QueueingDiscipline,
        of link: Link,
        blocks: [NotedLink],
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> Bool {
        guard hook.handle == QueueingDiscipline.ingressHandle else { return false }
        var filters = try host.filters(.received, ofLink: link.index)
        if hook.kind == "clsact" { filters += try host.filters(.sent, ofLink: link.index) }
        return filters.allSatisfy { filter in
            switch filter.verdict {
            case .pass: true
            case .redirect(let target): target == 0 || blocks.contains { $0.link.index == target }
            case .other: false
            }
        }
    }
}
