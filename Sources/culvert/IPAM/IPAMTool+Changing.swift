// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

extension IPAMTool {
    /// The subcommands that change leases, or judge them.
    static let changing: [any ParsableCommand.Type] = [
        IPAMAllocate.self, IPAMRelease.self, IPAMReserve.self, IPAMUnreserve.self, IPAMCheck.self, IPAMCollect.self,
        IPAMExport.self, IPAMImport.self,
    ]
}
