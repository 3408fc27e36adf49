// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Journal
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// DEL and GC
extension BandwidthShaper {
    /// Removes the blocks; what is at the host's end goes with the pair.
    ///
    /// Needs the attachment's name and nothing else, and can be repeated.
    func release() throws(CNIError) {
        request.notes.enter(.links)
        try translating("cannot lift the limits of container \(request.key.containerID)") { () throws(KernelError) in
            let host = try NetlinkSocket()
            for block in try ownBlocks(on: host) { try remove(block.link.name, on: host) }
        }
    }

    /// Removes a link that may be going at this very moment.
    private func remove(_ name: String, on host: borrowing NetlinkSocket) throws(KernelError) {
        do throws(KernelError) {
            try host.execute(.deleteLink(named: name))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
        }
    }

    /// Removes the blocks of this network whose attachments are none of the survivors, nor provably alive.
    ///
    /// Goes on after an error, and reports all of them. Blocks that the reference made tell nobody whose they are.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        let network = request.configuration.name
        let intention = "cannot collect garbage of network \(network)"
        let host = try translating(intention) { () throws(KernelError) in try NetlinkSocket() }
        let blocks = try translating(intention) { () throws(KernelError) in try host.notedLinks(ofKind: "ifb") }
        var errors: [String] = []
        for block in blocks {
            guard let note = BlockNote(block.alias), note.isOf(network: network),
                !surviving.contains(where: { note.isCovered(by: $0) })
            else { continue }
            do throws(KernelError) {
                if let key = note.key(in: network),
                    try request.attachments.isAlive(key, since: request.beganBoot)
                {
                    continue
                }
                try remove(block.link.name, on: host)
            } catch {
                errors.append("\(block.link.name): \(error)")
            }
        }
        guard errors.isEmpty else {
            throw CNIError(.kernelRefused, intention, details: errors.joined(separator: "; "))
        }
    }
}
