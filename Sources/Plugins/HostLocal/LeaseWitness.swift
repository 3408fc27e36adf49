// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import LeaseStore
internal import Linux
internal import Plugin
internal import Wiring

/// What the attachment records say of leases.
struct LeaseWitness {
    private let request: Request

    init(_ request: Request) {
        self.request = request
    }

    /// Whether the owner of a lease lives, as far as its record tells.
    func evidence(of owner: LeaseOwner) throws(KernelError) -> LeaseEvidence {
        try request.attachments.evidence(of: owner, in: request.configuration.name)
    }
}

extension LeaseClaimant {
    /// Who asks, and from where.
    init(_ request: Request, _ owner: LeaseOwner, _ workload: Workload, identity: String) {
        let path = request.invocation.namespacePath
        var namespace: FileStatus.Identity?
        do throws(KernelError) {
            namespace = try FileStatus.of(path)?.identity
        } catch {
            // Whose namespace cannot be looked at is never taken for dead.
        }
        self.init(
            owner: owner,
            namespacePath: path,
            namespaceIdentity: namespace,
            workload: workload,
            identity: identity
        )
    }
}

extension Workload {
    /// The names that kubelet, CRI-O and podman pass; none where nobody could read them.
    init(_ request: Request) {
        guard let pairs = try? request.arguments().extra else {
            self.init()
            return
        }
        func value(_ key: String) -> String { pairs.last { $0.key == key }?.value ?? "" }
        self.init(
            namespace: value("K8S_POD_NAMESPACE"),
            name: value("K8S_POD_NAME"),
            uid: value("K8S_POD_UID")
        )
    }
}

extension LeaseRecord {
    /// Whether the namespace that the address was given into may still be where it was.
    var isInLivingNamespace: Bool { namespaceIdentity != nil && namespaceIsThere != false }
}

extension PoolStates {
    /// Counts what the ledger knows.
    init(_ records: [LeaseRecord], _ rules: PoolRules) {
        let rested = rules.restedSince(now: Machine.bootNanoseconds) ?? .min
        let quarantined = records.filter { $0.state.isResting && $0.sinceNanoseconds > rested }
        self.init(
            leased: AddressSet(records.filter { $0.hasFile && !$0.owner.isReservation }.map { $0.address }),
            quarantined: AddressSet(quarantined.map { $0.address }),
            suspect: AddressSet(records.filter { $0.state == .suspect }.map { $0.address }),
            rules: rules
        )
    }
}
