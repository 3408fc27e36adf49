// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import JSON

/// Reads the bytes as a result, prints it in every version and reads that.
///
/// - Throws: `BrokenPromise` unless the newest versions keep everything, every version keeps what it can express, and
///   printing is refused only where the contract says so.
package func exerciseResult(_ bytes: [UInt8]) throws(BrokenPromise) {
    guard let document = try? JSONValue(parsing: bytes) else { return }
    for assumed in [CNIVersion.v0_2_0, .newest] {
        guard let result = try? AddResult(JSONReader(document), assuming: assumed) else { continue }
        for version in CNIVersion.allCases {
            try exercise(result, in: version)
        }
    }
}

private func exercise(_ result: AddResult, in version: CNIVersion) throws(BrokenPromise) {
    let isInexpressible = version < .v0_3_0 && result.ips.isEmpty
    guard let printed = try? result.json(version: version) else {
        return try promise("\(version) prints all but results without addresses", isInexpressible)
    }
    try promise("\(version) does not print results without addresses", !isInexpressible)
    let document = try promise("\(version) prints JSON") { () throws(JSONValue.SyntaxError) in
        try JSONValue(parsing: printed.serialized(indent: 4))
    }
    try promise("\(version) survives writing", document == printed)
    let back = try promise("\(version) can be read") { () throws(CNIError) in
        // The version the document names decides, so the assumption must not matter.
        try AddResult(JSONReader(document), assuming: version < .v0_3_0 ? .newest : .v0_1_0)
    }
    try promise("\(version) keeps what it can express", back == result.expressible(in: version))
    try promise("\(version) is stable", (try? back.json(version: version)) == printed)
}

extension AddResult {
    /// What is left after a trip through a version, said more plainly than the conversion does it.
    fileprivate func expressible(in version: CNIVersion) -> AddResult {
        var result = self
        guard version < .v1_0_0 else { return result }
        result.interfaces = interfaces.map { Interface(name: $0.name, mac: $0.mac, sandbox: $0.sandbox) }
        guard version < .v0_3_0 else { return result }
        result.interfaces = []
        result.ips = []
        result.routes = []
        for family in [AddressFamily.v4, .v6] {
            guard let ip = ips.first(where: { $0.address.family == family }) else { continue }
            result.ips.append(IPConfiguration(address: ip.address, gateway: ip.gateway))
            for route in routes where route.destination.family == family {
                result.routes.append(Route(destination: route.destination, gateway: route.gateway))
            }
        }
        return result
    }
}
