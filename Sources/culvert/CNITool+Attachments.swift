// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI
import JSON
import Linux
import Runtime

/// The verbs about one interface of one container.
extension CNITool {
    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Connect a network namespace to a network and print the result.",
            discussion: """
                Runs the network's plugins in order; each gets the result of the one before. When one fails, what \
                the others did stays until del.
                """
        )

        @OptionGroup var attachment: AttachmentArguments

        func run() throws {
            try reporting { () throws(CNIError) in
                let runtime = RuntimeEnvironment.current
                let result = try runtime.chains().add(attachment.network, try runtime.attachment(attachment))
                do throws(KernelError) {
                    try Machine.writeStandardOutput(result.serialized(indent: 4))
                } catch {
                    throw CNIError(.inputOutput, "connected, but cannot print the result", details: "\(error)")
                }
            }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check that what add made still stands.",
            discussion: "Needs a network of cniVersion 0.4.0 or newer, and add before."
        )

        @OptionGroup var attachment: AttachmentArguments

        func run() throws {
            try reporting { () throws(CNIError) in
                let runtime = RuntimeEnvironment.current
                try runtime.chains().check(attachment.network, try runtime.attachment(attachment))
            }
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "del",
            abstract: "Disconnect a network namespace from a network.",
            discussion: """
                Runs the network's plugins, last first. Can be repeated, and works without add before and after the \
                namespace is gone.
                """
        )

        @OptionGroup var attachment: AttachmentArguments

        func run() throws {
            try reporting { () throws(CNIError) in
                let runtime = RuntimeEnvironment.current
                try runtime.chains().delete(attachment.network, try runtime.attachment(attachment))
            }
        }
    }
}
