// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import LeaseStore

/// All that was found out about a network, for a ``PoolCheckup`` to judge.
package struct NetworkFacts: Sendable {
    /// An address that a container has, as the record of its attachment says.
    package struct Attached: Hashable, Sendable {
        package let address: IPAddress
        package let owner: LeaseOwner
        /// Whether the container is known to live.
        package let isLiving: Bool

        package init(address: IPAddress, owner: LeaseOwner, isLiving: Bool) {
            self.address = address
            self.owner = owner
            self.isLiving = isLiving
        }
    }

    package let network: PoolNetwork
    package let survey: LeaseSurvey
    /// What became of the owners of leases; of those that are not in it, nothing was asked.
    package let fates: [IPAddress: LeaseFate]
    package let attached: [Attached]

    package init(
        _ network: PoolNetwork,
        _ survey: LeaseSurvey,
        fates: [IPAddress: LeaseFate] = [:],
        attached: [Attached] = []
    ) {
        self.network = network
        self.survey = survey
        self.fates = fates
        self.attached = attached
    }
}

extension LeaseFate {
    /// What is known, in words; nil when nothing speaks for death.
    package func finding(_ lease: LeaseRecord) -> String? {
        switch self {
        case .living, .unknown: nil
        case .suspect(let proof): "\(lease.owner) seems to be dead: \(proof.words(lease))"
        case .dead(let proof, _): "\(lease.owner) is dead: \(proof.words(lease))"
        }
    }
}

extension LeaseFate.Proof {
    fileprivate func words(_ lease: LeaseRecord) -> String {
        let namespace = lease.namespaceIdentity.map { " (\($0))" } ?? ""
        return switch self {
        case .olderThanBoot: "the file is older than this boot, and nobody has known of it since"
        case .namespaceGone:
            "its network namespace \(lease.namespacePath)\(namespace) is gone, no process and no mount has it"
        case .namespacePathGone:
            "its network namespace \(lease.namespacePath)\(namespace) is gone from there, and not all processes "
                + "can be seen from here"
        case .recordedNamespaceGone: "the network namespace in its attachment record is gone from its path"
        }
    }
}
