// SPDX-License-Identifier: Apache-2.0
import Addressing
import ArgumentParser
import Attachments
import Linux
import Pools
import Reachability

/// `culvert explain`: what would become of a flow or a frame, and why.
struct ExplainTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explain what would become of a flow or a frame on this host, and why.",
        discussion: """
            Reads links, bridges, routes, rules and sockets of the host and of the \
            containers concerned once, and computes from them what the kernel would do \
            with the first packet and with its answer. Sends nothing and changes nothing.

              culvert explain web-0 to db-0:5432
              culvert explain web-0 192.0.2.9:443
              culvert explain host to web-0:80 --protocol udp
              culvert explain --in eth0 192.0.2.9 to 192.0.2.1:8080
              culvert explain --frame 0a580a4d00010a580a4d00020800... --port veth1a2b3c4d

            Either end is a container, by id or the first digits of it, with :INTERFACE \
            where it has several; an address; or the word host. An address beyond the \
            host needs --in: the link that it comes in by.

            The last line is the verdict. What is not understood is said, and not guessed.

            Environment:
              CULVERT_RUN_DIR  where the records are (default /run/culvert)

            Exit status:
              0   delivered, and the answer comes back
              1   not delivered: refused, unreachable or dropped
              2   nobody can tell, or there is no such container: the reason is said
              64  the command line makes no sense
            """
    )

    @Argument(
        help: ArgumentHelp("FROM [to] TO[:PORT].", valueName: "end"),
        completion: .custom { _, _, _ in ListAttachments.containers() + ["host"] }
    )
    var ends: [String] = []

    @Option(name: .customLong("protocol"), help: ArgumentHelp("tcp, udp or icmp (default tcp).", valueName: "name"))
    var transport: Flow.Transport = .tcp

    @Option(help: ArgumentHelp("The sender's port.", valueName: "number"))
    var sourcePort: UInt16 = 40000

    @Option(help: ArgumentHelp("The sender's address, instead of the one the kernel takes.", valueName: "address"))
    var source: String?

    @Option(help: ArgumentHelp("The link or VRF that the sender's socket is bound to.", valueName: "link"))
    var through: String?

    @Option(name: .customLong("in"), help: ArgumentHelp("The link of the host that it comes in by.", valueName: "link"))
    var input: String?

    @Option(help: ArgumentHelp("A whole frame in hexadecimal, from its destination on.", valueName: "hex"))
    var frame: String?

    @Option(help: ArgumentHelp("With --frame, the link of the host that it comes in by.", valueName: "link"))
    var port: String?

    @Flag(help: "Print JSON, with keys that stay.")
    var json = false

    /// FROM and TO.
    private var pair: [String] { ends.count == 3 && ends[1] == "to" ? [ends[0], ends[2]] : ends }

    func validate() throws {
        if frame != nil {
            guard ends.isEmpty, port != nil else { throw ValidationError("--frame wants --port, and nothing else") }
            return
        }
        guard port == nil else { throw ValidationError("--port is for --frame") }
        guard pair.count == 2 else { throw ValidationError("say who talks to whom: FROM [to] TO[:PORT]") }
        if let source, IPAddress(source) == nil { throw ValidationError("\"\(source)\" is no address") }
        guard sourcePort > 0 else { throw ValidationError("--source-port is from 1 to 65535") }
        for end in pair {
            do throws(FlowEnd.Flaw) {
                _ = try FlowEnd(end)
            } catch {
                throw ValidationError(error.words(end))
            }
        }
    }

    func run() throws {
        let trace: Trace
        do throws(PoolFailure) {
            trace = try explained()
        } catch {
            Machine.log("culvert: \(error)")
            throw ExitCode(2)
        }
        var printed = IPAMOutput()
        if json {
            printed.output = .json
            try printed.print(trace.json)
        } else {
            try printed.print(trace.lines(printed.look))
        }
        guard trace.exitStatus == 0 else { throw ExitCode(trace.exitStatus) }
    }

    private func explained() throws(PoolFailure) -> Trace {
        var scene = try ExplainScene(attachments())
        if let frame, let port {
            guard let octets = ExplainTool.octets(frame) else {
                throw PoolFailure("the frame is no hexadecimal number of whole octets")
            }
            try scene.readEnd(of: port)
            return try scene.settled { (model) throws(PoolFailure) in
                guard model.namespaces[0].links.contains(where: { $0.name == port }) else {
                    throw PoolFailure("the host has no link \(port)", advice: "ip link shows all")
                }
                guard let trace = Trace(frame: octets, by: port, of: 0, on: model) else {
                    throw PoolFailure("the frame cannot be read: it is cut off, or no packet of the IP that it says")
                }
                return trace
            }
        }
        guard let from = try? FlowEnd(pair[0]), let to = try? FlowEnd(pair[1]) else {
            throw PoolFailure("an end has no name")
        }
        var flow = try scene.flow(from: from, to: to, input: input, source: source.flatMap { IPAddress($0) })
        (flow.transport, flow.sourcePort) = (transport, sourcePort)
        if let through {
            guard scene.has(through, in: flow.origin) else { throw PoolFailure("the sender has no link \(through)") }
            flow.binding = through
        }
        return try scene.settled { (model) throws(PoolFailure) in Trace(flow, on: model) }
    }

    private static func octets(_ text: String) -> [UInt8]? {
        let digits = text.filter { !":- ".contains($0) }
        guard digits.count % 2 == 0 else { return nil }
        var octets: [UInt8] = []
        var rest = digits[...]
        while !rest.isEmpty {
            guard let octet = UInt8(rest.prefix(2), radix: 16) else { return nil }
            octets.append(octet)
            rest = rest.dropFirst(2)
        }
        return octets
    }
}

extension Flow.Transport: ExpressibleByArgument {}
