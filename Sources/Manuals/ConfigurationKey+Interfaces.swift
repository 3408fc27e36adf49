// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// Keys that mean the same to several plugins which make interfaces.
extension ConfigurationKey {
    /// What goes into the result of every plugin that makes an interface.
    static let dns = ConfigurationKey(
        "dns",
        .object,
        .none,
        example: ["nameservers": ["10.1.0.53"]],
        "goes into the result; replaces what IPAM says if it says anything"
    )

    /// Of an interface that may do without addresses.
    static let optionalIPAM = ConfigurationKey(
        "ipam",
        .object,
        .none,
        example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
        """
        whom to ask for addresses; without it, or with `{}`, the interface is up and has none
        """
    )

    /// Of one that may not.
    static let requiredIPAM = ConfigurationKey(
        "ipam",
        .object,
        .required,
        example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
        "whom to ask for addresses"
    )

    /// Of a link that rests upon another one.
    static let masterMTU = ConfigurationKey(
        "mtu",
        .described(#"integer, 0 or 68 to that of the master, or `"auto"`"#, [.integer, .string]),
        .value(0),
        example: 1400,
        #"in octets; 0 and `"auto"` are the master's, see [MTU](bridge.md#mtu)"#
    )

    /// Of the same.
    static let linkInContainer = ConfigurationKey(
        "linkInContainer",
        .boolean,
        .value(false),
        example: true,
        since: .release("1.3.0"),
        "`master` is a link of the container"
    )
}
