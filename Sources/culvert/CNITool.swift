// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `culvert cnitool`: the runtime's part played by hand, with the command line of the original cnitool.
struct CNITool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cnitool",
        abstract: "Run the CNI plugins of a network by hand, as a container runtime would.",
        discussion: """
            Connect a network namespace, look at it, and disconnect it again:

              ip netns add blue
              export CNI_PATH=/opt/cni/bin
              cnitool add lan /run/netns/blue
              cnitool del lan /run/netns/blue

            Environment:
              NETCONFPATH  directory with the networks (default /etc/cni/net.d):
                           lists (*.conflist), then single plugins (*.conf, *.json)
              CNI_PATH     directories with the plugins, colons between; required
              CNI_IFNAME   interface inside the container (default eth0)
              CNI_ARGS     settings for plugins: KEY=VALUE;KEY=VALUE
              CAP_ARGS     what the runtime offers per capability, a JSON object
                           such as {"ips":["10.1.2.3"]}

            The container's id is made from the path of its namespace. What add did is \
            remembered in /var/lib/cni/results, where other runtimes do so too, until del. \
            check and del use the configuration, CNI_ARGS and CAP_ARGS that add used; the \
            variables win when they are set again.

            Exit status:
              0   done
              1   refused: the reason stands on standard error, with the code that
                  the plugin gave
              64  the command line makes no sense
            """,
        subcommands: [Add.self, Check.self, Delete.self, CollectGarbage.self, Status.self]
    )

    func run() throws {
        throw ValidationError("missing verb: expected add, check, del, gc or status")
    }
}
