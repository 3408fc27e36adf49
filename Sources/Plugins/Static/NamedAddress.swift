// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI

/// An address that somebody named for a container, and where.
struct NamedAddress: Hashable {
    /// With the length of its network's prefix.
    let address: CIDR
    var gateway: IPAddress?
    /// For messages, such as `ipam.addresses[0].address`.
    let place: String

    /// Reads a text that somebody wrote.
    ///
    /// - Parameters:
    ///   - text: an address, a slash and the length of the prefix.
    ///   - gateway: what was written beside it.
    ///   - place: where it was written.
    ///   - code: of the error.
    ///   - demand: what the reference says when it is anything else.
    /// - Throws: ``CNIError``; also for addresses that no interface can have.
    init(
        _ text: String,
        gateway: IPAddress? = nil,
        place: String,
        code: CNIError.Code = .invalidConfiguration,
        demand: String
    ) throws(CNIError) {
        guard let address = CIDR(text) else {
            throw CNIError(
                code,
                "\(demand), got: '\(text)'",
                details: "correct \(place): an address and the length of its prefix, such as 10.1.2.3/24"
            )
        }
        if let reason = NamedAddress.flaw(of: address) {
            throw CNIError(
                code,
                "no interface can use the IP address \(address)",
                details: "\(reason); correct \(place)"
            )
        }
        self.address = address
        self.gateway = gateway
        self.place = place
    }

    /// Why nobody can be reached at an address, whatever the kernel says; nil for all others.
    static func flaw(of address: CIDR) -> String? {
        let plain = address.address
        if plain.isUnspecified { return "\(plain) means that there is no address" }
        if plain.isMulticast { return "\(plain) is a group's (multicast)" }
        // RFC 919, 7.
        if plain.family == .v4, plain.value == UInt128(UInt32.max) { return "\(plain) means everybody (broadcast)" }
        return nil
    }

    /// Whether one link cannot have both: IPv4 tells addresses of different prefixes apart, IPv6 does not.
    func excludes(_ other: NamedAddress) -> Bool {
        address == other.address || address.family == .v6 && address.address == other.address.address
    }
}
