// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import JSON
import Linux
import Pools
import Wiring

/// `culvert list`: the attachments of this host.
struct ListAttachments: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the attachments of this host: which container is on which network, and how it is.",
        discussion: """
            Reads the records that plugins keep of their work, and asks no runtime.

            STATE is
              whole    all of it stands
              busy     a plugin works on it right now
              begun    its ADD was cut off: the next ADD or DEL clears it away
              pending  it was to be taken away, and part of it could not be

            The container is alive or dead by proof, such as its network namespace that is \
            there or gone; unknown is who can be proved neither.

            With -o wide also what the host's end of the interface counts: RX is what the \
            host received there, so what the container sent.

            Environment:
              CULVERT_RUN_DIR  where the records are (default /run/culvert)

            Exit status:
              0   done
              1   the records cannot be read: the reason stands on standard error
              64  the command line makes no sense
            """
    )

    @OptionGroup var which: AttachmentNetworkOption

    @Option(
        help: ArgumentHelp("Only containers whose id begins so.", valueName: "id"),
        completion: .custom { _, _, _ in ListAttachments.containers() }
    )
    var container: String?

    @Option(help: ArgumentHelp("Only attachments in this state.", valueName: "state"))
    var state: AttachmentFacts.State?

    @Option(help: ArgumentHelp("Only those whose container is alive, dead or unknown.", valueName: "verdict"))
    var containerIs: AttachmentLife.Verdict?

    @OptionGroup var output: IPAMOutput

    func run() throws {
        let found = try operating { () throws(PoolFailure) in try attachments(of: which.network) }
        let rows = found.filter(isMeant).map { AttachmentRow(looking: $0) }
        let now = Machine.bootNanoseconds
        switch output.output {
        case .table, .wide:
            guard !rows.isEmpty else { return Machine.log("culvert: there are no such attachments") }
            let isWide = output.output == .wide
            try output.print(
                TextTable.lines(
                    AttachmentRow.columns(isWide: isWide),
                    rows.map { $0.cells(isWide: isWide, now: now) },
                    output.look,
                    hasHeader: !output.noHeaders
                )
            )
        case .json, .yaml: try output.print(.object(["attachments": .array(rows.map { $0.json(now: now) })]))
        case .name: try output.print(rows.map { $0.name })
        }
    }

    private func isMeant(_ facts: AttachmentFacts) -> Bool {
        if let state { guard facts.state == state else { return false } }
        if let containerIs { guard facts.life.verdict == containerIs else { return false } }
        return facts.key.containerID.hasPrefix(container ?? "")
    }

    /// Every container's id, for shells.
    static func containers() -> [String] {
        let found = try? ListAttachments.parse([]).attachments()
        return Set((found ?? []).map { $0.key.containerID }).sorted()
    }
}

extension AttachmentFacts.State: ExpressibleByArgument {}
extension AttachmentLife.Verdict: ExpressibleByArgument {}
