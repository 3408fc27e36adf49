// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Linux
import Monitoring
import Plugin
import Pools

/// `culvert metrics`: what Prometheus and others watch a host by.
struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print, write or serve metrics of plugin calls, pools and attachments.",
        discussion: """
            Calls of plugins count themselves: how many by plugin, verb and result, why they \
            failed, how long they took and waited for locks, leases given, released and \
            reclaimed. How full pools are, and how attachments are, is looked up when it is \
            asked for.

            Prints OpenMetrics 1.0; with --textfile it writes a file for node_exporter's \
            textfile collector, with --listen it serves /metrics over HTTP until SIGTERM.

              culvert metrics --textfile /var/lib/prometheus/node-exporter/culvert.prom
              culvert metrics --listen 127.0.0.1:9345

            Environment:
              NETCONFPATH           directory with the networks (default /etc/cni/net.d)
              CULVERT_RUN_DIR       where counters and records are (default /run/culvert)
              CULVERT_LOCK_TIMEOUT  how many seconds to wait for leases (default 2)

            Exit status:
              0   done
              1   something could not be written, or nobody can listen there
              64  the command line makes no sense
            """
    )

    @Option(help: ArgumentHelp("Write a file for node_exporter.", valueName: "path"), completion: .file())
    var textfile: String?

    @Option(help: ArgumentHelp("Serve over HTTP: ADDRESS:PORT.", valueName: "place"))
    var listen: String?

    @Flag(help: "Listen where other machines can connect too: there is no password and no encryption.")
    var allowRemote = false

    @Option(help: ArgumentHelp("Print openmetrics, or text: version 0.0.4 of Prometheus.", valueName: "form"))
    var format: Exposition.Form?

    @OptionGroup var places: IPAMPlaces

    func validate() throws {
        guard textfile == nil || listen == nil else {
            throw ValidationError("--textfile and --listen do not go together")
        }
        guard format == nil || (textfile == nil && listen == nil) else {
            throw ValidationError("--format is for what is printed: a textfile is text, and clients of --listen choose")
        }
        guard listen != nil || !allowRemote else { throw ValidationError("--allow-remote needs --listen") }
        if let textfile { guard !textfile.isEmpty else { throw ValidationError("--textfile names no file") } }
        guard let listen else { return }
        guard let place = ListenAddress(listen) else {
            throw ValidationError("\"\(listen)\" is no ADDRESS:PORT, such as 127.0.0.1:9345 or [::1]:9345")
        }
        guard place.isLoopback || allowRemote else {
            throw ValidationError(
                "\(place) can be reached from other machines, without a password: --allow-remote says that it may be"
            )
        }
    }

    func run() throws {
        if let place = listen.flatMap({ ListenAddress($0) }) { return try serve(at: place) }
        let text = collect(textfile == nil ? format ?? .openMetrics : .text)
        guard let textfile else {
            var console = Console()
            try console.write(text)
            return try console.flush()
        }
        try refusing { () throws(KernelError) in try TextFile.write(text, to: textfile) }
    }

    private func serve(at place: ListenAddress) throws {
        try refusing { () throws(KernelError) in
            var server = try MetricsServer(at: place)
            Machine.log("culvert: metrics are at http://\(server.place)/metrics")
            try server.run { collect($0) }
        }
    }

    /// Who asks for metrics gives up after seconds: a pool that is in use for longer is a gap rather than no answer.
    private var settings: Settings {
        Settings { name in Machine.variable(name) ?? (name == "CULVERT_LOCK_TIMEOUT" ? "2" : nil) }
    }

    private func collect(_ form: Exposition.Form) -> [UInt8] {
        let collection = MetricsCollection(settings) { places.quietCatalog() }
        for warning in collection.warnings { Machine.log("culvert: warning: \(warning)") }
        return Exposition.text(collection.families, form)
    }

    private func refusing(_ work: () throws(KernelError) -> Void) throws(ExitCode) {
        do throws(KernelError) {
            try work()
        } catch {
            Machine.log("culvert: \(error)")
            throw ExitCode(1)
        }
    }
}

extension Exposition.Form: ExpressibleByArgument {}
