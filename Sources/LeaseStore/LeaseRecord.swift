// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Linux

/// What is known of one lease: what its file says, and what only this boot knows.
package struct LeaseRecord: Hashable, Sendable {
    /// How far a lease is in its life.
    package enum State: Int64, Hashable, Sendable {
        /// Given by an ADD of which nobody knows whether it was finished.
        case provisional
        /// Somebody confirmed it: a CHECK, or a runtime of which we found the file.
        case active
        /// Its container seems to be dead, since ``LeaseRecord/sinceNanoseconds``; 0 means since before this boot.
        case suspect
        /// Given back, and resting before it is given again; there is no file.
        case quarantined
        /// The same, remembered for who had it: it is given to others when nothing else is left.
        case remembered
        /// Kept by an operator; the file names nobody's container.
        case reserved

        /// Whether a file in the lease directory goes with it.
        package var hasFile: Bool { !isResting }

        /// Whether it is free, and given after others.
        package var isResting: Bool { self == .quarantined || self == .remembered }
    }

    package let address: IPAddress
    package var owner: LeaseOwner
    package var state: State
    /// The number that we gave this lease when we made it, as no other; 0 for a file of somebody else.
    package var generation: Int64
    /// What the file was when we last saw it.
    package var file: LeaseFileMark
    /// Where the container's network namespace was; empty when unknown.
    package var namespacePath: String
    /// Which one that was; nil when unknown.
    package var namespaceIdentity: FileStatus.Identity?
    /// Whom it was given to, as the runtime calls it.
    package var workload: Workload
    /// Whom its address is remembered for; empty for nobody.
    package var identity: String
    /// When it was given, by ``Machine/wallNanoseconds``; for a foreign file, when that was written.
    package var createdNanoseconds: Int64
    /// Since when it has been in its state, by ``Machine/bootNanoseconds``.
    package var sinceNanoseconds: Int64

    /// What names this lease among all that its address and its owner ever had.
    package var instance: LeaseInstance { generation == 0 ? .file(file) : .generation(generation) }

    /// Whether a file in the lease directory goes with it.
    package var hasFile: Bool { state.hasFile }

    /// Whether the file names a container; what does not keeps its address from being given, and is left alone.
    package var hasOwner: Bool { !owner.containerID.isEmpty && !owner.isReservation }
}

extension LeaseRecord {
    /// A lease of which there is a file and no more.
    init(adopting address: IPAddress, of owner: LeaseOwner, _ file: LeaseFileMark, bootedBy boot: Int64) {
        let isOld = file.modifiedNanoseconds < boot && !owner.isReservation
        self.init(
            address: address,
            owner: owner,
            state: owner.isReservation ? .reserved : isOld ? .suspect : .active,
            generation: 0,
            file: file,
            namespacePath: "",
            namespaceIdentity: nil,
            workload: Workload(),
            identity: "",
            createdNanoseconds: file.modifiedNanoseconds,
            sinceNanoseconds: isOld ? 0 : Machine.bootNanoseconds
        )
    }

    /// What is to be said of a lease file: what was known of it before, which stays true of the same file, or no more
    /// than it says.
    init(
        of address: IPAddress,
        _ owner: LeaseOwner,
        _ file: LeaseFileMark,
        known: LeaseRecord?,
        bootedBy boot: Int64
    ) {
        guard var known, known.hasFile, known.owner == owner, known.file.inode == file.inode else {
            self.init(adopting: address, of: owner, file, bootedBy: boot)
            return
        }
        known.file = file
        self = known
    }

    /// Something that is no lease and bears the name of an address, which therefore cannot be given.
    init(foreign address: IPAddress) {
        self.init(adopting: address, of: LeaseOwner(containerID: "", interfaceName: ""), .none, bootedBy: .min)
    }
}

/// Names one lease among all that an address or an owner ever had.
///
/// A release that names it cannot hit a later lease of the same address and owner.
package enum LeaseInstance: Hashable, Sendable {
    /// Given by us; no two have the same number.
    case generation(Int64)
    /// A file of somebody else.
    case file(LeaseFileMark)
}

/// Tells a lease file from one of the same name that was made later.
package struct LeaseFileMark: Hashable, Sendable {
    package let inode: UInt64
    /// When it was written, by the clock that stamps files.
    package let modifiedNanoseconds: Int64

    package init(inode: UInt64, modifiedNanoseconds: Int64) {
        self.inode = inode
        self.modifiedNanoseconds = modifiedNanoseconds
    }

    /// Of what is no file.
    static let none = LeaseFileMark(inode: 0, modifiedNanoseconds: 0)

    init(_ status: FileStatus) {
        self.init(inode: status.identity.inode, modifiedNanoseconds: status.modifiedNanoseconds)
    }
}

/// What runs in a container, by the names of its orchestrator (CNI_ARGS); each empty when unknown.
package struct Workload: Hashable, Sendable {
    package let namespace: String
    package let name: String
    package let uid: String

    package init(namespace: String = "", name: String = "", uid: String = "") {
        self.namespace = namespace
        self.name = name
        self.uid = uid
    }
}

/// Whom a lease is for.
package struct LeaseClaimant: Hashable, Sendable {
    package let owner: LeaseOwner
    package let namespacePath: String
    package let namespaceIdentity: FileStatus.Identity?
    package let workload: Workload
    /// Whom the address is to be remembered for; empty for nobody.
    package let identity: String

    package init(
        owner: LeaseOwner,
        namespacePath: String = "",
        namespaceIdentity: FileStatus.Identity? = nil,
        workload: Workload = Workload(),
        identity: String = ""
    ) {
        self.owner = owner
        self.namespacePath = namespacePath
        self.namespaceIdentity = namespaceIdentity
        self.workload = workload
        self.identity = identity
    }
}
