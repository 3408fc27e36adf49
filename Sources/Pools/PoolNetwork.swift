// SPDX-License-Identifier: Apache-2.0
package import HostLocal
package import JSON

/// A network of this host whose addresses host-local gives: a directory of leases, and what is configured about it.
package struct PoolNetwork: Hashable, Sendable {
    /// As the network's configuration names it, and its lease directory.
    package let name: String
    /// Where its leases are, `<dataDir>/<name>`; nothing need be there yet.
    package let directory: String
    /// Every configuration that gives addresses from here, in the order in which runtimes find them.
    ///
    /// None when only leases are left of the network. Several when files share a name and a data directory, or when
    /// several plugins of one list give addresses.
    package let configurations: [PoolConfiguration]

    package init(name: String, directory: String, configurations: [PoolConfiguration]) {
        self.name = name
        self.directory = directory
        self.configurations = configurations
    }
}

/// One `ipam` object that says `"type": "host-local"`.
package struct PoolConfiguration: Hashable, Sendable {
    /// The file that it stands in, the whole path.
    package let file: String
    /// Which plugin of the list it belongs to, from 0.
    package let position: Int
    /// That plugin's type, such as `bridge`.
    package let pluginType: String
    package let pools: ConfiguredPools
    /// The object, and its place in the list, such as `plugins[0].ipam`.
    package let ipam: JSONReader

    package init(file: String, position: Int, pluginType: String, pools: ConfiguredPools, ipam: JSONReader) {
        self.file = file
        self.position = position
        self.pluginType = pluginType
        self.pools = pools
        self.ipam = ipam
    }
}
