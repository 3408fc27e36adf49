// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// Which interface of which container a verb is about.
struct AttachmentArguments: ParsableArguments {
    @Argument(help: "The network's name.")
    var network: String

    @Argument(help: "Path of the network namespace, such as /run/netns/NAME.")
    var netns: String

    @Option(
        name: [.customShort("i"), .long],
        help: ArgumentHelp("Interface inside the container (default: CNI_IFNAME, else eth0).", valueName: "name")
    )
    var ifname: String?
}
