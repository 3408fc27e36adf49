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
              NETCONFPATH  directory with the networks (default /etc/cni/net.d): lists
                           (*.conflist) are looked at first, then single plugins (*.conf, *.json)
              CNI_PATH     directories with the plugins, separated by colons; required
              CNI_IFNAME   interface inside the container (default eth0)
              CNI_ARGS     settings for plugins: KEY=VALUE;KEY=VALUE
              CAP_ARGS     what the runtime offers per capability, as a JSON object:
                           {"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}

            The container's id is made from the path of its namespace. What add did is remembered in
            /var/lib/cni/results, as other runtimes remember it, until del: check and del use the
            configuration, CNI_ARGS and CAP_ARGS that add used, unless the variables are set again.

            Exit status:
              0   done
              1   refused, with the reason on standard error; a plugin's error ends in its code
              64  the command line makes no sense
            """,
        subcommands: [Add.self, Check.self, Delete.self, CollectGarbage.self, Status.self]
    )
}
