// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import Linux
import Pools
import Topology

/// `culvert switch show`: switches and their ports.
struct SwitchShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show switches, their ports, and why frames were dropped.",
        discussion: """
            RX is what the switch received at a port, so what a container sent. A port is up \
            when frames can pass. The kernel counts what it dropped, and does not say why; \
            culvert-switchd does.

            FLAGS are isolated, hairpin, blocked (by the spanning tree), macspoofchk, \
            ipspoofchk, rules, no-record for a port into another namespace that no plugin made, \
            vlans-unknown where programs of a former version keep the port to VLANs, \
            and shortcut where frames may go past the bridge: both ways, or shortcut-from, \
            shortcut-to.

            Environment:
              CULVERT_RUN_DIR  where the records are (default /run/culvert)

            Exit status:
              0   done
              1   there is no such switch, or something cannot be read
              64  the command line makes no sense
            """
    )

    @Argument(help: ArgumentHelp("Only this switch or bridge.", valueName: "switch"))
    var name: String?

    @OptionGroup var place: SwitchSocket
    @OptionGroup var output: IPAMOutput

    func run() throws {
        let report = try operating { () throws(PoolFailure) in try place.report(name, try attachments()) }
        switch output.output {
        case .table, .wide:
            guard !report.names.isEmpty else { return Machine.log("culvert: there are no switches") }
            let isWide = output.output == .wide
            try output.print(report.lines(output.look, isWide: isWide, hasHeader: !output.noHeaders))
        case .json, .yaml: try output.print(report.json)
        case .name: try output.print(report.names)
        }
    }
}
