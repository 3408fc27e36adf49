// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import HostLocal
import JSON
import LeaseStore
import Linux
import Pools

extension ExchangeForm: ExpressibleByArgument {}

extension ExchangeForm {
    /// What a file's name says of its form; nil when that is nothing.
    fileprivate init?(ofFile file: String) {
        if file.hasSuffix(".csv") {
            self = .csv
        } else if file.hasSuffix(".jsonl") || file.hasSuffix(".json") {
            self = .jsonl
        } else {
            return nil
        }
    }
}

/// `ipam export`: leases and reservations for a backup, another host or a table.
struct IPAMExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write leases and reservations as JSON lines, CSV or lease directories.",
        discussion: """
            To standard output, or to a file whose name says the form (.jsonl, .csv). With \
            --form host-local to an empty directory, one folder for each network, as the Go \
            host-local has them.

              ipam export leases.csv
              ipam export --form host-local /root/backup
            """
    )

    @Argument(help: "A file, or for host-local a directory.", completion: .file())
    var target: String?

    @Option(help: "jsonl, csv or host-local.")
    var form: ExchangeForm?

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption

    func validate() throws {
        guard form != .hostLocal || target != nil else {
            throw ValidationError("--form host-local needs a directory to write to")
        }
    }

    func run() throws {
        let form = form ?? target.flatMap { ExchangeForm(ofFile: $0) } ?? .jsonl
        let rows = try explaining { () throws(PoolFailure) in
            if form == .hostLocal, let target { try ExchangeDirectory.requireEmpty(target) }
            var rows: [ExchangeRow] = []
            for network in try which.networks(of: places.catalog()) {
                try network.forEachRow(places.settings) { row throws(PoolFailure) in rows.append(row) }
            }
            return rows
        }
        if let target, form == .hostLocal {
            try explaining { () throws(PoolFailure) in
                for row in rows { try ExchangeDirectory.write(row, to: target) }
            }
            return
        }
        try print(rows, form)
    }

    private func print(_ rows: [ExchangeRow], _ form: ExchangeForm) throws {
        var lines = form == .csv ? [ExchangeRow.csvHeader] : []
        lines += rows.map { form == .csv ? $0.csv : String(decoding: $0.json.serialized(), as: UTF8.self) }
        guard let target else { return try IPAMOutput().print(lines) }
        try explaining { () throws(PoolFailure) in
            do throws(KernelError) {
                let text = Array(lines.map { $0 + "\n" }.joined().utf8)
                let file = try Descriptor(opening: target, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
                try file.writeAll(text, target)
            } catch {
                throw PoolFailure("cannot write \(target): \(error)")
            }
        }
    }
}

/// `ipam import`: the opposite.
struct IPAMImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make leases and reservations of an export.",
        discussion: """
            Of each network everything is taken over, or nothing: if an address has another \
            owner here, all such conflicts are named. What is there already stays, so the \
            same import can be made again, also after one that was cut off.

            JSON lines and CSV need address and containerID (kind reserved: no containerID); \
            a directory holds one folder of lease files for each network, or with --network \
            the lease files themselves.
            """
    )

    @Argument(help: "A file, a directory of lease directories, or - for standard input.", completion: .file())
    var source: String

    @Option(help: "jsonl, csv or host-local, when the name does not say.")
    var form: ExchangeForm?

    @Flag(help: "Only say what would be done.")
    var dryRun = false

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption

    func run() throws {
        var conflicts = 0
        try explaining { () throws(PoolFailure) in
            var networks: [String] = []
            var rows: [String: [ExchangeRow]] = [:]
            for row in try self.rows() {
                if rows[row.network] == nil { networks.append(row.network) }
                rows[row.network, default: []].append(row)
            }
            let catalog = places.catalog()
            for name in networks {
                let network = try self.network(name, catalog)
                let progress = WorkProgress("importing leases of \(name)")
                let settings = places.settings
                let plan = try network.importing(rows[name] ?? [], isDry: dryRun, settings, progress: progress.tell)
                progress.end()
                conflicts += plan.conflicts.count
                tell(plan, name)
            }
            if networks.isEmpty { print("nothing to import") }
        }
        if conflicts > 0 { throw ExitCode(1) }
    }

    private func tell(_ plan: ImportPlan, _ name: String) {
        guard plan.conflicts.isEmpty else {
            for conflict in plan.conflicts.prefix(20) { Machine.log("ipam: \(name): \(conflict)") }
            let more = plan.conflicts.count > 20 ? ", \(plan.conflicts.count - 20) of them not shown" : ""
            let count = CheckReport.count(plan.conflicts.count, "conflict")
            Machine.log("ipam: nothing was imported into \(name): \(count)\(more)")
            return
        }
        let reserved = plan.kept.filter { $0.purpose == .reserved }.count
        let done = dryRun ? "to be imported" : "imported"
        print(
            "\(name): \(CheckReport.count(plan.leases.count, "lease")) and "
                + "\(CheckReport.count(reserved, "reservation")) \(done), \(plan.presentCount) there already"
        )
    }

    /// A network that nobody knows here yet gets a directory where networks usually are.
    private func network(_ name: String, _ catalog: PoolCatalog) throws(PoolFailure) -> PoolNetwork {
        if catalog.networks.contains(where: { $0.name == name }) { return try catalog.network(named: name) }
        // CNI 1.1.0, section 1: a network's name is made as a container's id.
        guard LeaseOwner(containerID: name, interfaceName: "").isPossible else {
            throw PoolFailure("\"\(name)\" can be no network's name")
        }
        let directory = "\(places.dataDir.first ?? ConfiguredPools.usualDataDirectory)/\(name)"
        Machine.log("ipam: network \(name) is new here: its leases go to \(directory)")
        return PoolNetwork(name: name, directory: directory, configurations: [])
    }

    private func rows() throws(PoolFailure) -> [ExchangeRow] {
        guard let text = try text() else { return try ExchangeDirectory.rows(in: source, network: which.network) }
        let form = form ?? ExchangeForm(ofFile: source) ?? .jsonl
        let rows = try ExchangeText.rows(of: text, form, network: which.network, file: source)
        return rows.filter { which.network == nil || $0.network == which.network }
    }

    /// What is to be read line by line; nil for a directory.
    private func text() throws(PoolFailure) -> [UInt8]? {
        do throws(KernelError) {
            if source == "-" { return try Machine.readStandardInput(limit: 1 << 30) }
            if form == .hostLocal { return nil }
            return try Descriptor(opening: source, O_RDONLY).readAll(source, limit: 1 << 30)
        } catch {
            if error.errno == .isDirectory { return nil }
            throw PoolFailure("cannot read \(source): \(error)")
        }
    }
}
