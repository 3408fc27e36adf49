// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import JSON
import Linux
import Monitoring
import Pools
import Topology

/// `culvert graph`: the host's network as a picture.
struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Draw the network of this host: bridges, switches, their ports, the containers behind them.",
        discussion: """
            Looks at the links of the host and at the records that plugins keep, asks \
            culvert-switchd where they name it, and changes nothing. What a link is a port of, \
            or rests upon, stands above it. A link into \
            another namespace that no record names is marked, and so is what is down, not a \
            port any more, or gone.

            FORM is
              text  a tree with a table, for terminals
              svg   a picture for browsers and documents; needs no other program
              dot   for Graphviz
              json  for programs

              culvert graph
              culvert graph --format svg --output network.svg
              culvert graph --format dot --network lan
              culvert graph --rates 2

            With --rates it looks twice, and says what went through in between: RX is what \
            the host received, so what the container sent.

            Environment:
              CULVERT_RUN_DIR  where the records are (default /run/culvert)
              NO_COLOR         set to anything: no colours

            Exit status:
              0   done
              1   something cannot be read or written: the reason stands on standard error
              64  the command line makes no sense
            """
    )

    enum Form: String, ExpressibleByArgument, CaseIterable {
        case text
        case dot
        case svg
        case json
    }

    @Option(name: [.short, .customLong("format")], help: ArgumentHelp("text, svg, dot or json.", valueName: "form"))
    var format = Form.text

    @Option(help: ArgumentHelp("Look twice, so far apart, for what goes through.", valueName: "seconds"))
    var rates: Double?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Write this file instead of standard output; -f chooses the form.", valueName: "file"),
        completion: .file()
    )
    var output: String?

    @OptionGroup var which: AttachmentNetworkOption

    @Flag(help: "Leave the titles of the table away.")
    var noHeaders = false

    func validate() throws {
        if let rates { guard rates >= 0.1, rates <= 3600 else { throw Self.unusable } }
        guard let output else { return }
        guard !output.isEmpty else { throw ValidationError("--output wants the name of a file") }
        // Elsewhere -o chooses the form: whoever types that here does not want a file of that name.
        guard Form(rawValue: output) == nil, IPAMOutput.Form(rawValue: output) == nil else {
            throw ValidationError(
                """
                --output names a file, and "\(output)" is a form: --format chooses text, svg, dot or json; \
                a file of that name is ./\(output)
                """
            )
        }
    }

    private static let unusable = ValidationError("--rates is from 0.1 to 3600 seconds")

    func run() throws {
        var earlier: TopologyFacts?
        if let rates {
            earlier = try look()
            Machine.pause(.milliseconds(Int64(rates * 1000)))
        }
        let topology = Topology(try look(), since: earlier, network: which.network)
        try write(text(topology))
    }

    private func look() throws(ExitCode) -> TopologyFacts {
        try operating { () throws(PoolFailure) in
            // All of them: whose record is of another network is no stranger.
            let attachments = try attachments()
            do throws(KernelError) {
                return try TopologyFacts(looking: attachments, askingDaemons: true)
            } catch {
                throw PoolFailure(error, intention: "cannot look at the links of this host")
            }
        }
    }

    private func text(_ topology: Topology) -> [UInt8] {
        switch format {
        case .text:
            var look = Look.ofStandardOutput
            if output != nil { (look.hasColor, look.width) = (false, nil) }
            let lines = topology.lines(look, hasHeader: !noHeaders)
            return lines.flatMap { Array("\($0)\n".utf8) }
        case .dot: return Array(topology.dot.utf8)
        case .svg: return Array(topology.svg.utf8)
        case .json: return topology.json.serialized(indent: 2) + [UInt8(ascii: "\n")]
        }
    }

    private func write(_ octets: [UInt8]) throws {
        guard let output else {
            var console = Console()
            try console.write(octets)
            return try console.flush()
        }
        do throws(KernelError) {
            try TextFile.write(octets, to: output)
        } catch {
            Machine.log("culvert: cannot write \(output): \(error)")
            throw ExitCode(1)
        }
    }
}
