// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import JSON
internal import Linux

/// The network configuration that goes with the plugins, for who asks for it.
extension PluginDirectory {
    /// Writes a list of plugins where runtimes look for one, in one moment; it is remembered, to be taken away again.
    ///
    /// After the plugins: a node is ready for containers as soon as a runtime finds a configuration.
    /// - Parameters:
    ///   - source: the list's file, whose name ends in `.conflist`.
    ///   - directory: where it shall be, under the same name.
    /// - Returns: whether anything had to be changed.
    /// - Throws: ``InstallationFailure`` when it is no list, or when a file of this name is there that is not ours.
    package mutating func installConfiguration(
        _ source: String,
        into directory: String
    ) throws(InstallationFailure) -> Bool {
        let plan = try plan(source, into: directory)
        guard !plan.isThere else { return false }
        do throws(KernelError) {
            try replace(record.configuration, with: plan.wanted, plan.octets, in: directory)
        } catch {
            throw InstallationFailure(
                error,
                intention: "cannot install the configuration \(directory)/\(plan.wanted.name)"
            )
        }
        return true
    }

    /// Refuses what ``installConfiguration(_:into:)`` would refuse.
    ///
    /// - Throws: ``InstallationFailure``.
    package func checkConfiguration(_ source: String, into directory: String) throws(InstallationFailure) {
        _ = try plan(source, into: directory)
    }

    private struct Plan {
        let wanted: InstallationRecord.Configuration
        let octets: [UInt8]
        /// Whether there is nothing to do.
        let isThere: Bool
    }

    private func plan(_ source: String, into directory: String) throws(InstallationFailure) -> Plan {
        let octets = try PluginDirectory.configuration(source)
        let name = String(source.split(separator: "/").last ?? "")
        let place = "\(directory)/\(name)"
        let former = record.configuration
        let wanted = InstallationRecord.Configuration(name: name, digest: SHA512(of: octets).hexadecimal)
        let found: String?
        do throws(KernelError) {
            found = try PluginDirectory.digest(place)
        } catch {
            throw InstallationFailure(error, intention: "cannot look at the configuration \(place)")
        }
        if found == nil || found == wanted.digest || (former?.name == name && former?.digest == found) {
            return Plan(wanted: wanted, octets: octets, isThere: found == wanted.digest && former == wanted)
        }
        throw InstallationFailure(
            "\(place) is there already, and is not what was installed",
            advice: "remove it, or give your own list another name"
        )
    }

    private mutating func replace(
        _ former: InstallationRecord.Configuration?,
        with wanted: InstallationRecord.Configuration,
        _ octets: [UInt8],
        in directory: String
    ) throws(KernelError) {
        try Files.makeDirectory(store)
        // First the intention: what is written is always known.
        record.configuration = wanted
        try write(record)
        try Files.replace("\(directory)/\(wanted.name)", with: octets)
        guard let former, former.name != wanted.name else { return }
        let place = "\(directory)/\(former.name)"
        if try PluginDirectory.digest(place) == former.digest { try Files.remove(place) }
    }

    /// Takes the configuration away, unless somebody has changed it.
    ///
    /// - Returns: the file that was changed, and stays; nil when it is gone.
    /// - Throws: ``InstallationFailure``.
    package mutating func uninstallConfiguration(from directory: String) throws(InstallationFailure) -> String? {
        guard let configuration = record.configuration else { return nil }
        let place = "\(directory)/\(configuration.name)"
        do throws(KernelError) {
            let found = try PluginDirectory.digest(place)
            if found == configuration.digest { try Files.remove(place) }
            record.configuration = nil
            try write(record)
            tidyUp()
            return found == nil || found == configuration.digest ? nil : place
        } catch {
            throw InstallationFailure(error, intention: "cannot remove the configuration \(place)")
        }
    }

    /// The content of a list of plugins.
    private static func configuration(_ source: String) throws(InstallationFailure) -> [UInt8] {
        guard source.hasSuffix(".conflist"), source.split(separator: "/").last.map({ !$0.hasPrefix(".") }) ?? false
        else { throw InstallationFailure("\(source): the name of a list of plugins ends in .conflist") }
        let octets: [UInt8]
        do throws(KernelError) {
            octets = try Descriptor(opening: source, O_RDONLY).readAll(source, limit: 1 << 20)
        } catch {
            throw InstallationFailure(error, intention: "cannot read the configuration")
        }
        guard case .object(let list) = try InstallationFailure.parsing(octets, in: source),
            case .array = list[exact: "plugins"]
        else { throw InstallationFailure("\(source) is no list of plugins", advice: "it needs a member plugins") }
        return octets
    }

    /// The digest of a file; nil when there is none.
    private static func digest(_ path: String) throws(KernelError) -> String? {
        do throws(KernelError) {
            return try Files.digest(path)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }
}
