// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// Compares one living attachment with its record, and makes true what is not.
struct Restoration: ~Copyable {
    let standing: StandingAttachment
    let isChanging: Bool
    var transaction: Transaction
    /// What was wrong in this round, in words.
    var findings: [String] = []
    /// What is wrong and stays so, in words, with what can be done.
    var complaints: [String] = []
    /// What was found on the host, of a pair.
    var bridge: Link?
    var hostEnd: Link?

    /// How often everything is looked at: routes need links and addresses, and what was put right has to stay so.
    private static let rounds = 5

    /// - Parameters:
    ///   - standing: what its record says.
    ///   - isChanging: whether anything is put right; else it is only looked at.
    /// - Throws: ``CNIError`` when the container's namespace cannot be entered.
    init(_ standing: StandingAttachment, isChanging: Bool) throws(CNIError) {
        let transaction = try Restoration.open(standing)
        self.standing = standing
        self.isChanging = isChanging
        self.transaction = transaction
    }

    private static func open(_ standing: StandingAttachment) throws(CNIError) -> Transaction {
        let container = try standing.request.openNamespace()
        guard "\(container.identity)" == standing.record.namespaceIdentity else {
            throw CNIError(
                .invalidNamespace,
                "\(standing.record.namespacePath) is another namespace by now",
                details: "the container is not reached by its path any more"
            )
        }
        return try standing.request.transaction(into: container, "cannot look at \(standing.record.key)")
    }

    /// Does it: what lies under other things first.
    ///
    /// - Returns: what was wrong, and what still is, in words.
    /// - Throws: ``CNIError`` when something cannot be looked at or put right; what came before it is.
    consuming func run() throws(CNIError) -> (findings: [String], complaints: [String]) {
        var said: [String] = []
        for _ in 0..<Restoration.rounds {
            findings = []
            complaints = []
            do throws(CNIError) {
                try restore()
            } catch {
                throw findings.isEmpty ? error : error.adding("found: \(findings.joined(separator: "; "))")
            }
            for finding in findings where !said.contains(finding) { said.append(finding) }
            if findings.isEmpty || !isChanging {
                transaction.commit()
                return (said, complaints)
            }
        }
        let left = findings.joined(separator: "; ")
        transaction.commit()
        throw CNIError(.kernelRefused, "it does not stay right", details: "\(left); somebody else changes it")
    }

    private mutating func restore() throws(CNIError) {
        let link = try translating("cannot look into the container") { () throws(KernelError) in
            try transaction.inside.link(named: standing.record.key.interfaceName)
        }
        let aims = try AttachmentAims.of(
            standing,
            isThere: link != nil,
            host: transaction.host,
            inside: transaction.inside
        )
        // Of a device that a process has, the kernel knows nothing.
        guard !aims.making.isEmpty || !aims.completion.isEmpty else { return }
        for change in aims.preparation {
            if case .bridge(let specification) = change { try restore(specification) }
        }
        guard let link else { return try makeAgain(aims) }
        transaction.remember(inside: link)
        for change in aims.making {
            switch change {
            case .pair(let pair, let bridge): try restore(pair, bridge: bridge, inside: link, aims)
            case .move(let move): guard try restore(move.device, link) else { return }
            default: continue
            }
        }
        for change in aims.completion { try restore(change, link) }
    }

    /// Makes the container's link again, and all that went with it.
    private mutating func makeAgain(_ aims: AttachmentAims) throws(CNIError) {
        let name = standing.record.key.interfaceName
        if let pair = standing.ends {
            let end = try translating("cannot look for \(pair.host.name)") { () throws(KernelError) in
                try transaction.host.link(named: pair.host.name)
            }
            if end != nil {
                complaints.append(
                    "\(name) is not in the container, but \(pair.host.name), its other end, is there: "
                        + "it was renamed or moved; move it back, or DEL and ADD the attachment"
                )
                return
            }
        }
        guard !AddressDelegate.needsLink(standing.request) else {
            return complaints.append("\(name) is missing, and its addresses were asked for through it: DEL and ADD it")
        }
        try putRight(["\(name) is missing"], aims.making + current(aims.completion))
    }

    /// Notes what is wrong, and does something about it if anything is to be changed.
    mutating func putRight(_ found: [String], _ changes: [Change]) throws(CNIError) {
        guard !found.isEmpty else { return }
        findings += found
        guard isChanging else { return }
        do throws(PlanFailure) {
            try transaction.apply(changes)
        } catch {
            throw CNIError(.kernelRefused, "cannot put it right", error)
        }
    }

    /// The same for what no plan of an ADD has in it.
    mutating func putRight(_ found: String, _ requests: [NetlinkRequest]) throws(CNIError) {
        findings.append(found)
        guard isChanging else { return }
        try translating("cannot put it right") { () throws(KernelError) in try transaction.host.execute(requests) }
    }

    /// The same for a setting of the host.
    mutating func putRight(_ sysctl: Sysctl, _ value: String) throws(CNIError) {
        let isSet = try translating("cannot look at \(sysctl)") { () throws(KernelError) -> Bool in
            do throws(KernelError) {
                return try sysctl.read() == value
            } catch {
                // A kernel without the setting does not need it.
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                return true
            }
        }
        guard !isSet else { return }
        findings.append("\(sysctl) is not \(value)")
        guard isChanging else { return }
        try translating("cannot put it right") { () throws(KernelError) in try sysctl.set(value) }
    }
}
