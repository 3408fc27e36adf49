// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import CNI
import JSON
import Linux
import Plugin
import Pools
import Runtime
import Wiring

/// `culvert gc`: ends what nobody has any more.
struct CollectAttachments: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "End attachments of dead containers and free their leases; without --yes only say so.",
        discussion: """
            Needs no runtime: whose container is dead by proof (its network namespace is \
            gone, or the machine booted since) gets the DEL that its runtime owes it, plugin \
            by plugin, last first, with the configuration that its record holds. What a DEL \
            could not finish is tried again. Then leases are cleaned up, as ipam gc does.

            ACTION is
              disconnect  the plugins of the chain are called with DEL
              forget      half a record is removed, whose writer died before it made anything
              free, suspect, remove, complete, reindex
                          as for ipam gc

            Who may be alive is left alone, and everything is judged again at the moment in \
            which it is done. It can be killed anywhere: a second run goes on.

            Environment:
              CNI_PATH              where plugins are (default /opt/cni/bin)
              NETCONFPATH           directory with the networks (default /etc/cni/net.d)
              CULVERT_RUN_DIR       where the records are (default /run/culvert)
              CULVERT_LOCK_TIMEOUT  how many seconds to wait for a lock (default 20)

            Exit status:
              0   done
              1   something could not be read or done: the reason stands on standard error
              64  the command line makes no sense
            """
    )

    @Flag(help: "Only say what would be done. This is the default.")
    var dryRun = false

    @Flag(help: "Do it.")
    var yes = false

    @OptionGroup var which: AttachmentNetworkOption
    @OptionGroup var places: IPAMPlaces
    @OptionGroup var output: IPAMOutput

    func validate() throws {
        guard !(dryRun && yes) else { throw ValidationError("--dry-run and --yes contradict each other") }
    }

    func run() throws {
        var isWhole = true
        let catalog = places.catalog()
        let attachments = try operating { () throws(PoolFailure) in try self.attachments(&isWhole) }
        let leases = try operating { () throws(PoolFailure) in try self.leases(catalog, attachments) }
        switch output.output {
        case .table, .wide:
            let lines = lines(attachments, leases)
            try output.print(lines.isEmpty && isWhole ? ["nothing to clean up"] : lines)
            if !yes, !attachments.isEmpty || !leases.isEmpty {
                Machine.log("culvert: nothing was done; culvert gc --yes does it")
            }
        case .json, .yaml:
            let actions = attachments.map { $0.json } + leases.map { $0.json }
            try output.print(.object(["done": .bool(yes), "actions": .array(actions)]))
        case .name: try output.print(attachments.map { AttachmentRow($0.facts, hostEnd: nil).name })
        }
        guard isWhole else { throw ExitCode(1) }
    }

    /// - Returns: what was done, or would be.
    private func attachments(_ isWhole: inout Bool) throws(PoolFailure) -> [AttachmentGarbage] {
        let collection = collection
        let planned: [AttachmentGarbage]
        do throws(KernelError) {
            planned = try collection.plan(network: which.network)
        } catch {
            throw PoolFailure(error, intention: "cannot read the attachment records")
        }
        guard yes else { return planned }
        var done: [AttachmentGarbage] = []
        for garbage in planned {
            do throws(CNIError) {
                if try collection.carryOut(garbage) { done.append(garbage) }
            } catch {
                isWhole = false
                Machine.log("culvert: cannot end \(garbage.facts.key): \(error)")
            }
        }
        return done
    }

    private var collection: GarbageCollection {
        let searchPath = Machine.variable("CNI_PATH") ?? ""
        let configured = Machine.variable("NETCONFPATH") ?? ""
        let directories = places.confDir.isEmpty ? [configured.isEmpty ? "/etc/cni/net.d" : configured] : places.confDir
        let executor = PluginExecutor(
            searchPath: (searchPath.isEmpty ? "/opt/cni/bin" : searchPath).split(separator: ":").map(String.init),
            environment: Machine.variables
        )
        return GarbageCollection(places.settings) { network in
            directories.lazy.compactMap { directory in
                // Without the list, what the records say is enough.
                try? ConfigurationDirectory(path: directory).network(named: network, warn: { _ in })
            }.first
        } execute: { call throws(CNIError) in
            _ = try executor.run(call)
        }
    }

    /// As `ipam gc`, but for what goes with attachments.
    private func leases(
        _ catalog: PoolCatalog,
        _ attachments: [AttachmentGarbage]
    ) throws(PoolFailure) -> [GarbageAction] {
        let progress = WorkProgress("looking at leases")
        defer { progress.end() }
        var actions: [GarbageAction] = []
        for network in catalog.networks where which.network == nil || which.network == network.name {
            guard let facts = try network.facts(places.settings, progress: progress.tell) else { continue }
            actions += yes ? try network.collectGarbage(facts, places.settings) : facts.garbage
        }
        return actions.filter { action in !attachments.contains { $0.covers(action) } }
    }

    private func lines(_ attachments: [AttachmentGarbage], _ leases: [GarbageAction]) -> [String] {
        guard !attachments.isEmpty || !leases.isEmpty else { return [] }
        let columns = ["NETWORK", "ACTION", "WHAT", "FINDING"].map { TextTable.Column($0) }
        let ends = attachments.map { garbage in
            [
                TextTable.Cell(garbage.facts.key.network, .name), TextTable.Cell(garbage.kind.rawValue, .notable),
                TextTable.Cell("\(LeaseRow.brief(garbage.facts.key.containerID)):\(garbage.facts.key.interfaceName)"),
                TextTable.Cell(garbage.finding),
            ]
        }
        let freed = leases.map { action in
            [
                TextTable.Cell(action.network, .name), TextTable.Cell(action.kind.rawValue, .notable),
                TextTable.Cell(action.address.map { "\($0)" } ?? "-"), TextTable.Cell(action.finding),
            ]
        }
        return TextTable.lines(columns, ends + freed, output.look, hasHeader: !output.noHeaders)
    }
}
