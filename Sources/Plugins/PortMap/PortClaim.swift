// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// Ports of the host that an attachment is about to hold, and who may have them already.
///
/// Holds the registry's lock from its making to its end, so that of two who want one port the second sees the first.
struct PortClaim: ~Copyable {
    private let registry: HostPortRegistry
    private let store: AttachmentStore
    private let key: AttachmentKey

    /// Locks the registry, and counts all records if nobody has yet.
    ///
    /// - Throws: ``KernelError``.
    static func open(
        _ key: AttachmentKey,
        in store: AttachmentStore,
        waitingAtMost bound: Duration
    ) throws(KernelError) -> PortClaim {
        let claim = PortClaim(try HostPortRegistry(in: store.root, waitingAtMost: bound), key, store)
        // Somebody removed the registry under the records, or there never was one.
        if !claim.registry.isCounted { try claim.countAll() }
        return claim
    }

    private init(_ registry: consuming HostPortRegistry, _ key: AttachmentKey, _ store: AttachmentStore) {
        self.registry = registry
        self.store = store
        self.key = key
    }

    /// Another attachment that has some of the ports.
    struct Holder {
        let record: AttachmentRecord
        let forwards: [Forward]
    }

    /// The attachments that have some of these ports, so that packets for one could not be told from the other's.
    ///
    /// Looks at no record as long as nobody has any of the ports; if it does, the counts are right afterwards.
    ///
    /// - Throws: ``KernelError``.
    func holders(conflictingWith wanted: [Forward]) throws(KernelError) -> [Holder] {
        var suspects: [Forward] = []
        for forward in wanted where try registry.count(forward.hostPort, forward.transport) > 0 {
            suspects.append(forward)
        }
        guard !suspects.isEmpty else { return [] }
        let holders = try allHolders()
        try correct(suspects, by: holders)
        // A container's ports are asked for on each of its networks; it is no rival of itself.
        return holders.filter { holder in
            guard holder.record.key.containerID != key.containerID else { return false }
            return holder.forwards.contains { theirs in suspects.contains { $0.conflicts(with: theirs) } }
        }
    }

    /// Counts an attachment in, before its record is written.
    ///
    /// - Throws: ``KernelError``.
    func take(_ forwards: [Forward]) throws(KernelError) {
        for (port, transport) in forwards.distinctPorts {
            let count = try registry.count(port, transport)
            // Who died over its ports may have left the count too high; whoever stays there is never forgotten.
            if count < .max { try registry.set(port, transport, to: count + 1) }
        }
    }

    /// Counts an attachment out, after its record was removed or replaced during the same claim.
    ///
    /// - Throws: ``KernelError``.
    func giveBack(_ forwards: [Forward]) throws(KernelError) {
        for (port, transport) in forwards.distinctPorts {
            let count = try registry.count(port, transport)
            if count > 0, count < .max { try registry.set(port, transport, to: count - 1) }
        }
    }

    /// The other attachments of the same container that want some of these ports too.
    ///
    /// - Throws: ``KernelError``.
    func siblings(wanting forwards: [Forward]) throws(KernelError) -> [Holder] {
        var isShared = false
        for forward in forwards where !isShared {
            isShared = try registry.count(forward.hostPort, forward.transport) > 0
        }
        guard isShared else { return [] }
        return try allHolders().filter { holder in
            holder.record.key.containerID == key.containerID
                && holder.forwards.contains { theirs in forwards.contains { $0.conflicts(with: theirs) } }
        }
    }

    /// Corrects the counts of some ports to what the records say.
    ///
    /// - Throws: ``KernelError``.
    func recount(_ forwards: [Forward]) throws(KernelError) {
        try correct(forwards, by: allHolders())
    }

    private func correct(_ forwards: [Forward], by holders: [Holder]) throws(KernelError) {
        for (port, transport) in forwards.distinctPorts {
            let count = holders.count { holder in
                holder.forwards.contains { $0.hostPort == port && $0.transport == transport }
            }
            try registry.set(port, transport, to: UInt8(clamping: count))
        }
    }

    private func countAll() throws(KernelError) {
        let holders = try allHolders()
        // Who died over counting may have left some counts.
        try correct(holders.flatMap { $0.forwards }, by: holders)
        try registry.finishCounting()
    }

    /// All attachments with ports, this one too if it has a record.
    private func allHolders() throws(KernelError) -> [Holder] {
        var holders: [Holder] = []
        for network in try store.networks() {
            for other in try store.keys(of: network, plugin: PortPublisher.plugin) {
                guard let record = try store.record(of: other, plugin: PortPublisher.plugin),
                    let configuration = PortMapConfiguration(of: record)
                else { continue }
                holders.append(Holder(record: record, forwards: configuration.forwards))
            }
        }
        return holders
    }
}

extension [Forward] {
    /// Each port of each protocol once, whatever addresses it is forwarded for.
    fileprivate var distinctPorts: [(UInt16, Transport)] {
        var ports: [(UInt16, Transport)] = []
        ports.reserveCapacity(count)
        for transport in Transport.all {
            var numbers: [UInt16] = []
            for forward in self where forward.transport == transport { numbers.append(forward.hostPort) }
            numbers.sort()
            for (index, number) in numbers.enumerated() where index == 0 || numbers[index - 1] != number {
                ports.append((number, transport))
            }
        }
        return ports
    }
}

extension PortMapConfiguration {
    /// What a record's attachment was configured to; nil when the record makes no sense.
    init?(of record: AttachmentRecord) {
        do throws(CNIError) {
            try self.init(NetworkConfiguration(record.configuration), interfaceName: record.key.interfaceName)
        } catch {
            return nil
        }
    }
}
