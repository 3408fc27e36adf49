// SPDX-License-Identifier: Apache-2.0
package import CNI

/// What concerns a network and no container.
extension ChainRunner {
    /// Removes whatever belongs to a network but to none of the attachments to keep: first by DEL for what is
    /// remembered here, then by GC for what only the plugins know.
    ///
    /// - Parameters:
    ///   - network: The network's name.
    ///   - valid: The attachments to keep; none is to keep nothing.
    /// - Throws: `CNIError` with everything that failed, one line each, and the code of the first; the rest was done.
    package func collectGarbage(_ network: String, sparing valid: [AttachmentID]) throws(CNIError) {
        let list = try load(network)
        guard !list.disablesCollection else {
            note("network \(list.name) has disableGC: nothing was collected")
            return
        }
        var errors: [CNIError] = []
        for entry in try cache.entries(of: list.name) where !entry.isAmong(valid) {
            do throws(CNIError) {
                try delete(list.name, entry.attachment, entry)
            } catch {
                let attachment = "\(entry.attachment.containerID) \(entry.attachment.interfaceName)"
                errors.append(error.within("failed to delete stale attachment \(attachment)"))
            }
        }
        if list.version >= .v1_1_0 {
            errors += collectEach(list, sparing: valid)
        } else {
            note("network \(list.name) is of cniVersion \(list.version), which has no GC: its plugins were not asked")
        }
        guard let first = errors.first else { return }
        guard errors.count > 1 else { throw first }
        let all = errors.map(\.description).joined(separator: "\n")
        throw CNIError(CNIError.Code(rawValue: first.code), all)
    }

    private func collectEach(_ list: NetworkList, sparing valid: [AttachmentID]) -> [CNIError] {
        var errors: [CNIError] = []
        for plugin in list.plugins {
            let input = plugin.input(network: list, sparing: valid)
            do throws(CNIError) {
                try run(PluginCall(.collectGarbage, type: plugin.type, input: input), plugin, as: "gc")
            } catch {
                errors.append(error)
            }
        }
        return errors
    }

    /// Asks whether the network's plugins could serve an ADD.
    ///
    /// - Throws: `CNIError`, naming the first plugin that could not; code 50 or 51 as a rule.
    package func status(_ network: String) throws(CNIError) {
        let list = try load(network)
        guard list.version >= .v1_1_0 else {
            note("network \(list.name) is of cniVersion \(list.version), which has no STATUS: nobody was asked")
            return
        }
        for plugin in list.plugins {
            let call = PluginCall(.status, type: plugin.type, input: plugin.input(network: list))
            try run(call, plugin, as: "status")
        }
    }
}

extension CNIError {
    fileprivate func within(_ context: String) -> CNIError {
        CNIError(Code(rawValue: code), "\(context): \(message)", details: details)
    }
}
