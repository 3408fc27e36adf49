// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// The addresses of gateways, which many attachments share.
extension Restoration {
    /// Whether a younger attachment has given the gateway's link another address in the place of this one.
    ///
    /// That is what `forceAddress` is for when a network gets another range. Who took it back for the sake of older
    /// containers would cut the younger ones off.
    func isSuperseded(_ shared: SharedAddress) throws(CNIError) -> Bool {
        guard let link = try hostLink(shared.link) else { return false }
        let others = try translating("cannot look at \(link.name)") { () throws(KernelError) in
            try transaction.host.addresses(ofLink: link.index).map { $0.address }.filter { shared.conflicts(with: $0) }
        }
        guard !others.isEmpty else { return false }
        let store = AttachmentStore(root: standing.request.settings.runDirectory)
        let survey = try translating("cannot read the records of attachments", .storeUnusable) {
            () throws(KernelError) in
            try AttachmentSurvey(store)
        }
        return survey.attachments.contains { facts in
            guard facts.life.verdict != .dead, let record = facts.record, let result = facts.result,
                record.intendedNanoseconds > standing.record.intendedNanoseconds
            else { return false }
            return result.ips.contains { ip in others.contains { $0.address == ip.gateway } }
        }
    }

    /// What is to be done of what an ADD would do: all but what a younger one has done in another way.
    func current(_ changes: [Change]) throws(CNIError) -> [Change] {
        var current: [Change] = []
        for change in changes {
            if case .sharedAddress(let shared) = change, try isSuperseded(shared) { continue }
            current.append(change)
        }
        return current
    }
}
