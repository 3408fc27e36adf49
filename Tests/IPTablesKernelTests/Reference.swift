// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import TestSupport

@testable import IPTables

/// The plugins of containernetworking, of which Debian has release 1.1.1.
let plugins = "/usr/lib/cni"
let hasReference = access(plugins + "/portmap", X_OK) == 0 && access(plugins + "/firewall", X_OK) == 0

let network = "podman"
let containerID = "0123456789abcdef"

let addresses = ["10.88.0.2/16", "fd00:1::2/64"]
func previous(_ addresses: [String]) -> String {
    """
    {"cniVersion": "1.0.0", "interfaces": [{"name": "cni0"}, {"name": "veth0"},
     {"name": "eth0", "sandbox": "/run/netns/c1"}],
     "ips": [\(addresses.map { "{\"address\": \"\($0)\", \"interface\": 2}" }.joined(separator: ", "))]}
    """
}

func cidr(_ family: AddressFamily) throws -> CIDR {
    guard let cidr = addresses.compactMap({ CIDR($0) }).first(where: { $0.family == family }) else {
        throw Refused(text: "no address of \(family.name)")
    }
    return cidr
}

/// Calls a plugin of the reference with one of the two implementations of iptables.
func reference(
    _ type: String,
    _ verb: String,
    _ members: String,
    _ variant: IPTablesTool.Variant,
    only family: AddressFamily? = nil,
    netns: String = "/run/netns/c1"
) throws {
    try withTemporaryDirectory { directory in
        for (program, itsFamily) in [("iptables", AddressFamily.v4), ("ip6tables", .v6)] {
            guard family == nil || family == itsFamily else { continue }
            try makeSymbolicLink("\(directory)/\(program)", to: "/usr/sbin/\(program)-\(variant)")
        }
        let child = try ChildProcess.run(
            "\(plugins)/\(type)",
            [type],
            environment: [
                "CNI_COMMAND=\(verb)", "CNI_CONTAINERID=\(containerID)", "CNI_NETNS=\(netns)", "CNI_IFNAME=eth0",
                "CNI_PATH=\(plugins)", "PATH=\(directory)",
            ],
            input: Array(
                "{\"cniVersion\": \"1.0.0\", \"name\": \"\(network)\", \"type\": \"\(type)\", \(members)}".utf8
            ),
            errorLimit: 4096
        )
        guard child.ending == .exited(0) else {
            throw Refused(text: "\(type) \(verb): \(String(decoding: child.output + child.errors, as: UTF8.self))")
        }
    }
}

/// What stands in a table after somebody's work, in a namespace of its own.
func layout(
    _ kind: Kind,
    _ table: IPTablesTable,
    _ work: @escaping @Sendable (IPTablesTool) throws -> Void
) throws -> [String] {
    try inNewNamespace {
        let tool = try kind.tool()
        try work(tool)
        return layout(try tool.read(table))
    }
}
