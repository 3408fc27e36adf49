// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Linux
internal import Plugin
internal import Wiring

/// The published ports of one attachment.
struct PortPublisher {
    /// Whose records these are: `<containerID>:<interface>:portmap.json`.
    static let plugin = "portmap"

    let request: Request

    init(_ request: Request) {
        self.request = request
    }

    /// The result of the plugins before this one.
    ///
    /// - Throws: ``CNIError``, code 7, without one.
    func previousResult() throws(CNIError) -> AddResult {
        guard let result = request.configuration.previousResult else {
            throw CNIError(
                .invalidConfiguration,
                "missing prevResult from earlier plugin",
                details: "portmap leads to what another plugin made; put it behind that one in the list"
            )
        }
        return result
    }

    /// Whether the runtime wants any port at all; with none, nothing is read or done.
    func wantsPorts() throws(CNIError) -> Bool {
        do throws(JSONTypeError) {
            return try request.configuration.runtimeConfig?.array("portMappings")?.isEmpty == false
        } catch {
            throw CNIError(error, in: "network configuration")
        }
    }

    var intention: String { "cannot publish ports of container \(request.key.containerID)" }

    func openRecord() throws(CNIError) -> AttachmentFile {
        try translating(intention, .storeUnusable) { () throws(KernelError) in
            try AttachmentFile(
                opening: request.key,
                of: PortPublisher.plugin,
                in: request.attachments,
                waitingAtMost: request.settings.lockBound
            )
        }
    }

    /// STATUS: whether the kernel has what an ADD needs.
    func probe() throws(CNIError) {
        do throws(KernelError) {
            try FilterEngine().probe()
        } catch {
            throw CNIError(.unavailable, "ports cannot be published", details: "\(error)")
        }
    }
}
