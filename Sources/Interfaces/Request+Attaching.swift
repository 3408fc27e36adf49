// SPDX-License-Identifier: Apache-2.0
package import CNI
internal import Journal
package import Linux
package import Netlink
package import Plugin
package import Wiring

// What every ADD of an interface does besides making it.
extension Request {
    /// Sockets here and in the container, and a transaction over both.
    package func transaction(
        into container: consuming NetworkNamespace,
        _ intention: String
    ) throws(CNIError) -> Transaction {
        do throws(KernelError) {
            return try Transaction(into: container, notes: notes)
        } catch {
            throw CNIError(.kernelRefused, intention, error)
        }
    }

    /// What is written down before anything is made.
    package func newRecord(of container: borrowing NetworkNamespace) -> AttachmentRecord {
        AttachmentRecord(
            key: key,
            state: .intended,
            namespacePath: invocation.namespacePath,
            namespaceIdentity: "\(container.identity)",
            intendedNanoseconds: Machine.bootNanoseconds,
            configuration: document
        )
    }

    /// Opens and locks the record of the attachment, a new one if there is none.
    package func newRecordFile(_ intention: String) throws(CNIError) -> AttachmentFile {
        let phase = notes.enter(.record)
        defer { notes.enter(phase) }
        return try translating(intention, .storeUnusable) { () throws(KernelError) in
            try AttachmentFile(opening: key, in: attachments, waitingAtMost: settings.lockBound)
        }
    }

    /// - Throws: ``CNIError``, code 101, when the container has an interface of the name that ADD is to make.
    package func refuseExisting(in inside: borrowing NetlinkSocket, _ intention: String) throws(CNIError) {
        let name = invocation.interfaceName
        let link = try translating(intention) { () throws(KernelError) in try inside.link(named: name) }
        guard link != nil else { return }
        throw CNIError(
            .interfaceExists,
            "container interface \(name) already exists",
            details: "in \(invocation.namespacePath); DEL it before another ADD, or choose another CNI_IFNAME"
        )
    }

    /// - Returns: what could not be given back, in words.
    package func giveBack(_ delegate: AddressDelegate?) -> [String] {
        do throws(CNIError) {
            try delegate?.delete()
            return []
        } catch {
            return ["addresses (\(error))"]
        }
    }

    /// Takes back what a refused ADD made and leased, the addresses first if they came through the link.
    ///
    /// `delegate`: nil when nothing was leased.
    /// - Returns: what is left behind, in words.
    package func takeBack(_ transaction: inout Transaction, _ delegate: AddressDelegate?) -> [String] {
        let isThroughLink = AddressDelegate.needsLink(self)
        let leftovers = isThroughLink ? giveBack(delegate) : transaction.takeBack()
        return leftovers + (isThroughLink ? transaction.takeBack() : giveBack(delegate))
    }

    /// Removes the record, or keeps it when something is left that a later DEL or GC has to remove.
    package func close(
        _ file: consuming AttachmentFile,
        _ record: AttachmentRecord?,
        _ leftovers: [String],
        because cause: CNIError
    ) -> CNIError {
        do throws(KernelError) {
            guard !leftovers.isEmpty, var record else {
                try file.remove()
                return cause
            }
            record.state = .removing
            try file.write(record)
        } catch {
            return cause.adding("left behind: record of \(key) (\(error))")
        }
        return cause.adding("left behind: \(leftovers.joined(separator: "; "))")
    }
}
