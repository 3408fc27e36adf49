// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Testing

/// Reads an address that the test vouches for.
func address(_ text: String) throws -> IPAddress {
    try #require(IPAddress(text))
}

/// Makes a range from texts; nil stands for what the configuration leaves out.
func range(_ subnet: String, _ start: String?, _ end: String?, _ gateway: String?) throws -> AddressRange {
    try AddressRange(
        subnet: #require(CIDR(subnet)),
        rangeStart: start.map(address),
        rangeEnd: end.map(address),
        gateway: gateway.map(address)
    )
}

/// A range as a row of a table.
struct Row: CustomTestStringConvertible, Sendable {
    let subnet: String
    let start: String?
    let end: String?
    let gateway: String?

    init(_ subnet: String, _ start: String? = nil, _ end: String? = nil, via gateway: String? = nil) {
        self.subnet = subnet
        self.start = start
        self.end = end
        self.gateway = gateway
    }

    var testDescription: String {
        "\(subnet) \(start ?? "…")-\(end ?? "…") via \(gateway ?? "…")"
    }
}

/// Makes a set from the rows of a table.
func rangeSet(_ rows: [Row]) throws -> RangeSet {
    try RangeSet(rows.map { try range($0.subnet, $0.start, $0.end, $0.gateway) })
}
