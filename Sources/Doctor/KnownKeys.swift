// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// Keys of configurations and the types of their values, as the plugins read them.
struct KnownKeys {
    enum Kind: String {
        case string = "a string"
        case integer = "an integer"
        case boolean = "a boolean"
        case list = "an array"
        case object = "an object"
        /// More than one type, or somebody else's.
        case any = "anything"

        func accepts(_ value: JSONValue) -> Bool {
            switch (self, value) {
            case (_, .null), (.any, _), (.string, .string), (.integer, .integer), (.boolean, .bool), (.list, .array),
                (.object, .object):
                true
            default: false
            }
        }
    }

    let kinds: [String: Kind]

    private init(_ kinds: [String: Kind]) {
        self.kinds = kinds
    }

    var names: [String] { kinds.keys.sorted() }

    /// The kind of a key in any case; nil for one that nobody knows.
    func kind(of key: String) -> Kind? {
        kinds[key] ?? kinds.first { $0.key.lowercased() == key.lowercased() }?.value
    }

    /// Of the list itself: CNI 1.1.0, section 1.
    static let list = KnownKeys([
        "cniVersion": .string, "cniVersions": .list, "name": .string, "disableCheck": .any, "disableGC": .any,
        "loadOnlyInlinedPlugins": .any, "plugins": .list, "args": .object,
    ])

    /// Of a plugin; nil for one whose keys nobody here knows.
    static func of(plugin type: String) -> KnownKeys? {
        plugins[type].map { KnownKeys($0.merging(common) { own, _ in own }) }
    }

    /// Of an `ipam` object.
    static func of(ipam type: String) -> KnownKeys? { ipams[type].map { KnownKeys($0) } }

    /// Of one range of host-local.
    static let range = KnownKeys([
        "subnet": .string, "rangeStart": .string, "rangeEnd": .string, "gateway": .string, "onlink": .boolean,
        "ipRange": .string,
    ])

    /// Names of plugins that are known at all.
    static var types: [String] { (Array(plugins.keys) + Array(ipams.keys) + ["dnsname"]).sorted() }

    private static let common: [String: Kind] = [
        "cniVersion": .string, "name": .string, "type": .string, "capabilities": .object, "runtimeConfig": .object,
        "args": .object, "dns": .object, "ipam": .object, "prevResult": .object, "mtu": .integer, "ipMasq": .boolean,
    ]

    private static let ends: [String: Kind] = [
        "master": .string, "mtu": .any, "linkInContainer": .boolean, "mac": .string,
    ]

    private static let plugins: [String: [String: Kind]] = [
        "bridge": [
            "bridge": .string, "isGateway": .boolean, "isDefaultGateway": .boolean, "forceAddress": .boolean,
            "mtu": .any, "hairpinMode": .boolean, "promiscMode": .boolean, "portIsolation": .boolean,
            "vlan": .integer, "vlanTrunk": .list, "preserveDefaultVlan": .boolean, "enabledad": .boolean,
            "disableContainerInterface": .boolean, "ipMasqBackend": .string, "macspoofchk": .boolean,
            "ipspoofchk": .boolean,
        ],
        "ptp": ["mtu": .any, "ipMasqBackend": .string],
        "macvlan": ends.merging(["mode": .string, "promiscMode": .boolean, "bcqueuelen": .integer]) { own, _ in own },
        "ipvlan": ends.merging(["mode": .string]) { own, _ in own },
        "vlan": ends.merging(["vlanId": .integer]) { own, _ in own },
        "dummy": ["mac": .string],
        "tap": [
            "bridge": .string, "group": .integer, "owner": .integer, "multiQueue": .boolean, "selinuxContext": .string,
            "mac": .string, "mtu": .any,
        ],
        "host-device": [
            "device": .string, "hwaddr": .string, "kernelpath": .string, "pciBusID": .string, "dpdkMode": .boolean,
        ],
        "loopback": [:],
        "portmap": [
            "backend": .string, "snat": .boolean, "masqAll": .boolean, "markMasqBit": .integer,
            "externalSetMarkChain": .string, "conditionsV4": .list, "conditionsV6": .list, "allowListening": .boolean,
        ],
        "firewall": [
            "backend": .string, "ingressPolicy": .string, "iptablesAdminChainName": .string, "firewalldZone": .string,
        ],
        "bandwidth": [
            "ingressRate": .integer, "ingressBurst": .integer, "egressRate": .integer, "egressBurst": .integer,
            "shapedSubnets": .list, "unshapedSubnets": .list,
        ],
        "tuning": [
            "sysctl": .object, "mac": .string, "promisc": .boolean, "allmulti": .boolean, "txQLen": .integer,
            "dataDir": .string,
        ],
        "sbr": ["table": .integer, "gateways": .list, "addSourceHints": .boolean],
        "vrf": ["vrfname": .string, "table": .integer],
    ]

    private static let ipams: [String: [String: Kind]] = [
        "host-local": [
            "type": .string, "ranges": .list, "subnet": .string, "rangeStart": .string, "rangeEnd": .string,
            "gateway": .string, "onlink": .boolean, "routes": .list, "dataDir": .string, "resolvConf": .string,
            "policy": .string, "quarantineSeconds": .any, "sticky": .any, "exclude": .list, "reserve": .object,
            "name": .string,
        ],
        "static": [
            "type": .string, "addresses": .list, "routes": .list, "dns": .object, "dataDir": .string, "name": .string,
        ],
        "dhcp": [
            "type": .string, "daemonSocketPath": .string, "request": .list, "provide": .list, "ipv4": .any,
            "ipv6": .any, "priority": .integer, "routes": .list, "name": .string,
        ],
    ]
}
