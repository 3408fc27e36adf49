// SPDX-License-Identifier: Apache-2.0
internal import Linux
internal import Netlink

/// A visit to one container's namespace: looks, changes, and takes back what it changed.
struct InterfaceTuner: ~Copyable {
    private let home: NetworkNamespace
    private let container: NetworkNamespace
    private let socket: NetlinkSocket
    private var made: [SysctlChange] = []

    init(into container: consuming NetworkNamespace) throws(KernelError) {
        let home = try NetworkNamespace.current()
        socket = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
        self.home = home
        self.container = container
    }

    var identity: FileStatus.Identity { container.identity }

    /// - Throws: ``KernelError``; `ENODEV` when there is no link of the name.
    borrowing func link(named name: String) throws(KernelError) -> LinkSettings {
        guard let link = try socket.settings(ofLink: name) else {
            throw KernelError("find link \(name)", .noSuchDevice)
        }
        return link
    }

    /// The same; nil when there is none.
    borrowing func existingLink(named name: String) throws(KernelError) -> LinkSettings? {
        try socket.settings(ofLink: name)
    }

    /// Finds out whether all of these can be set, and what they hold.
    borrowing func look(at sysctls: [(sysctl: Sysctl, value: String)]) throws(KernelError) -> [SysctlChange] {
        guard !sysctls.isEmpty else { return [] }
        return try container.run(from: home) { () throws(KernelError) in
            var changes: [SysctlChange] = []
            for (sysctl, value) in sysctls { changes.append(try SysctlChange(sysctl, value)) }
            return changes
        }
    }

    /// What sysctls hold; nil for those that cannot be read.
    borrowing func read(_ sysctls: [Sysctl]) throws(KernelError) -> [String?] {
        guard !sysctls.isEmpty else { return [] }
        return try container.run(from: home) { () throws(KernelError) in sysctls.map { $0.readIfPossible() } }
    }

    /// - Throws: ``KernelError`` of the first refusal; what was made by then, ``takeBackSysctls()`` takes back.
    mutating func make(_ changes: [SysctlChange]) throws(KernelError) {
        guard !changes.isEmpty else { return }
        var begun: [SysctlChange] = []
        defer { made += begun }
        try container.run(from: home) { () throws(KernelError) in
            for change in changes {
                begun.append(change)
                try change.make()
            }
        }
    }

    /// - Returns: what could not be taken back, in words.
    mutating func takeBackSysctls() -> [String] {
        let changes = made
        made = []
        guard !changes.isEmpty else { return [] }
        do throws(KernelError) {
            return try container.run(from: home) { () throws(KernelError) in
                changes.reversed().flatMap { $0.takeBack() }
            }
        } catch {
            return ["sysctls (\(error))"]
        }
    }

    /// - Throws: ``KernelError`` of the first refusal; the others have been made.
    borrowing func adjust(_ link: LinkSettings, _ adjustment: LinkAdjustment) throws(KernelError) {
        try socket.execute(NetlinkRequest.adjust(link.index, name: link.name, adjustment))
    }

    /// Gives a link settings that it had before, each for itself: one that is refused keeps none of the others away.
    ///
    /// - Returns: what was refused, in words.
    borrowing func giveBack(_ settings: LinkAdjustment, to link: LinkSettings) -> [String] {
        var refusals: [String] = []
        for request in NetlinkRequest.adjust(link.index, name: link.name, settings) {
            do throws(KernelError) {
                try socket.execute(request)
            } catch {
                // A link that is gone has nothing to be given back.
                if error.errno != .noSuchDevice { refusals.append("\(error)") }
            }
        }
        return refusals
    }
}
