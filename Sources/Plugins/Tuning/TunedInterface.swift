// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Journal
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// The interface that an attachment's ADD tunes, and its DEL gives back as it was.
struct TunedInterface {
    let request: Request

    init(_ request: Request) {
        self.request = request
    }

    var name: String { request.invocation.interfaceName }

    var fileName: String { TuningBackupFile.name(request.invocation.containerID, name) }

    // MARK: - ADD

    /// Adjusts all that the configuration names, or nothing.
    func tune() throws(CNIError) -> AddResult {
        guard let previous = request.configuration.previousResult else {
            throw CNIError(
                .invalidConfiguration,
                "missing prevResult from earlier plugin",
                details: "tuning adjusts an interface that a plugin before it made; put it behind one"
            )
        }
        let configuration = try TuningConfiguration(request)
        guard !configuration.isEmpty else { return previous }
        if !configuration.sysctls.isEmpty { try SysctlAllowlist.installed()?.permit(configuration.sysctls) }
        var sysctls: [(sysctl: Sysctl, value: String)] = []
        for setting in configuration.sysctls { sysctls.append((try setting.resolved(for: name), setting.value)) }

        let container = try request.openNamespace()
        let intention = "cannot tune \(name) of container \(request.invocation.containerID)"
        var tuner = try visit(container, intention)
        let link: LinkSettings?
        let changes: [SysctlChange]
        do throws(KernelError) {
            link = configuration.adjustment.isEmpty ? nil : try tuner.link(named: name)
            changes = try tuner.look(at: sysctls)
        } catch {
            throw CNIError(.kernelRefused, intention, error)
        }
        request.notes.enter(.record)
        let backup = try link.map { link throws(CNIError) in
            try remember(link, configuration, tuner.identity, intention)
        }
        request.notes.enter(.links)
        do throws(KernelError) {
            try tuner.make(changes)
            if let link { try tuner.adjust(link, configuration.adjustment) }
        } catch {
            let cause = CNIError(.kernelRefused, intention, error)
            throw takeBack(&tuner, link, backup, in: configuration.dataDirectory, because: cause)
        }
        return adjusted(previous, configuration.adjustment)
    }

    func visit(_ container: consuming NetworkNamespace, _ intention: String) throws(CNIError) -> InterfaceTuner {
        do throws(KernelError) {
            return try InterfaceTuner(into: container)
        } catch {
            throw CNIError(.kernelRefused, intention, error)
        }
    }

    /// What is there before the first change, in memory and in a file.
    private struct Memory {
        /// What the link had when this ADD began.
        let settings: LinkAdjustment
        /// Whether an earlier ADD of this attachment left its own file, which stays whatever becomes of this one.
        let isShared: Bool
    }

    private func remember(
        _ link: LinkSettings,
        _ configuration: TuningConfiguration,
        _ identity: FileStatus.Identity,
        _ intention: String
    ) throws(CNIError) -> Memory {
        if configuration.adjustment.address != nil, link.address == nil {
            throw CNIError(
                .invalidConfiguration,
                "mac: \(name) has no address of six octets that could be replaced",
                details: "in \(request.invocation.namespacePath); drop mac"
            )
        }
        let origin = TuningBackup.Origin(
            key: request.key,
            namespacePath: request.invocation.namespacePath,
            namespaceIdentity: "\(identity)",
            link: link.index,
            intendedNanoseconds: Machine.bootNanoseconds
        )
        let path = configuration.dataDirectory
        let backup = TuningBackup(of: link, for: configuration.adjustment, origin: origin)
        return try translating(intention, .storeUnusable) { () throws(KernelError) in
            let bound = request.settings.lockBound
            let isShared = try TuningBackupFile.withLock(fileName, in: path, waitingAtMost: bound) {
                earlier throws(KernelError) in
                let isShared = earlier?.origin.map { origin.isSameLink(as: $0) } ?? false
                try TuningBackupFile.write(earlier.map { backup.preceded(by: $0) } ?? backup, as: fileName, in: path)
                return isShared
            }
            if isShared == nil { try TuningBackupFile.write(backup, as: fileName, in: path) }
            return Memory(settings: backup.before, isShared: isShared ?? false)
        }
    }

    private func takeBack(
        _ tuner: inout InterfaceTuner,
        _ link: LinkSettings?,
        _ memory: Memory?,
        in path: String,
        because cause: CNIError
    ) -> CNIError {
        var leftovers = tuner.takeBackSysctls()
        if let link, let memory { leftovers += tuner.giveBack(memory.settings, to: link) }
        // The file is what a DEL would go by: it stays as long as there is something left to do.
        if let memory, !memory.isShared, leftovers.isEmpty {
            do throws(KernelError) {
                try TuningBackupFile.removeAll(fileName, in: path)
            } catch {
                leftovers.append("\(error)")
            }
        }
        return leftovers.isEmpty ? cause : cause.adding("left behind: \(leftovers.joined(separator: "; "))")
    }

    /// What the plugins before made, with what is different now.
    private func adjusted(_ previous: AddResult, _ adjustment: LinkAdjustment) -> AddResult {
        var result = previous
        for index in result.interfaces.indices where request.concerns(previous.interfaces[index], of: previous) {
            if let address = adjustment.address { result.interfaces[index].mac = "\(address)" }
            if let mtu = adjustment.mtu { result.interfaces[index].mtu = mtu }
        }
        return result
    }
}
