// SPDX-License-Identifier: Apache-2.0
import Addressing
import ArgumentParser
import Attachments
import CNI
import JSON
import Linux
import Pools
import SwitchControl
import Topology
import Wiring

/// `culvert switch trace`: what would become of a frame.
struct SwitchTrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Ask culvert-switchd what would become of a frame, step by step; nothing is sent.",
        discussion: """
            The frame comes from a port, as show names it. What it is, is said by --frame, or \
            put together: --from and --to are MAC addresses, or containers as list names \
            them. Between containers with addresses of IPv4 it is a ping.

              culvert switch trace web-0 --to db-0
              culvert switch trace web-0 --to ff:ff:ff:ff:ff:ff --vlan 20
              culvert switch trace 3 --frame '0200 0000 0002 0200 0000 0001 0806 0001'

            The answer is the daemon's own, by its tables as they are now. What bridges of \
            the kernel would do culvert explain says.

            Environment:
              CULVERT_RUN_DIR  where the records are (default /run/culvert)

            Exit status:
              0   done, whatever becomes of the frame
              1   there is no such port, or the daemon cannot be asked
              64  the command line makes no sense
            """
    )

    @Argument(help: ArgumentHelp("The port that the frame comes from: its name, its beginning, or its number."))
    var port: String

    @Option(name: .customLong("switch"), help: ArgumentHelp("Whose port it is.", valueName: "switch"))
    var switchName: String?

    @Option(help: ArgumentHelp("The whole frame in hexadecimal digits.", valueName: "octets"))
    var frame: String?

    @Option(help: ArgumentHelp("The source: the port's container unless said otherwise.", valueName: "station"))
    var from: String?

    @Option(help: ArgumentHelp("The destination.", valueName: "station"))
    var to: String?

    @Option(help: ArgumentHelp("The VLAN of the tag that it carries.", valueName: "number"))
    var vlan: Int?

    @OptionGroup var place: SwitchSocket
    @OptionGroup var output: IPAMOutput

    func validate() throws {
        guard (frame == nil) != (to == nil) else { throw ValidationError("say either --frame or --to") }
        guard frame == nil || (from == nil && vlan == nil) else {
            throw ValidationError("--frame has its source and its tag within")
        }
        if let vlan { guard (1...4094).contains(vlan) else { throw ValidationError("--vlan is from 1 to 4094") } }
        if let frame {
            guard let octets = SwitchFrameText.octets(frame), octets.count >= 14 else {
                throw ValidationError("--frame is at least 14 octets, two hexadecimal digits each")
            }
        }
    }

    func run() throws {
        let reference = SwitchPortReference(switchName: switchName ?? "", port: port)
        let view = try operating { () throws(PoolFailure) in
            try place.about([reference]) { () throws(PoolFailure) in
                try trace(reference, try octets(reference))
            }
        }
        switch output.output {
        case .table, .wide: try output.print(view.lines(output.look))
        case .json, .yaml: try output.print(view.json)
        case .name: try output.print(view.outputs.map { $0.port })
        }
    }

    private func trace(
        _ reference: SwitchPortReference,
        _ frame: [UInt8]
    ) throws(PoolFailure) -> SwitchTraceView {
        try place.ask(.trace(reference, frame: frame)) { answer throws(JSONTypeError) in
            try SwitchTraceView(JSONReader(answer))
        }
    }

    private func octets(_ reference: SwitchPortReference) throws(PoolFailure) -> [UInt8] {
        if let frame, let octets = SwitchFrameText.octets(frame) { return octets }
        let attachments = try attachments()
        let source = try self.source(reference, attachments)
        let destination = try station(to ?? "", attachments)
        var sketch = FrameSketch(from: source.mac, to: destination.mac)
        sketch.vlan = vlan.map { UInt16($0) }
        // Without a packet a port that checks addresses would drop it for that: to a station it is for everybody on the
        // wire (RFC 919, 7).
        if let one = source.address, let other = destination.address ?? IPAddress("255.255.255.255") {
            sketch.packet = FrameSketch.Packet(from: one, to: other)
        }
        return sketch.octets
    }

    /// Who sends: whoever is named, else the port's container.
    private func source(
        _ reference: SwitchPortReference,
        _ attachments: [AttachmentFacts]
    ) throws(PoolFailure) -> (mac: MACAddress, address: IPAddress?) {
        if let from { return try station(from, attachments) }
        if let found = try? station(port, attachments) { return found }
        // A number, or a beginning: whose port that is the daemon knows, or that there is none. It sends nothing.
        let probe = FrameSketch(from: MACAddress(value: 0x0200_0000_0000), to: MACAddress(value: 0xffff_ffff_ffff))
        let name = try trace(reference, probe.octets).port
        do throws(PoolFailure) {
            return try station(name, attachments)
        } catch {
            throw PoolFailure(
                "\(port) is taken for a container, because there is no --from: \(error.message)",
                advice: error.advice
            )
        }
    }

    /// Who is meant by a MAC address, or by a container's name.
    private func station(
        _ text: String,
        _ attachments: [AttachmentFacts]
    ) throws(PoolFailure) -> (mac: MACAddress, address: IPAddress?) {
        if let mac = MACAddress(text) { return (mac, nil) }
        guard let name = AttachmentName(text) else { throw PoolFailure("\"\(text)\" names no station") }
        let found = try name.resolve(among: attachments)
        guard found.count == 1, let facts = found.first else {
            let all = found.map { "\($0.key.containerID):\($0.key.interfaceName)" }.joined(separator: ", ")
            throw PoolFailure("\(text) has several interfaces", advice: "say which: \(all)")
        }
        guard let mac = facts.interface.flatMap({ MACAddress($0.mac) }) else {
            throw PoolFailure("the record of \(text) has no MAC address", advice: "say it instead of the name")
        }
        return (mac, facts.addresses.first { $0.address.family == .v4 }?.address)
    }
}
