// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI

/// What one container wants of a network's range sets, one after the other.
///
/// Touches no file.
struct AddressSelection {
    private let rules: PoolRules
    private let identity: String?
    private let held: [IPAddress]
    private let remembered: [IPAddress]
    private var requested: [IPAddress]

    /// - Parameters:
    ///   - requested: addresses somebody asked for; each range set takes at most one.
    ///   - held: what the container has already, of an ADD that was cut off.
    ///   - remembered: what its identity had before.
    ///   - rules: what the configuration says besides the ranges.
    ///   - identity: what the container is known by.
    init(
        requested: [IPAddress],
        held: [IPAddress],
        remembered: [IPAddress] = [],
        rules: PoolRules = PoolRules(),
        identity: String? = nil
    ) {
        self.requested = requested
        self.held = held
        self.remembered = remembered
        self.rules = rules
        self.identity = identity
    }

    /// What is wanted of the next range set; what was requested of it is wanted of no other.
    mutating func next(from set: RangeSet) -> PoolSelection {
        var selection = PoolSelection(from: set, by: rules, for: identity)
        if let position = requested.firstIndex(where: { set.range(containing: $0) != nil }) {
            selection.requested = requested.remove(at: position)
        }
        selection.held = held
        selection.remembered = remembered
        return selection
    }

    /// Fails when addresses were asked for that no range set could take.
    func finish() throws(CNIError) {
        guard !requested.isEmpty else { return }
        let list = requested.map { "\($0)" }.joined(separator: ", ")
        throw CNIError(
            .addressUnavailable,
            "failed to allocate all requested IPs: \(list)",
            details: "no range set of the network contains them, or another requested address was taken from it"
        )
    }

    /// What the container holds besides: an earlier ADD was cut off, and this one asked for something else.
    func superseded(by choices: [PoolChoice]) -> [IPAddress] {
        held.filter { address in
            choices.allSatisfy { $0.address != address } && choices.contains { $0.range.contains(address) }
        }
    }
}

extension PoolRefusal {
    /// The refusal of a requested address in host-local's words; nil when it is about something else.
    func error(for set: RangeSet, index: Int) -> CNIError? {
        let reason: (message: String, details: String)
        switch self {
        case .exhausted: return nil
        case .notAdmitted(let error): reason = (error.message, "")
        case .leased(let address):
            let details = "another container has it; see the network's lease directory"
            reason = (PoolRefusal.unavailable(address, set), details)
        case .excluded(let address):
            reason = (PoolRefusal.unavailable(address, set), "ipam.exclude keeps it from being given")
        case .withheld(let address):
            let details = "an operator keeps it; ipam unreserve \(address) ends that"
            reason = (PoolRefusal.unavailable(address, set), details)
        case .reserved(let address, let identity):
            reason = (PoolRefusal.unavailable(address, set), "it is reserved for \"\(identity)\"")
        }
        return CNIError(
            .addressUnavailable,
            "failed to allocate for range \(index): \(reason.message)",
            details: reason.details
        )
    }

    private static func unavailable(_ address: IPAddress, _ set: RangeSet) -> String {
        "requested IP address \(address) is not available in range set \(set)"
    }
}
