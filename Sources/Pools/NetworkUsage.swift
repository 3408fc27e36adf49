// SPDX-License-Identifier: Apache-2.0
package import AddressPools
package import Addressing
package import LeaseStore

/// How full a network's pools are.
package struct NetworkUsage: Hashable, Sendable {
    /// One range of one set.
    package struct Pool: Hashable, Sendable {
        /// Which of the network's configurations says so.
        package let configuration: PoolConfiguration
        /// The place of its set in the configuration, from 0: a container gets one address from each set.
        package let rangeSet: Int
        package let range: AddressRange
        package let usage: PoolUsage
        /// What is taken, resting included, in order; nil unless it was asked for.
        package let taken: [AddressRun]?
        /// The states of its addresses, where there are few enough to draw each of them.
        package let states: [IPAddress: LeaseRecord.State]

        /// So many addresses are drawn one by one.
        package static let drawnLimit: UInt128 = 1024

        package init(
            configuration: PoolConfiguration,
            rangeSet: Int,
            range: AddressRange,
            usage: PoolUsage,
            taken: [AddressRun]? = nil,
            states: [IPAddress: LeaseRecord.State] = [:]
        ) {
            self.configuration = configuration
            self.rangeSet = rangeSet
            self.range = range
            self.usage = usage
            self.taken = taken
            self.states = states
        }
    }

    package let network: PoolNetwork
    package let pools: [Pool]
    /// What lies in none of the pools, by family: everything, where nothing is configured.
    package let outside: [AddressFamily: LeaseTally]

    package init(network: PoolNetwork, pools: [Pool], outside: [AddressFamily: LeaseTally]) {
        self.network = network
        self.pools = pools
        self.outside = outside
    }

    /// How many leases are in no pool.
    package var strays: UInt64 { outside.values.reduce(0) { $0 + $1.leased } }
}
