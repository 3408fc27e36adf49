// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNI
package import Forwarding
package import JSON
package import Linux
package import Wiring

/// What the network of an interface wants of packet filters.
package struct InterfaceFilters: Hashable, Sendable {
    /// Whether packets from the container to elsewhere leave with the host's address.
    package let masquerades: Bool
    /// Who rewrites them.
    package let backend: MasqueradeBackend
    /// Whether frames whose source is not the container's MAC address are dropped.
    package let checksMAC: Bool
    /// Whether packets whose source is none of the container's addresses are dropped.
    package let checksIP: Bool

    /// Reads a network's configuration; sources are watched at the ports of bridges only.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        let isBridge = try reader.string("type") ?? "bridge" == "bridge"
        masquerades = try reader.bool("ipMasq") ?? false
        backend = try InterfaceFilters.backend(reader)
        checksMAC = try isBridge ? reader.bool("macspoofchk") ?? false : false
        checksIP = try isBridge ? reader.bool("ipspoofchk") ?? false : false
    }

    private static func backend(_ reader: JSONReader) throws(JSONTypeError) -> MasqueradeBackend {
        guard let member = try reader.member("ipMasqBackend"), case let name = try member.string(), !name.isEmpty else {
            return .nftables
        }
        guard let backend = MasqueradeBackend(rawValue: name) else {
            throw member.mismatch(expected: "nftables or iptables")
        }
        return backend
    }

    /// Whether any of it is done by nf_tables.
    package var needsKernel: Bool { masquerades && backend == .nftables || checksMAC || checksIP }

    /// What one attachment needs.
    ///
    /// `port`: the host's end of the pair.
    /// `address`, `addresses`: the container's; without addresses there is nothing to masquerade.
    /// `siblings`: what iptables masquerades for the container's other interfaces on the network.
    package func plan(
        for key: AttachmentKey,
        port: String,
        address: MACAddress?,
        _ addresses: [CIDR],
        siblings: [CIDR] = []
    ) -> FilterPlan {
        var masquerade: Masquerade?
        if masquerades, !addresses.isEmpty { masquerade = Masquerade(key: key, addresses: addresses, backend: backend) }
        // Nothing comes from a port that CHECK cannot find: its container may have deleted the pair.
        let spoofCheck: SpoofCheck? =
            (checksMAC || checksIP) && !port.isEmpty
            ? SpoofCheck(key: key, interface(port, address: address, addresses)) : nil
        return FilterPlan(key: key, masquerade: masquerade, spoofCheck: spoofCheck, siblings: siblings)
    }

    /// What sources the container may have, as a switch is told it.
    ///
    /// Beside its addresses those are its own that it gives itself on a link of IPv6 (RFC 4291, 2.1), whichever they are.
    ///
    /// `port`, `address`, `addresses`: as for ``plan(for:port:address:_:siblings:)``.
    package func interface(_ port: String, address: MACAddress?, _ addresses: [CIDR]) -> VirtualInterface {
        var interface = VirtualInterface(port)
        if checksMAC { interface.allowedSources = address.map { [$0] } }
        if checksIP { interface.allowedAddresses = addresses.map { .host($0.address) } + [.linkLocal] }
        return interface
    }

    /// What iptables masquerades for the other interfaces of an attachment's container on its network.
    ///
    /// They have the same chain, whose name says nothing of an interface.
    /// - Throws: ``KernelError``.
    package static func siblings(of key: AttachmentKey, in store: AttachmentStore) throws(KernelError) -> [CIDR] {
        var addresses: [CIDR] = []
        for other in try store.keys(of: key.network) where other.containerID == key.containerID && other != key {
            guard let masquerade = try store.record(of: other).flatMap({ plan(of: $0) })?.masquerade,
                masquerade.backend == .iptables
            else { continue }
            addresses += masquerade.addresses
        }
        return addresses
    }

    /// The same for an attachment that is to be made; asked of the records only if iptables is to masquerade it.
    ///
    /// - Throws: ``KernelError``.
    package func siblings(of key: AttachmentKey, in store: AttachmentStore) throws(KernelError) -> [CIDR] {
        masquerades && backend == .iptables ? try InterfaceFilters.siblings(of: key, in: store) : []
    }

    /// Removes what an attachment has, by what its record says was wanted; without a record, whatever there may be.
    ///
    /// - Throws: ``KernelError``.
    package static func remove(
        from key: AttachmentKey,
        _ record: AttachmentRecord?,
        in store: AttachmentStore
    ) throws(KernelError) {
        guard let record, let filters = InterfaceFilters(record) else {
            return try FilterPlan.removeAll(of: key, sparing: siblings(of: key, in: store))
        }
        let masquerade = Masquerade(key: key, addresses: [], backend: filters.backend)
        let watcher = SpoofCheck(key: key, VirtualInterface(""))
        try FilterPlan(
            key: key,
            masquerade: filters.masquerades ? masquerade : nil,
            spoofCheck: filters.checksMAC || filters.checksIP ? watcher : nil,
            siblings: try filters.siblings(of: key, in: store)
        ).remove()
    }

    private init?(_ record: AttachmentRecord) {
        do throws(JSONTypeError) {
            try self.init(JSONReader(record.configuration))
        } catch {
            return nil
        }
    }

    /// What has to stand for an attachment by its record; nil when it is not attached, or wants nothing.
    ///
    /// `siblings`: what iptables masquerades for the container's other interfaces on the network.
    package static func plan(of record: AttachmentRecord, siblings: [CIDR] = []) -> FilterPlan? {
        guard record.state == .attached, let filters = InterfaceFilters(record) else { return nil }
        let result: AddResult
        do throws(CNIError) {
            result = try AddResult(JSONReader(record.result), assuming: .newest)
        } catch {
            return nil
        }
        let own = result.interfaces.first { !$0.sandbox.isEmpty && $0.name == record.key.interfaceName }
        let plan = filters.plan(
            for: record.key,
            port: record.hostInterface,
            address: own.flatMap { MACAddress($0.mac) },
            result.ips.map { $0.address },
            siblings: siblings
        )
        return plan.isEmpty ? nil : plan
    }

    /// The same with what its container's other interfaces have by their records.
    ///
    /// - Throws: ``KernelError``.
    package static func plan(
        of record: AttachmentRecord,
        in store: AttachmentStore
    ) throws(KernelError) -> FilterPlan? {
        guard let filters = InterfaceFilters(record) else { return nil }
        return plan(of: record, siblings: try filters.siblings(of: record.key, in: store))
    }
}

extension CIDR {
    /// What hosts call themselves on a link (RFC 4291, 2.5.6).
    fileprivate static var linkLocal: CIDR {
        guard let network = CIDR(address: IPAddress(v6: 0xfe80 << 112), prefixLength: 10) else {
            preconditionFailure("10 bits fit an address")
        }
        return network
    }
}
