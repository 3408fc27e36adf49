// SPDX-License-Identifier: Apache-2.0
internal import FastPath
internal import Forwarding
package import Linux
package import Netlink

/// What is written upon a bridge whose ports keep its VLANs apart, and upon those ports: an alias, behind what somebody else
/// may have written there.
///
/// Whoever looks at the link finds it without another question.
enum GuardMark {
    private static let text = "VLANs kept by programs"
    private static let begun = "VLANs kept by programs, some ports to do"

    /// Whether VLANs are to be kept there.
    static func isIn(_ alias: String) -> Bool { alias.hasSuffix(text) || isBegun(alias) }

    /// Whether nobody has said yet that all ports are guarded.
    static func isBegun(_ alias: String) -> Bool { alias.hasSuffix(begun) }

    /// An alias with the mark.
    static func adding(to alias: String, isBegun: Bool) -> String {
        var rest = alias.utf8[...]
        for mark in [begun, text] where alias.hasSuffix(mark) {
            rest = rest.dropLast(mark.utf8.count)
            break
        }
        return String(decoding: Array(rest), as: UTF8.self)
            + (rest.isEmpty || rest.last == UInt8(ascii: " ") ? "" : " ") + (isBegun ? begun : text)
    }
}

extension Link {
    /// Whether programs keep VLANs apart: of a bridge at its ports, of a port here.
    package var isGuarded: Bool { !alias.isEmpty && GuardMark.isIn(alias) }

    /// Whether it is a pair whose other end is in another namespace: a container's, whoever made it.
    var isContainers: Bool { kind == "veth" && isPeerAbroad }
}

extension PortSpecification {
    /// What programs keep of its VLANs; a port that knows of none is in the bridge's default one.
    var vlanGuard: FastPathGuard {
        guard knowsVLANs else { return .defaultVLAN }
        let vlans = interface.vlans
        var members = vlans.members
        var untagged = vlans.untagged
        if keepsDefaultVLAN, !members.contains(1) {
            members.insert(1)
            untagged.insert(1)
        }
        let native = vlans.native.map { members.contains($0) ? $0 : 0 } ?? 0
        return FastPathGuard(native: native, members: members.ranges, untagged: untagged.ranges)
    }

    /// What programs do not keep of its VLANs, in words.
    ///
    /// - Throws: ``KernelError``.
    package func missingGuard(link: Int32) throws(KernelError) -> [String] {
        let areKept = try VLANGuards.existing()?.areKept(UInt32(bitPattern: link), to: vlanGuard)
        return areKept == true ? [] : ["no programs keep \(name) to its VLANs"]
    }
}

extension VLANInterface {
    var vlanGuard: FastPathGuard {
        let vlans = [vlan...vlan] + (keepsDefaultVLAN ? [1...1] : [])
        return FastPathGuard(native: vlan, members: vlans, untagged: vlans)
    }

    /// Whether programs keep the port to its VLAN.
    ///
    /// - Throws: ``KernelError``.
    package func isKept(port: Int32) throws(KernelError) -> Bool {
        try VLANGuards.existing()?.areKept(UInt32(bitPattern: port), to: vlanGuard) ?? false
    }
}

// VLANs of a bridge that cannot tell them apart, kept by programs at its ports.
extension Transaction {
    /// Makes a bridge one whose ports keep VLANs apart: the containers' that it has are put into the default VLAN.
    ///
    /// Whoever adds a port to it afterwards sees the mark.
    /// - Returns: the bridge as it is then.
    /// - Throws: ``KernelError``, `EOPNOTSUPP`, when the kernel has no programs for it.
    func keepVLANs(on bridge: Link) throws(KernelError) -> Link {
        var bridge = bridge
        guard !bridge.isGuarded || GuardMark.isBegun(bridge.alias) else { return bridge }
        try guardPorts(of: bridge)
        bridge.alias = GuardMark.adding(to: bridge.alias, isBegun: false)
        return bridge
    }

    /// Puts the containers' ports of such a bridge that nothing keeps to a VLAN into the default one.
    ///
    /// Those that programs of a former version keep stay as they are: only the records of their attachments tell their VLANs.
    /// - Throws: ``KernelError``, `EOPNOTSUPP`, when the kernel has no programs for it.
    package func guardPorts(of bridge: Link) throws(KernelError) {
        try Transaction.withGuards("use VLANs on bridge \(bridge.name)") { path, guards throws(KernelError) in
            // Before anybody can look for ports: who makes one from now on guards it.
            try mark(bridge, isBegun: true)
            for port in try host.everyLink().map({ $0.link })
            where port.master == bridge.index && port.isContainers {
                try Transaction.ignoringLoss { () throws(KernelError) in
                    let link = UInt32(bitPattern: port.index)
                    if try guards.leavesToOthers(link) { return }
                    try mark(port, isBegun: false)
                    try guards.keepUnlessKnown(link, to: .defaultVLAN)
                    // What it had is in the guard too.
                    if try path.isAttached(to: link) { try path.detach(from: link) }
                }
            }
            try mark(bridge, isBegun: false)
        }
    }

    /// Keeps a new port of such a bridge, which is down, to its VLANs.
    ///
    /// - Throws: ``KernelError``.
    func keep(_ port: Link, to vlans: FastPathGuard) throws(KernelError) {
        // First of all, so that who removes the link knows what else there is.
        try mark(port, isBegun: false)
        try Transaction.withGuards("keep \(port.name) to its VLANs") { path, guards throws(KernelError) in
            try guards.keep(UInt32(bitPattern: port.index), to: vlans)
        }
    }

    /// The same by what the plan says of the port.
    ///
    /// - Throws: ``KernelError``.
    package func keep(_ port: PortSpecification, at link: Link) throws(KernelError) {
        try keep(link, to: port.vlanGuard)
    }

    private func mark(_ link: Link, isBegun: Bool) throws(KernelError) {
        let alias = GuardMark.adding(to: link.alias, isBegun: isBegun)
        try host.execute(.setAlias(alias, link: link.index, name: link.name))
    }

    /// Ports of containers on such a bridge that nothing keeps to a VLAN, not even a former version's programs, by name.
    ///
    /// Looks at all links.
    /// - Throws: ``KernelError``.
    package static func unguardedPorts(
        of bridge: Link,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] {
        guard let guards = try VLANGuards.existing() else { return [] }
        var names: [String] = []
        let known = try guards.allPorts()
        for port in try host.everyLink().map({ $0.link })
        where port.master == bridge.index && port.isContainers && port.isUp {
            let link = UInt32(bitPattern: port.index)
            if !known.contains(link), try !VLANGuards.areSomeAttached(to: link) { names.append(port.name) }
        }
        return names
    }

    /// Forgets a port that is about to be removed; what the kernel refuses is no reason to keep it.
    package static func forgetGuard(of link: Link) {
        guard link.isGuarded else { return }
        do throws(KernelError) {
            try VLANGuards.existing()?.forget(UInt32(bitPattern: link.index))
        } catch {
            Machine.log("culvert: \(error)")
        }
    }

    private static func ignoringLoss(_ body: () throws(KernelError) -> Void) throws(KernelError) {
        do throws(KernelError) {
            try body()
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
        }
    }

    private static func withGuards(
        _ operation: String,
        _ body: (borrowing FastPath, borrowing VLANGuards) throws(KernelError) -> Void
    ) throws(KernelError) {
        let path = try fastPath(operation)
        try body(path, guards(path, operation))
    }

    private static func fastPath(_ operation: String) throws(KernelError) -> FastPath {
        do throws(FastPathFailure) {
            return try FastPath()
        } catch {
            throw lackOfPrograms(operation, error)
        }
    }

    private static func guards(
        _ path: borrowing FastPath,
        _ operation: String
    ) throws(KernelError) -> VLANGuards {
        do throws(FastPathFailure) {
            return try VLANGuards(path)
        } catch {
            throw lackOfPrograms(operation, error)
        }
    }

    private static func lackOfPrograms(_ operation: String, _ failure: FastPathFailure) -> KernelError {
        let reason = "programs at the ports would keep VLANs, but: \(failure)"
        return KernelError(operation, .notSupported, explanation: reason)
    }
}
