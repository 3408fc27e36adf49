// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import Linux
import Pools
import Topology

/// `culvert switch fdb`: which stations switches know.
struct SwitchStations: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fdb",
        abstract: "Show which stations switches know: VLAN, MAC address, port, container, flags, age.",
        discussion: """
            AGE is how long ago a frame of the station was seen; static entries do not age. \
            A station at the switch itself is the host, by an address of the switch or of a \
            port. The flag shortcut is for stations that frames are led to past the bridge.

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

    @Option(help: ArgumentHelp("Only stations of this VLAN.", valueName: "number"))
    var vlan: Int?

    @OptionGroup var place: SwitchSocket
    @OptionGroup var output: IPAMOutput

    func validate() throws {
        if let vlan { guard (0...4094).contains(vlan) else { throw ValidationError("--vlan is from 0 to 4094") } }
    }

    func run() throws {
        let report = try operating { () throws(PoolFailure) in try place.report(name, try attachments()) }
        switch output.output {
        case .table, .wide:
            let lines = report.stationLines(output.look, inVLAN: vlan, hasHeader: !output.noHeaders)
            guard !lines.isEmpty else { return Machine.log("culvert: no such station is known") }
            try output.print(lines)
        case .json, .yaml: try output.print(report.stationJSON(inVLAN: vlan))
        case .name: try output.print(report.addresses(inVLAN: vlan))
        }
    }
}
