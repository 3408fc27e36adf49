// SPDX-License-Identifier: Apache-2.0
package import AddressPools
package import CNI
package import JSON

/// What an `ipam` object says of addresses for whichever container, as an operator reads it: without a request.
///
/// What a runtime may add to it for one container (capabilities, `CNI_ARGS`) is not in it.
package struct ConfiguredPools: Hashable, Sendable {
    /// Where leases are when nothing else is said.
    package static let usualDataDirectory = "/var/lib/cni/networks"

    /// Below which the network's lease directory is: `dataDir`.
    package let dataDirectory: String
    /// One address is taken from each; none when the runtime brings the ranges.
    package let rangeSets: [RangeSet]
    package let rules: PoolRules
    /// Whom addresses are remembered for, as the key `sticky` has it: `false`, `true`, `pod`, `container` or `mac`.
    package let sticky: String

    /// Reads the object as ADD does.
    ///
    /// - Throws: `CNIError` for what ADD would refuse.
    package init(_ ipam: JSONReader) throws(CNIError) {
        let directory = try HostLocalConfiguration.translated { () throws(JSONTypeError) in
            try ipam.string("dataDir") ?? ""
        }
        dataDirectory = directory.isEmpty ? ConfiguredPools.usualDataDirectory : directory
        rangeSets = try HostLocalConfiguration.rangeSets(ipam, nil)
        rules = try PoolRules(ipam)
        sticky = try HostLocalConfiguration.translated { () throws(JSONTypeError) in
            let (isSticky, source) = try ContainerIdentity.sticky(ipam)
            return source?.rawValue ?? (isSticky ? "true" : "false")
        }
    }
}
