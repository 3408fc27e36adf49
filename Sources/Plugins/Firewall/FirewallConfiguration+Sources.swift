// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Firewalld
internal import Linux

// The addresses as sources of firewalld's zone
extension FirewallConfiguration {
    /// Makes sure that firewalld can be asked, before anything is changed.
    ///
    /// - Throws: ``KernelError``.
    func requireDaemon() throws(KernelError) {
        try asking { _ throws(FirewalldError) in }
    }

    /// Whether an ADD that nobody recorded, such as the reference's, may have put addresses into the zone.
    ///
    /// A bus that makes trouble is no reason for DEL to fail where nobody has asked for firewalld.
    var mayHaveSources: Bool {
        switch backend {
        case .firewalld: true
        case nil: !addresses.isEmpty && FirewallDaemon.isRunning()
        case .nftables, .iptables: false
        }
    }

    /// Puts all addresses into the zone.
    ///
    /// - Throws: ``KernelError``; some may be in it.
    func addSources() throws(KernelError) {
        try asking { daemon throws(FirewalldError) in
            for address in addresses { _ = try daemon.addSource(address, toZone: zone) }
        }
    }

    /// Takes the addresses out of the zone, as far as they are in it.
    ///
    /// `taken`: addresses that belong to other attachments by now.
    /// - Throws: ``KernelError``.
    func removeSources(sparing taken: () throws(KernelError) -> [IPAddress]) throws(KernelError) {
        guard !addresses.isEmpty else { return }
        do throws(FirewalldError) {
            // Without firewalld its rules are gone too.
            guard var daemon = try FirewallDaemon.find() else { return }
            let spared: [IPAddress]
            do throws(KernelError) {
                spared = try taken()
            } catch {
                throw FirewalldError.unreachable(error)
            }
            for address in addresses where !spared.contains(address) {
                do throws(FirewalldError) {
                    _ = try daemon.removeSource(address, fromZone: zone)
                } catch {
                    // The operator has put the address into another zone, and may have removed this one.
                    guard case .refused(_, let code, _) = error, code == "ZONE_CONFLICT" || code == "INVALID_ZONE"
                    else { throw error }
                }
            }
        } catch {
            throw error.kernelError
        }
    }

    /// The addresses that are not in the zone, in words.
    ///
    /// - Throws: ``KernelError``.
    func missingSources() throws(KernelError) -> [String] {
        var missing: [String] = []
        try asking { daemon throws(FirewalldError) in
            for address in addresses where try !daemon.hasSource(address, inZone: zone) {
                missing.append("source \(address) of zone \(zone)")
            }
        }
        return missing
    }

    private func asking(
        _ body: (inout FirewallDaemon) throws(FirewalldError) -> Void
    ) throws(KernelError) {
        do throws(FirewalldError) {
            guard var daemon = try FirewallDaemon.find() else {
                throw FirewalldError.unreachable(
                    KernelError("reach firewalld", .connectionRefused, explanation: "it does not run on this host")
                )
            }
            try body(&daemon)
        } catch {
            throw error.kernelError
        }
    }
}
