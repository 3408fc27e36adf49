// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import JSON
internal import LeaseStore
internal import Linux
internal import Plugin

/// The addresses of one interface of one container.
struct AddressLease {
    private let request: Request
    private let configuration: HostLocalConfiguration
    private let path: String

    init(_ request: Request) throws(CNIError) {
        self.request = request
        configuration = try HostLocalConfiguration(request)
        path = try LeaseRelease.directory(request)
    }

    private var owner: LeaseOwner {
        LeaseOwner(containerID: request.invocation.containerID, interfaceName: request.invocation.interfaceName)
    }

    /// Takes one address of every range set, all of them under one lock or none.
    func take() throws(CNIError) -> AddResult {
        let dns = try configuration.dns()
        let directory = try inStore { () throws(KernelError) in
            try LeaseDirectory(creating: path, waitingAtMost: request.settings.lockBound)
        }
        let leases = try inStore { () throws(KernelError) in try directory.leases() }
        var selection = AddressSelection(leases, for: owner, requested: configuration.requested)
        var choices: [AddressSelection.Choice] = []
        do throws(CNIError) {
            for (index, set) in configuration.rangeSets.enumerated() {
                try take(from: set, index: index, of: directory, &selection, &choices)
            }
            try selection.finish()
            let superseded = selection.superseded(by: choices)
            try inStore { () throws(KernelError) in
                for (index, choice) in choices.enumerated() where !choice.isHeld {
                    try directory.setLastReserved(choice.address, rangeSet: index)
                }
                for address in superseded { try directory.release(address) }
            }
        } catch {
            throw giveBack(choices, to: directory, because: error)
        }
        return result(choices, dns)
    }

    private func take(
        from set: RangeSet,
        index: Int,
        of directory: borrowing LeaseDirectory,
        _ selection: inout AddressSelection,
        _ choices: inout [AddressSelection.Choice]
    ) throws(CNIError) {
        let last = directory.lastReserved(rangeSet: index)
        while true {
            let choice = try selection.choose(from: set, index: index, after: last)
            let address = choice.address
            let isOurs = try inStore { () throws(KernelError) in
                guard choice.isHeld else { return try directory.take(address, for: owner) }
                try directory.renew(address)
                return true
            }
            guard isOurs else {
                selection.exclude(address)
                continue
            }
            choices.append(choice)
            return
        }
    }

    private func giveBack(
        _ choices: [AddressSelection.Choice],
        to directory: borrowing LeaseDirectory,
        because cause: CNIError
    ) -> CNIError {
        var cause = cause
        for choice in choices where !choice.isHeld {
            do throws(KernelError) {
                try directory.release(choice.address)
            } catch {
                cause = cause.adding("left behind: address \(choice.address) (\(error))")
            }
        }
        return cause
    }

    private func result(_ choices: [AddressSelection.Choice], _ dns: DNS) -> AddResult {
        AddResult(
            ips: choices.compactMap { choice in
                CIDR(address: choice.address, prefixLength: choice.range.subnet.prefixLength).map { address in
                    AddResult.IPConfiguration(address: address, gateway: choice.range.gateway)
                }
            },
            routes: configuration.routes,
            dns: dns
        )
    }

    /// The container has an address, and everything its ADD promised from our ranges is still its own.
    func verify() throws(CNIError) {
        let leases = try inStore { () throws(KernelError) in
            do throws(KernelError) {
                return try LeaseDirectory(path: path, waitingAtMost: request.settings.lockBound).leases()
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                return []
            }
        }
        let held = Set(leases.filter { $0.owner.covers(owner) }.map { $0.address })
        guard !held.isEmpty else {
            throw CNIError(
                .verificationFailed,
                "host-local: Failed to find address added by container \(owner.containerID)",
                details: "no lease of \(owner) is in \(path)"
            )
        }
        for configured in request.configuration.previousResult?.ips ?? [] {
            let address = configured.address.address
            guard configuration.rangeSets.contains(where: { $0.range(containing: address) != nil }),
                let other = leases.first(where: { $0.address == address }), !held.contains(address)
            else { continue }
            throw CNIError(
                .verificationFailed,
                "host-local: address \(address) of container \(owner.containerID) belongs to \(other.owner)",
                details: "see \(path)/\(address)"
            )
        }
    }

    /// Every range set has an address left.
    func probe() throws(CNIError) {
        let taken: [IPAddress]
        do throws(KernelError) {
            taken = try LeaseDirectory.takenAddresses(path: path)
        } catch {
            throw CNIError(.unavailable, "cannot read leases in \(path)", error)
        }
        for set in configuration.rangeSets where set.free(given: taken) == 0 {
            throw CNIError(
                .unavailable,
                "no IP addresses available in range set: \(set)",
                details: "\(set.capacity) of \(set.capacity) \(set.family.name) addresses are leased in \(path)"
            )
        }
    }

    private func inStore<Value: ~Copyable>(_ body: () throws(KernelError) -> Value) throws(CNIError) -> Value {
        try translating("cannot use the leases in \(path)", .storeUnusable, body)
    }
}
