// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension KeyTable {
    /// What all plugins read.
    package static let common = KeyTable(
        mark: "common",
        place: "",
        keys: [
            ConfigurationKey(
                "cniVersion",
                .string,
                .value("0.1.0"),
                example: "1.0.0",
                "the result is printed in this version"
            ),
            ConfigurationKey(
                "name",
                .string,
                .required,
                example: "blue",
                "the network: a letter or digit, then letters, digits, `_`, `.` and `-`"
            ),
            ConfigurationKey(
                "type",
                .string,
                .required,
                example: "bridge",
                "the plugin"
            ),
            ConfigurationKey(
                "ipam",
                .object,
                .none,
                example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
                "whom to ask for addresses"
            ),
            ConfigurationKey(
                "ipam.type",
                .string,
                .none,
                example: "host-local",
                "the plugin that gives them"
            ),
            ConfigurationKey(
                "capabilities",
                .object,
                .none,
                example: ["portMappings": true],
                "what the runtime may say in `runtimeConfig`"
            ),
            ConfigurationKey(
                "runtimeConfig",
                .object,
                .none,
                example: [:],
                "what the runtime says for one container"
            ),
            ConfigurationKey(
                "args",
                .object,
                .none,
                example: ["cni": [:]],
                "the same, the older way, in `args.cni`"
            ),
            ConfigurationKey(
                "dns",
                .object,
                .none,
                example: [:],
                "name servers for the result"
            ),
            ConfigurationKey(
                "dns.nameservers",
                .list(of: "strings"),
                .value([]),
                example: ["10.1.0.53"],
                ""
            ),
            ConfigurationKey(
                "dns.domain",
                .string,
                .value(""),
                example: "example.org",
                ""
            ),
            ConfigurationKey(
                "dns.search",
                .list(of: "strings"),
                .value([]),
                example: ["example.org"],
                ""
            ),
            ConfigurationKey(
                "dns.options",
                .list(of: "strings"),
                .value([]),
                example: ["ndots:2"],
                ""
            ),
            ConfigurationKey(
                "prevResult",
                .described("a result", [.object]),
                .none,
                example: ["cniVersion": "1.0.0"],
                """
                what the plugin before answered; needed for CHECK of `bridge`; one that cannot be read \
                is ignored for DEL
                """
            ),
            ConfigurationKey(
                "cni.dev/valid-attachments",
                .list(of: #"`{"containerID", "ifname"}`"#),
                .none,
                example: [],
                "needed for GC; also `cni.dev/attachments`"
            ),
        ]
    )
}
