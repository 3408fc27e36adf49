// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import DaemonTalk
import JSON
import Linux
import Pools
import SwitchControl

/// `culvert switch mirror`: copies of what comes and goes at a port.
struct SwitchMirror: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mirror",
        abstract: "Send copies of what comes and goes at a port of culvert-switchd elsewhere.",
        discussion: """
            To another port of the switch, until --off; or as a capture, for as long as this \
            command runs and somebody reads.

              culvert switch mirror web-0 --to 5
              culvert switch mirror web-0 --off
              culvert switch mirror web-0 --pcap - | tcpdump -n -r -
              culvert switch mirror web-0 --pcap web-0.pcap

            At bridges of the kernel tcpdump -i LINK does it.

            Exit status:
              0   done
              1   there is no such port, the daemon cannot be asked, or nothing can be written
              64  the command line makes no sense
            """
    )

    @Argument(help: ArgumentHelp("The port: its name as show has it, its beginning, or its number."))
    var port: String

    @Option(name: .customLong("switch"), help: ArgumentHelp("Whose port it is.", valueName: "switch"))
    var switchName: String?

    @Option(help: ArgumentHelp("The port that gets the copies.", valueName: "port"))
    var to: String?

    @Flag(help: "End it.")
    var off = false

    @Option(
        help: ArgumentHelp("Write a capture there; - is standard output.", valueName: "file"),
        completion: .file()
    )
    var pcap: String?

    @OptionGroup var place: SwitchSocket

    func validate() throws {
        guard [to != nil, off, pcap != nil].count(where: { $0 }) == 1 else {
            throw ValidationError("say one of --to, --off and --pcap")
        }
    }

    func run() throws {
        let reference = SwitchPortReference(switchName: switchName ?? "", port: port)
        guard let pcap else {
            let target = to.map { SwitchPortReference(switchName: switchName ?? "", port: $0) }
            return try operating { () throws(PoolFailure) in
                try place.about([reference] + (target.map { [$0] } ?? [])) { () throws(PoolFailure) in
                    try place.ask(.mirror(reference, to: to)) { _ in }
                }
            }
        }
        guard pcap != "-" || isatty(1) == 0 else {
            Machine.log("culvert: a capture is nothing to read; --pcap - wants a pipe, as to tcpdump -r -")
            throw ExitCode(1)
        }
        try operating { () throws(PoolFailure) in try record(reference, in: pcap) }
    }

    /// Writes what comes, until it ends or nobody reads.
    private func record(_ reference: SwitchPortReference, in name: String) throws(PoolFailure) {
        var link = try place.about([reference]) { () throws(PoolFailure) in try opened(reference) }
        do throws(KernelError) {
            // A capture has what people say: nobody else may read it.
            let flags = O_WRONLY | O_CREAT | O_TRUNC
            if name == "-" {
                while case let octets = try copies(&link), !octets.isEmpty { try Machine.writeStandardOutput(octets) }
            } else {
                let file = try Descriptor(opening: name, flags, mode: 0o600)
                while case let octets = try copies(&link), !octets.isEmpty { try file.writeAll(octets, name) }
            }
        } catch {
            guard error.errno == .brokenPipe else { throw PoolFailure(error, intention: "the capture ended") }
        }
    }

    private func opened(_ reference: SwitchPortReference) throws(PoolFailure) -> DaemonLink {
        do throws(DaemonLinkError) {
            var link = try DaemonLink(asking: SwitchQuestion.copies(reference).line, at: place.socket)
            _ = try link.answer()
            return link
        } catch {
            throw place.failure(error)
        }
    }

    private func copies(_ link: inout DaemonLink) throws(KernelError) -> [UInt8] {
        do throws(DaemonLinkError) {
            return try link.copies()
        } catch {
            throw KernelError("read copies from \(place.socket)", .connectionReset, explanation: error.text)
        }
    }
}
