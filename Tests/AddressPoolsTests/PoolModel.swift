// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing

/// A pool as a plain list of addresses with what is known of each; says the rules once more, without any run.
struct PoolModel {
    /// Where the small sets of the tests lie.
    static let domain = (UInt32(0)..<8).map { IPAddress(v4: 0x0a01_0200 | $0) }

    let set: RangeSet
    let rules: PoolRules
    var now: Int64 = 100
    private(set) var holders: [IPAddress: String] = [:]
    private var freed: [IPAddress: Int64] = [:]
    private var rememberedFor: [IPAddress: String] = [:]

    init(set: RangeSet, rules: PoolRules) {
        self.set = set
        self.rules = rules
    }

    mutating func lease(_ address: IPAddress, to identity: String) {
        holders[address] = identity
        freed[address] = nil
        rememberedFor[address] = nil
    }

    mutating func free(_ address: IPAddress, rememberedFor identity: String?) {
        holders[address] = nil
        freed[address] = now
        rememberedFor[address] = identity
    }

    /// Every address of the set that may be given to the identity, in the order of host-local.
    private func lap(_ identity: String, after last: IPAddress?) -> [IPAddress] {
        let all = set.ranges.flatMap { range in Self.domain.filter(range.contains) }
        let start = last.flatMap(all.firstIndex).map { $0 + 1 } ?? 0
        return (all[start...] + all[..<start]).filter { address in
            !isGateway(address) && !rules.excluded.contains(address)
                && [nil, identity].contains(rules.reservations.identity(of: address))
        }
    }

    private func isGateway(_ address: IPAddress) -> Bool {
        set.ranges.contains { $0.gateway == address }
    }

    private func isPassedOver(_ address: IPAddress) -> Bool {
        guard let time = freed[address] else { return false }
        return rules.order == .oldestFreedFirst || rememberedFor[address] != nil
            || now - time < rules.quarantineNanoseconds
    }

    func choose(_ identity: String, requested: IPAddress?, after last: IPAddress?) -> IPAddress? {
        let inSet = { (address: IPAddress) in set.range(containing: address) != nil && !isGateway(address) }
        if let requested {
            let owner = rules.reservations.identity(of: requested)
            let mayHave = owner == identity || owner == nil && !rules.excluded.contains(requested)
            return inSet(requested) && mayHave && holders[requested] == nil ? requested : nil
        }
        let reserved = rules.reservations.addresses(of: identity).filter(inSet)
        let allowed = lap(identity, after: last).filter { holders[$0] == nil }
        let oldest = allowed.filter { freed[$0] != nil }.sorted {
            (freed[$0] ?? 0, $0) < (freed[$1] ?? 0, $1)
        }
        let own = oldest.reversed().filter { rememberedFor[$0] == identity }
        return reserved.first { holders[$0] == nil } ?? own.first ?? allowed.first { !isPassedOver($0) } ?? oldest.first
    }
}
