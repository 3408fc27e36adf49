// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import Linux
import Plugin
import Pools
import Wiring

/// What commands about attachments have in common.
extension ParsableCommand {
    /// Does a command's work; why it cannot be done goes to standard error.
    ///
    /// - Throws: `ExitCode` 1 after a ``PoolFailure``; anything else as it is.
    func operating<Value>(_ work: () throws(PoolFailure) -> Value) throws(ExitCode) -> Value {
        do throws(PoolFailure) {
            return try work()
        } catch {
            Machine.log("culvert: \(error)")
            throw ExitCode(1)
        }
    }

    /// All attachments of this host, or of one network.
    ///
    /// - Throws: ``PoolFailure`` when the records cannot be read.
    func attachments(of network: String? = nil) throws(PoolFailure) -> [AttachmentFacts] {
        let store = AttachmentStore(root: Settings(variable: Machine.variable).runDirectory)
        do throws(KernelError) {
            return try AttachmentSurvey(store, network: network).attachments
        } catch {
            throw PoolFailure(error, intention: "cannot read the attachment records below \(store.root)")
        }
    }
}

/// Which network is meant, by the attachments that there are.
struct AttachmentNetworkOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("Only attachments of this network.", valueName: "name"),
        completion: .custom { _, _, _ in
            let store = AttachmentStore(root: Settings(variable: Machine.variable).runDirectory)
            return (try? store.networks()) ?? []
        }
    )
    var network: String?
}
