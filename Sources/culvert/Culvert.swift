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
        DoctorTool.self, ExplainTool.self,
    ]

    /// What hosts are watched by.
    static let watching: [any ParsableCommand.Type] = [
        TopCommand.self, GraphCommand.self, SwitchTool.self, MetricsCommand.self, CallLog.self, SpanExport.self,
    ]

    /// What puts plugins where runtimes look for them.
    static let installing: [any ParsableCommand.Type] = [
        InstallPlugins.self, UninstallPlugins.self, InstalledPlugins.self,
    ]

    static let configuration = CommandConfiguration(
        commandName: "culvert",
        abstract: "Look after container networks by hand.",
        discussion: "A hard link to this program that bears a subcommand's name behaves as that subcommand.",
        version: Release.own,
        subcommands: tools + [KeysTool.self, Manual.self, Completions.self],
        groupedSubcommands: [
            CommandGroup(name: "Attachments", subcommands: operating),
            CommandGroup(name: "Watching", subcommands: watching),
            CommandGroup(name: "Installation", subcommands: installing),
        ]
    )
}
