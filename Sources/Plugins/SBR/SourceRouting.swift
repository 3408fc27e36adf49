// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Journal
internal import Linux
internal import Netlink
internal import Plugin

/// The routing of one interface's packets by the address they come from.
struct SourceRouting {
    let request: Request

    init(_ request: Request) {
        self.request = request
    }

    var name: String { request.invocation.interfaceName }

    /// The addresses of a result that are this interface's; one that names no interface, or none that is listed, counts.
    func addresses(in result: AddResult) -> [AddResult.IPConfiguration] {
        result.ips.filter { ip in
            guard let interface = result.interface(of: ip) else { return true }
            return request.concerns(interface, of: result)
        }
    }

    // MARK: - ADD

    /// Gives each address of the interface a table, all of them or none.
    func divert() throws(CNIError) -> AddResult {
        guard let previous = request.configuration.previousResult else {
            throw CNIError(
                .invalidConfiguration,
                "missing prevResult from earlier plugin",
                details: "sbr routes by addresses that a plugin before it gave out; put it behind one"
            )
        }
        let configuration = try SourceRoutingConfiguration(request)
        let ips = addresses(in: previous)
        guard !ips.isEmpty else {
            throw CNIError(
                .invalidConfiguration,
                "no IP addresses supplied on interface \(name)",
                details: "prevResult has none that packets could come from; drop sbr, or give the network an ipam"
            )
        }
        let intention = "cannot route container \(request.invocation.containerID) by source addresses"
        let container = try request.openNamespace()
        try translating(intention) { () throws(KernelError) in
            // Two networks of one container may be added at the same moment, and must not take the same table.
            try container.lock(request.invocation.namespacePath, waitingAtMost: request.settings.lockBound)
        }
        let socket = try translating(intention) { () throws(KernelError) in try open(container) }
        if let table = configuration.table {
            let known = try translating(intention) { () throws(KernelError) in
                try socket.rules(.v4) + socket.rules(.v6)
            }
            try apply(rules(for: ips, table, besides: known), unless: .fileExists, on: socket, intention)
        } else {
            try fill(ips, configuration, on: socket, intention)
        }
        return previous
    }

    func open(_ container: borrowing NetworkNamespace) throws(KernelError) -> NetlinkSocket {
        let home = try NetworkNamespace.current()
        return try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
    }

    /// The kernel would take a rule twice.
    private func rules(
        for ips: [AddResult.IPConfiguration],
        _ table: Int,
        besides known: [RoutingRule]
    ) -> [SourceRoutingPlan.Step] {
        let missing = ips.map { $0.address.address }.filter { address in
            !known.contains { $0.isPlain && $0.table == table && $0.source == CIDR.host(address) }
        }
        return missing.map { address in
            SourceRoutingPlan.Step(
                request: .addRule(from: address, table: table),
                inverse: .deleteRule(from: address, table: table)
            )
        }
    }

    private func fill(
        _ ips: [AddResult.IPConfiguration],
        _ configuration: SourceRoutingConfiguration,
        on socket: borrowing NetlinkSocket,
        _ intention: String
    ) throws(CNIError) {
        let facts = try translating(intention) { () throws(KernelError) in try look(socket) }
        let plan = SourceRoutingPlan(ips, facts, configuration)
        let filling = plan.filling(link: facts.link, name: name)
        try apply(filling, unless: .fileExists, on: socket, intention)
        for step in plan.hinting {
            do throws(KernelError) {
                try socket.execute(step.request)
            } catch {
                // The route without the hint is as good a route: an address that is still being checked cannot be named.
                Machine.log("sbr: \(error)")
            }
        }
        do throws(CNIError) {
            try apply(plan.clearing, unless: .noSuchProcess, on: socket, intention)
        } catch {
            let leftovers = takeBack(plan.hinting, on: socket) + takeBack(filling, on: socket)
            throw leftovers.isEmpty ? error : error.adding("left behind: \(leftovers.joined(separator: "; "))")
        }
    }

    private func look(_ socket: borrowing NetlinkSocket) throws(KernelError) -> SourceRoutingPlan.Facts {
        guard let link = try socket.link(named: name) else { throw KernelError("find link \(name)", .noSuchDevice) }
        return SourceRoutingPlan.Facts(
            rules: try socket.rules(.v4) + socket.rules(.v6),
            routes: try socket.installedRoutes(.v4) + socket.installedRoutes(.v6),
            link: link.index
        )
    }

    /// Takes all steps at once, and takes them back if one of them is refused.
    ///
    /// `isSo`: the refusal that only says that it is so already; an ADD that was cut off may have come so far.
    private func apply(
        _ steps: [SourceRoutingPlan.Step],
        unless isSo: Errno,
        on socket: borrowing NetlinkSocket,
        _ intention: String
    ) throws(CNIError) {
        request.notes.enter(.links)
        do throws(KernelError) {
            do throws(KernelError) {
                try socket.execute(steps.map { $0.request })
            } catch {
                guard error.errno == isSo else { throw error }
                // Whether another one behind it was refused in earnest, only asking one by one tells.
                for step in steps { try tolerating([isSo], step.request, on: socket) }
            }
        } catch {
            let leftovers = takeBack(steps, on: socket)
            let failure = CNIError(.kernelRefused, intention, error)
            throw leftovers.isEmpty ? failure : failure.adding("left behind: \(leftovers.joined(separator: "; "))")
        }
    }

    /// - Returns: what could not be taken back, in words.
    func takeBack(_ steps: [SourceRoutingPlan.Step], on socket: borrowing NetlinkSocket) -> [String] {
        var leftovers: [String] = []
        for step in steps.reversed() {
            do throws(KernelError) {
                try tolerating(SourceRouting.settled, step.inverse, on: socket)
            } catch {
                leftovers.append("\(error)")
            }
        }
        return leftovers
    }

    /// What the kernel says when there is nothing left to do: `EEXIST` of what should be there, `ENOENT` of rules and
    /// `ESRCH` of routes that should not, `ENODEV` when the link is gone and its routes with it.
    static let settled: [Errno] = [.fileExists, .noSuchFileOrDirectory, .noSuchProcess, .noSuchDevice]

    /// Asks for something that may be so already.
    func tolerating(
        _ answers: [Errno],
        _ request: NetlinkRequest,
        on socket: borrowing NetlinkSocket
    ) throws(KernelError) {
        do throws(KernelError) {
            try socket.execute(request)
        } catch {
            guard answers.contains(error.errno) else { throw error }
        }
    }
}
