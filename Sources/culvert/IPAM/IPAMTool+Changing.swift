// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

extension IPAMTool {
    /// The subcommands that change leases, or judge them.
    static let changing: [any ParsableCommand.Type] = []
}
