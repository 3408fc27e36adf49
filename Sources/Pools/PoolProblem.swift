// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import JSON
package import LeaseStore

/// Something that is wrong with a network's leases.
package struct PoolProblem: Hashable, Sendable {
    /// What is wrong, by the word that reports use; these words stay.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Two files, or two living containers, have one address.
        case duplicate
        /// The container that has the address is dead, or seems to be.
        case deadOwner
        /// The address is in no pool of the network.
        case outside
        /// It is a gateway, or excluded.
        case barred
        /// Something bears the name of an address and is no lease.
        case garbage
        /// A writer that died left it.
        case leftover
        /// A living container has the address and no lease of it.
        case unleased
        /// The index says something else than the directory.
        case index
        /// What says where the next search begins is no address of its range set.
        case lastReserved
        /// What an operator keeps and the lease files do not agree.
        case reservation
    }

    package let kind: Kind
    package let network: String
    /// The lease directory.
    package let directory: String
    package let address: IPAddress?
    /// Whose the lease is.
    package var owner: LeaseOwner?
    /// Which file it was, so that a later one is not meant.
    package var file: LeaseFileMark?
    /// What is the matter, and how that is known, in words.
    package let finding: String
    /// What to do about it.
    package let remedy: String
    /// Whether the lease may be released because of this.
    package var isReleasable = false

    package init(
        _ kind: Kind,
        in network: PoolNetwork,
        _ address: IPAddress? = nil,
        finding: String,
        remedy: String
    ) {
        self.kind = kind
        self.network = network.name
        directory = network.directory
        self.address = address
        self.finding = finding
        self.remedy = remedy
    }

    /// The problem as a report has it.
    package var json: JSONValue {
        var object: JSONObject = [
            "kind": .string(kind.rawValue), "network": .string(network), "directory": .string(directory),
            "address": address.map { .string("\($0)") } ?? .null,
            "containerID": owner.map { .string($0.containerID) } ?? .null,
            "interface": owner.map { .string($0.interfaceName) } ?? .null,
        ]
        object[exact: "finding"] = .string(finding)
        object[exact: "remedy"] = .string(remedy)
        object[exact: "releasable"] = .bool(isReleasable)
        object[exact: "inode"] = file.map { .integer(Int64(bitPattern: $0.inode)) } ?? .null
        object[exact: "modifiedNanoseconds"] = file.map { .integer($0.modifiedNanoseconds) } ?? .null
        return .object(object)
    }
}
