// SPDX-License-Identifier: Apache-2.0

/// What is counted of one call of a plugin.
package struct MeteredCall: Sendable {
    /// The plugin's name.
    package var plugin: String
    package var verb: MeteredVerb
    /// 0 for success, else the error's code.
    package var code: Int
    /// How long it took.
    package var nanoseconds: UInt64
    /// How long of that it waited for locks, all together.
    package var lockWaitNanoseconds: UInt64
    /// The network's name; empty when the configuration could not be read.
    package var network: String
    package var leases: MeteredLeases

    package init(
        plugin: String,
        verb: MeteredVerb,
        code: Int,
        nanoseconds: UInt64,
        lockWaitNanoseconds: UInt64 = 0,
        network: String = "",
        leases: MeteredLeases = MeteredLeases()
    ) {
        self.plugin = plugin
        self.verb = verb
        self.code = code
        self.nanoseconds = nanoseconds
        self.lockWaitNanoseconds = lockWaitNanoseconds
        self.network = network
        self.leases = leases
    }
}

/// What became of leases: in one call, or in all of a network's so far.
package struct MeteredLeases: Hashable, Sendable {
    /// Addresses of IPv4 given.
    package var givenV4: UInt64 = 0
    /// Addresses of IPv6 given.
    package var givenV6: UInt64 = 0
    /// Addresses of IPv4 given back.
    package var releasedV4: UInt64 = 0
    /// Addresses of IPv6 given back.
    package var releasedV6: UInt64 = 0
    /// Leases taken from containers that were dead.
    package var reclaimed: UInt64 = 0

    package init() {}

    package init(givenV4: UInt64, givenV6: UInt64, releasedV4: UInt64, releasedV6: UInt64, reclaimed: UInt64) {
        self.givenV4 = givenV4
        self.givenV6 = givenV6
        self.releasedV4 = releasedV4
        self.releasedV6 = releasedV6
        self.reclaimed = reclaimed
    }

    /// Whether there is nothing to count.
    var isEmpty: Bool { givenV4 | givenV6 | releasedV4 | releasedV6 | reclaimed == 0 }
}
