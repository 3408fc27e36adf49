// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI

/// The operator's tool: what is done by hand, one subcommand each.
struct Culvert: ParsableCommand {
    /// What a hard link may be named to stand for the subcommand of that name.
    static let tools: [any ParsableCommand.Type] = [CNITool.self, Reload.self, DHCPTool.self, IPAMTool.self]

    /// What looks after attachments.
    static let operating: [any ParsableCommand.Type] = [
        ListAttachments.self, ShowAttachment.self, CollectAttachments.self, ReconcileAttachments.self,
        DoctorTool.self,
    ]

    /// What hosts are watched by, and what shows and passes on what plugins did.
    static let watching: [any ParsableCommand.Type] = [
        TopCommand.self, MetricsCommand.self, CallLog.self, SpanExport.self,
    ]

    static let configuration = CommandConfiguration(
        commandName: "culvert",
        abstract: "Look after container networks by hand.",
        discussion: "A hard link to this program that bears a subcommand's name behaves as that subcommand.",
        version: Release.own,
        subcommands: tools + [Manual.self, Completions.self],
        groupedSubcommands: [
            CommandGroup(name: "Attachments", subcommands: operating),
            CommandGroup(name: "Watching", subcommands: watching),
        ]
    )
}
