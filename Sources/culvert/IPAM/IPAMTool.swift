// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI

/// `culvert ipam`, and `ipam` as a program of its own: pools and leases of this host, whatever runtime made them.
struct IPAMTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ipam",
        abstract: "Look at the address pools of this host and at who has which address.",
        discussion: """
            Finds the networks by itself: configurations in /etc/cni/net.d whose plugins take \
            addresses from host-local, and the directories of leases below \
            /var/lib/cni/networks and every dataDir. Works while containers start and stop, \
            with any runtime, and with leases of the Go host-local too.

            Environment:
              NETCONFPATH           directory with the networks (default /etc/cni/net.d)
              CULVERT_RUN_DIR       where the index is (default /run/culvert)
              CULVERT_STATE_DIR     what outlives a reboot (default /var/lib/culvert)
              CULVERT_LOCK_TIMEOUT  how many seconds to wait for a lock (default 20)
              NO_COLOR              set to anything: no colours on a terminal either

            Exit status:
              0   done
              1   refused or failed: the reason stands on standard error
              3   check found problems
              64  the command line makes no sense
            """,
        version: Release.own,
        groupedSubcommands: [
            CommandGroup(name: "Looking", subcommands: reading),
            CommandGroup(name: "Changing", subcommands: changing),
            CommandGroup(name: "Shell", subcommands: [IPAMCompletions.self]),
        ]
    )

    static let reading: [any ParsableCommand.Type] = [
        IPAMUsage.self, IPAMList.self, IPAMShow.self, IPAMNext.self, IPAMConfig.self, IPAMWatch.self,
    ]
}
