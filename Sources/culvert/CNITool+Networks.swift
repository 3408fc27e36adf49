// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI
import Runtime

/// The verbs about a network as a whole; the original demands a namespace here as well, and looks at none.
extension CNITool {
    struct CollectGarbage: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gc",
            abstract: "Remove what belongs to a network but to no attachment that is to be kept.",
            discussion: """
                Without --valid-attachments nothing is kept. First every remembered attachment that is not to be \
                kept is disconnected, as del does; then the plugins of a network of cniVersion 1.1.0 or newer are \
                asked to remove what else they find. Goes on after errors, and reports all of them.

                The file holds a JSON list:

                  [{"containerID": "cnitool-77383ca0a0715733ca6f", "ifname": "eth0"}]
                """
        )

        @Argument(help: "The network's name.")
        var network: String

        @Argument(help: "Not used: accepted as by the original.")
        var netns: String?

        @Option(help: ArgumentHelp("The attachments to keep.", valueName: "file"), completion: .file())
        var validAttachments: String?

        func run() throws {
            try reporting { () throws(CNIError) in
                let valid = try validAttachments.map(AttachmentList.read) ?? []
                try RuntimeEnvironment.current.chains().collectGarbage(network, sparing: valid)
            }
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask the network's plugins whether they could serve an add now.",
            discussion: """
                Succeeds in silence when they could. A plugin's error ends in its code: 50 means that add cannot be \
                served, 51 that containers which are connected may suffer as well. Networks of a cniVersion before \
                1.1.0 cannot be asked.
                """
        )

        @Argument(help: "The network's name.")
        var network: String

        @Argument(help: "Not used: accepted as by the original.")
        var netns: String?

        func run() throws {
            try reporting { () throws(CNIError) in
                try RuntimeEnvironment.current.chains().status(network)
            }
        }
    }
}
