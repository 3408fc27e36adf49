// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `culvert dhcp`: what concerns the leases of the plugin dhcp.
struct DHCPTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dhcp",
        abstract: "Look at the leases that containers have from DHCP servers.",
        subcommands: [DHCPStatus.self]
    )
}
