// SPDX-License-Identifier: Apache-2.0
package import Journal
package import Linux
package import Netlink

/// Carries out the plans of one verb, and takes all of it back when one of its changes is refused.
///
/// One that is neither committed nor refused takes back when it dies.
package struct Transaction: ~Copyable {
    /// A socket in the host's namespace.
    package let host: NetlinkSocket
    /// A socket in the container's namespace.
    package let inside: NetlinkSocket
    let home: NetworkNamespace
    let container: NetworkNamespace
    private let notes: CallNotes?
    private var done: [Change] = []
    /// What later changes need to know of links made or found earlier.
    private(set) var links: [Link] = []
    /// The container's end of the pair, inside.
    var containerIndex: Int32?
    /// The link that was made inside, as it was then; nil before, and where it is the end of a pair.
    package internal(set) var containerLink: Link?
    /// Whether a link inside may have been made by this: what was refused because its name is taken is a stranger's.
    var hasMadeInside = false
    /// Whether a shortcut may come into use a little after the transaction, instead of being waited for.
    package var leavesWaiting = false
    /// Optional settings that were refused, in words.
    package internal(set) var warnings: [String] = []

    /// Opens what is needed here, in the host's namespace, and in the container's.
    ///
    /// - Parameters:
    ///   - container: the namespace that pairs reach into.
    ///   - notes: told what is being made.
    /// - Throws: ``KernelError``.
    package init(into container: consuming NetworkNamespace, notes: CallNotes? = nil) throws(KernelError) {
        let host = try NetlinkSocket()
        let home = try host.namespace()
        inside = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
        self.host = host
        self.home = home
        self.container = container
        self.notes = notes
    }

    deinit {
        for leftover in Transaction.takeBack(done, on: host, inside: inside, hasMadeInside) {
            Machine.log("culvert: could not take back: \(leftover)")
        }
    }

    /// Makes changes in order.
    ///
    /// `defersTakingBack`: what was done stays after a refusal until ``takeBack()``, for who needs it until then.
    /// - Throws: ``PlanFailure``; then everything since the beginning of the transaction has been taken back.
    package mutating func apply(_ plan: [Change], defersTakingBack: Bool = false) throws(PlanFailure) {
        for change in plan {
            do throws(KernelError) {
                // Recorded first: a change can be refused half done, and taking back what is absent is no error.
                done.append(change)
                try make(change)
            } catch {
                if defersTakingBack { throw PlanFailure(cause: error, leftovers: []) }
                throw PlanFailure(cause: error, leftovers: takeBack())
            }
        }
    }

    /// Takes back every change made so far.
    ///
    /// - Returns: what could not be taken back, in words.
    package mutating func takeBack() -> [String] {
        let changes = done
        done = []
        return Transaction.takeBack(changes, on: host, inside: inside, hasMadeInside)
    }

    /// The link of a name on the host, from what the transaction knows.
    ///
    /// - Precondition: an earlier change of this transaction made or found it.
    package func link(_ name: String) -> Link {
        guard let link = links.last(where: { $0.name == name }) else {
            preconditionFailure("the plan names link \(name) before making it")
        }
        return link
    }

    /// Tells the transaction of a link that was found before, so that it need not look again.
    package mutating func remember(_ link: Link) {
        links.append(link)
    }

    /// Keeps every change made so far.
    package consuming func commit() {
        done = []
    }

    private mutating func make(_ change: Change) throws(KernelError) {
        notes?.enter(change.isFilter ? .filter : .links)
        switch change {
        case .bridge(let bridge): try make(bridge)
        case .vlanInterface(let interface): try make(interface)
        case .sharedTap(let tap): try make(tap)
        case .sharedAddress(let address): try make(address)
        case .forwarding(let family): try makeForwarding(family)
        case .pair(let pair, let bridge): try make(pair, bridge: bridge)
        case .link(let link): try make(link)
        case .tap(let tap): try make(tap)
        case .move(let move): try make(move)
        case .port(let port): try make(port)
        case .interface(let interface): try make(interface)
        case .hostEnd(let end): try make(end)
        case .operational(let port): try makeOperational(port, isPort: true)
        case .carrier(let link): try makeOperational(link, isPort: false)
        case .noLink(let name): try Transaction.removeLink(name, on: host)
        case .noContainerLink(let name): try Transaction.removeLink(name, on: inside)
        case .moveHome(let move): try Transaction.moveHome(move, on: host, inside: inside)
        case .filter(let plan): try plan.make()
        case .noFilter(let plan): try plan.remove()
        case .shortcut(let shortcut):
            let (port, bridge) = (link(shortcut.name).index, link(shortcut.bridge))
            let arrival: Shortcut.Arrival = bridge.isGuarded ? .before : leavesWaiting ? .later : .now
            let reason = shortcut.make(link: port, bridge: bridge.index, arrival)
            if let reason { warnings.append("no shortcut for \(shortcut.name): \(reason)") }
        case .noShortcut(let name): try Transaction.removeShortcut(name, on: host)
        }
    }

    private static func removeShortcut(_ name: String, on socket: borrowing NetlinkSocket) throws(KernelError) {
        if let link = try socket.link(named: name) { try Shortcut.remove(link: link.index) }
    }

    private static func takeBack(
        _ done: [Change],
        on host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket,
        _ hasMadeInside: Bool
    ) -> [String] {
        var leftovers: [String] = []
        for change in done.reversed() {
            do throws(KernelError) {
                switch change.inverse {
                case .noLink(let name):
                    // What was refused because its name is taken must not cost the stranger who has it.
                    if case .pair(let pair, _) = change {
                        guard let link = try host.link(named: name), link.address == pair.host.address else { continue }
                        forgetGuard(of: link)
                    }
                    try removeLink(name, on: host)
                case .noContainerLink(let name):
                    guard hasMadeInside, try inside.link(named: name)?.kind == change.kindInside else { continue }
                    try removeLink(name, on: inside)
                case .moveHome(let move): try moveHome(move, on: host, inside: inside)
                case .noFilter(let plan): try plan.remove()
                case .noShortcut(let name): try removeShortcut(name, on: host)
                default: continue
                }
            } catch {
                leftovers.append("\(change.subject) (\(error))")
            }
        }
        return leftovers
    }

    private static func removeLink(_ name: String, on socket: borrowing NetlinkSocket) throws(KernelError) {
        do throws(KernelError) {
            try socket.execute(.deleteLink(named: name))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
        }
    }

    /// Sets what is worth having but no reason to refuse a container: in a user namespace much of it is read-only.
    mutating func setIfPossible(_ sysctl: Sysctl, _ value: String) {
        Transaction.setIfPossible(sysctl, value, &warnings)
    }

    static func setIfPossible(_ sysctl: Sysctl, _ value: String, _ warnings: inout [String]) {
        do throws(KernelError) {
            try sysctl.change(to: value)
        } catch {
            // A kernel without the setting does not need it.
            guard error.errno != .noSuchFileOrDirectory else { return }
            warnings.append("\(error)")
        }
    }
}
