// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import CNI
import Doctor
import HostLocal
import Linux
import Plugin
import Pools

/// `culvert doctor`: what is wrong with this host, and what to type.
struct DoctorTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find what keeps container networks of this host from working, and say how to put it right.",
        discussion: """
            Looks at configurations, plugins, settings of the kernel, links, switches in user \
            space, packet filters, pools and leases, and at what is left of containers that are \
            gone; changes nothing. Each finding says where it is, why it matters and what to type; the \
            worst comes first. What may not be looked at without root is named.

            --fix puts right what cannot cut a living container off, says what it did, and \
            looks again. culvert doctor --kinds lists all that can be found.

            Environment:
              NETCONFPATH        directory with the networks (default /etc/cni/net.d)
              CNI_PATH           directories with plugins, separated by colons
              CULVERT_RUN_DIR    where the records are (default /run/culvert)
              CULVERT_STATE_DIR  what outlives a reboot (default /var/lib/culvert)

            Exit status:
              0   nothing found
              1   --fix could not put something right, or there is no network of that \
            name: the reason stands on standard error
              3   something found
              64  the command line makes no sense
            """
    )

    enum Form: String, ExpressibleByArgument, CaseIterable {
        /// For people.
        case text
        case json
    }

    @Option(name: .shortAndLong, help: ArgumentHelp("text or json.", valueName: "form"))
    var output = Form.text

    @Flag(help: "Put right what cannot cut a living container off.")
    var fix = false

    @Flag(help: "Say what is fine, too.")
    var verbose = false

    @Flag(help: "List what can be found, and look at nothing.")
    var kinds = false

    @Option(
        help: ArgumentHelp(
            "Where plugins are, instead of CNI_PATH or the usual places; may be repeated.",
            valueName: "directory"
        ),
        completion: .directory
    )
    var pluginDir: [String] = []

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption

    func run() throws {
        guard !kinds else {
            for kind in FindingKind.allCases {
                let severity = kind.severity.rawValue + (kind.isFixable ? ", fixable" : "")
                print([kind.rawValue, severity, kind.meaning, kind.remedy].joined(separator: "\t"))
            }
            return
        }
        places.warnOfMissing("culvert")
        var (report, networks) = try operating { () throws(PoolFailure) in try examined() }
        var done: [String] = []
        var isWell = true
        if fix, report.findings.contains(where: { $0.remedy != nil }) {
            isWell = put(report.findings, right: networks, &done)
            (report, networks) = try operating { () throws(PoolFailure) in try examined() }
        }
        var printed = IPAMOutput()
        printed.output = .json
        switch output {
        case .json: try printed.print(report.json(done: done))
        case .text: try printed.print(done.map { "done: \($0)" } + report.lines(isVerbose: verbose, printed.look))
        }
        guard isWell else { throw ExitCode(1) }
        if !report.findings.isEmpty { throw ExitCode(3) }
    }

    /// Looks at everything.
    ///
    /// - Throws: ``PoolFailure`` when a network is named that nobody knows: of such a one nothing could be said.
    private func examined() throws(PoolFailure) -> (DoctorReport, [PoolNetwork]) {
        var reader = HostReader(
            HostReader.Places(
                configurations: places.configurationDirectories,
                data: places.dataDirectories,
                plugins: DoctorPlaces.plugins(pluginDir),
                settings: places.settings
            )
        )
        reader.read()
        try requireNetwork(reader)
        var (facts, unseen) = (reader.facts, reader.unseen)
        do throws(CNIError) {
            let outcome = try RuleReload(network: which.network).run(changing: false)
            // The last line counts.
            if outcome.missing > 0 { facts.missingRules = Array(outcome.report.dropLast()) }
            unseen += outcome.troubles.map { "rules of running containers: \($0)" }
        } catch {
            unseen.append("rules of running containers: \(error)")
        }
        return (DoctorReport(facts, unseen: unseen, network: which.network), reader.networks)
    }

    private func requireNetwork(_ reader: HostReader) throws(PoolFailure) {
        guard let network = which.network else { return }
        let facts = reader.facts
        let known = facts.networks.map { $0.name } + reader.networks.map { $0.name } + facts.records.map { $0.network }
        guard !known.contains(network) else { return }
        let names = Set(known).sorted().joined(separator: ", ")
        throw PoolFailure(
            "there is no network \"\(network)\"",
            advice: known.isEmpty ? "--conf-dir says where else to look" : "there are: \(names)"
        )
    }

    /// Does what is safe, each thing once.
    ///
    /// - Returns: whether all of it could be done.
    private func put(_ findings: [Finding], right networks: [PoolNetwork], _ done: inout [String]) -> Bool {
        var isWell = true
        var seen: Set<SafeRemedy> = []
        for finding in findings {
            guard let remedy = finding.remedy, seen.insert(remedy).inserted else { continue }
            do throws(PoolFailure) {
                guard remedy != .reload else {
                    done += try reloaded()
                    continue
                }
                if let words = try remedy.apply(networks, places.settings) { done.append(words) }
            } catch {
                Machine.log("culvert: \(finding.kind.rawValue) at \(finding.place): \(error)")
                isWell = false
            }
        }
        return isWell
    }

    private func reloaded() throws(PoolFailure) -> [String] {
        do throws(CNIError) {
            let outcome = try RuleReload(network: which.network).run(changing: true)
            guard outcome.troubles.isEmpty else {
                throw CNIError(.inputOutput, outcome.troubles.joined(separator: "; "))
            }
            return outcome.report
        } catch {
            throw PoolFailure("cannot put rules back: \(error)")
        }
    }
}

/// Where runtimes look for plugins.
enum DoctorPlaces {
    /// As said, else as `CNI_PATH` says, else those of the usual places that are there.
    static func plugins(_ said: [String]) -> [String] {
        if !said.isEmpty { return said }
        let path = (Machine.variable("CNI_PATH") ?? "").split(separator: ":").map { String($0) }
        if !path.isEmpty { return path }
        let there = usual.filter { (try? FileStatus.of($0)) != nil }
        return there.isEmpty ? ["/opt/cni/bin"] : there
    }

    /// podman's, in its order; other runtimes have the last one only.
    private static let usual = [
        "/usr/local/libexec/cni", "/usr/libexec/cni", "/usr/local/lib/cni", "/usr/lib/cni", "/opt/cni/bin",
    ]
}
