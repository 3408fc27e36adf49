// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let tap = PluginManual(
        name: "tap",
        role: .interface,
        summary: "gives a container an interface whose other end is a process",
        example: ["type": "tap", "ipam": ["type": "host-local", "ranges": [[["subnet": "10.76.0.0/24"]]]]],
        tables: [
            KeyTable(
                mark: "tap",
                place: "",
                keys: [
                    ConfigurationKey(
                        "owner",
                        .integer(0...4_294_967_294),
                        .none,
                        example: 1000,
                        "the user who may attach without privileges"
                    ),
                    ConfigurationKey(
                        "group",
                        .integer(0...4_294_967_294),
                        .none,
                        example: 1000,
                        "the group whose members may"
                    ),
                    ConfigurationKey(
                        "multiQueue",
                        .boolean,
                        .value(false),
                        example: true,
                        "several processes, or threads, may attach at once"
                    ),
                    ConfigurationKey(
                        "mtu",
                        .described(#"integer, 0 or 68 to 65535, or `"auto"`"#, [.integer, .string]),
                        .value(0),
                        example: 1400,
                        "in octets; 0 leaves it to the kernel, see [MTU](bridge.md#mtu)"
                    ),
                    ConfigurationKey(
                        "mac",
                        .string,
                        .words("random"),
                        example: "02:00:00:00:00:05",
                        "the hardware address of the container's side"
                    ),
                    ConfigurationKey(
                        "bridge",
                        .string,
                        .none,
                        example: "br7",
                        since: .release("1.4.0"),
                        "a bridge in the container whose port the tap becomes"
                    ),
                    ConfigurationKey(
                        "selinuxContext",
                        .string,
                        .none,
                        example: "system_u:system_r:container_t:s0",
                        "what the tap is labelled with; refused with code 2 where SELinux is not enabled"
                    ),
                    .optionalIPAM,
                    .dns,
                ]
            )
        ],
        related: ["culvert-dummy", "culvert-host-local"]
    )
}
