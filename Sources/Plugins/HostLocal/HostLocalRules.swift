// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import JSON

extension PoolRules {
    /// Reads `policy`, `quarantineSeconds`, `exclude` and `reserve` of an `ipam` object; what is missing is as usual.
    ///
    /// Addresses outside of the ranges are no error: ranges may come from the runtime, and one list may serve all nodes.
    init(_ ipam: JSONReader) throws(CNIError) {
        self.init()
        let (excluded, reserve) = try HostLocalConfiguration.translated { () throws(JSONTypeError) in
            if let order = try PoolRules.order(ipam) { self.order = order }
            if let quarantine = try PoolRules.quarantine(ipam) { quarantineNanoseconds = quarantine }
            return (try ipam.array("exclude") ?? [], try ipam.object("reserve"))
        }
        self.excluded = try PoolRules.excluded(excluded)
        if let reserve { reservations = try PoolRules.reservations(reserve) }
    }

    private static func order(_ ipam: JSONReader) throws(JSONTypeError) -> AddressOrder? {
        guard let policy = try ipam.member("policy") else { return nil }
        guard let order = AddressOrder(rawValue: try policy.string()) else {
            throw policy.mismatch(expected: "\"next-after-last\" or \"oldest-freed-first\"")
        }
        return order
    }

    private static func quarantine(_ ipam: JSONReader) throws(JSONTypeError) -> Int64? {
        guard let reader = try ipam.member("quarantineSeconds") else { return nil }
        let seconds: Double? =
            switch reader.value {
            case .integer(let number): Double(number)
            case .real(let number): number
            default: nil
            }
        // A century, which still counts in nanoseconds.
        guard let seconds, seconds >= 0, seconds <= 3_155_760_000 else {
            throw reader.mismatch(expected: "a number of seconds from 0 to 3155760000")
        }
        return Int64(seconds * 1_000_000_000)
    }

    private static func excluded(_ readers: [JSONReader]) throws(CNIError) -> AddressSet {
        var runs: [AddressRun] = []
        for reader in readers {
            let text = try HostLocalConfiguration.translated { () throws(JSONTypeError) in try reader.string() }
            do throws(PoolError) {
                runs.append(try AddressRun(parsing: text))
            } catch {
                throw CNIError(.invalidConfiguration, "\(error)", details: "correct \(reader.path)")
            }
        }
        return AddressSet(runs)
    }

    private static func reservations(_ reserve: JSONReader) throws(CNIError) -> AddressReservations {
        let entries = try HostLocalConfiguration.translated { () throws(JSONTypeError) -> [AddressReservations.Entry] in
            var entries: [AddressReservations.Entry] = []
            for member in try reserve.object().members {
                var addresses: [IPAddress] = []
                for element in try JSONReader(member.value, path: "\(reserve.path).\(member.key)").array() {
                    guard let address = try element.ipAddress() else {
                        throw element.mismatch(expected: "an IP address")
                    }
                    addresses.append(address)
                }
                // Written in any form, a hardware address is one identity.
                let identity = MACAddress(member.key).map { "\($0)" } ?? member.key
                entries.append(AddressReservations.Entry(identity: identity, addresses: addresses))
            }
            return entries
        }
        do throws(PoolError) {
            return try AddressReservations(entries)
        } catch {
            throw CNIError(.invalidConfiguration, "\(error)", details: "correct \(reserve.path)")
        }
    }
}
