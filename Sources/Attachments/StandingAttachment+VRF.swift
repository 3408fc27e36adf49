// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import JSON
internal import Plugin
internal import Runtime
internal import VRF
internal import Wiring

extension StandingAttachment {
    /// What `vrf` did to the interface, which keeps no record, from what the attachment's runtime remembers of ADD.
    ///
    /// The network's list as it is now would not do: it may have been changed since.
    ///
    /// - Returns: nil when no `vrf` is remembered, or the memory is of another container.
    /// - Throws: ``CNIError`` when the memory cannot be read.
    func vrf(_ cache: ResultCache) throws(CNIError) -> VRFRestoration? {
        let attachment = Attachment(
            containerID: record.key.containerID,
            namespacePath: record.namespacePath,
            interfaceName: record.key.interfaceName
        )
        guard let entry = try cache.entry(network: record.key.network, attachment),
            entry.attachment.namespacePath == record.namespacePath, let list = Self.list(entry),
            list.plugins.contains(where: { $0.type == request.configuration.type }),
            let plugin = list.plugins.first(where: { $0.type == "vrf" })
        else { return nil }
        let input = plugin.input(network: list, previousResult: record.result)
        return try VRFRestoration(
            Request(
                invocation: request.invocation,
                configuration: try NetworkConfiguration(input),
                document: input,
                settings: request.settings,
                siblings: [],
                beganWall: request.beganWall,
                beganBoot: request.beganBoot
            )
        )
    }

    /// The list that ADD ran; nil when one plugin alone is remembered, or nothing that can be read.
    private static func list(_ entry: CachedAttachment) -> NetworkList? {
        do throws(CNIError) {
            return try NetworkList(parsing: entry.configuration)
        } catch {
            return nil
        }
    }
}
