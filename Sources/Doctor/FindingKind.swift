// SPDX-License-Identifier: Apache-2.0

/// What can be wrong with a host, by the word that reports use; these words stay.
package enum FindingKind: String, Hashable, Sendable, CaseIterable {
    // Configurations
    case configBroken = "config-broken"
    case configWrongEnding = "config-wrong-ending"
    case configWrongType = "config-wrong-type"
    case configMisspeltKey = "config-misspelt-key"
    case configDuplicateName = "config-duplicate-name"
    case configShadowed = "config-shadowed"
    case configVersion = "config-version"
    // Programs
    case pluginMissing = "plugin-missing"
    case pluginNotExecutable = "plugin-not-executable"
    case pluginShadowed = "plugin-shadowed"
    case pluginForeign = "plugin-foreign"
    // The kernel
    case kernelNoPacketFilter = "kernel-no-nftables"
    case kernelNoVLANs = "kernel-no-vlan-filtering"
    case kernelNoLinks = "kernel-no-links"
    case kernelNoShortcut = "kernel-no-shortcut"
    // Settings of the kernel
    case forwardingOff = "forwarding-off"
    case ipv6Disabled = "ipv6-disabled"
    case strictReversePath = "rp-filter-strict"
    case bridgeFilterOff = "bridge-nf-off"
    case bridgeFilterDrops = "bridge-nf-drops"
    case trackingFull = "conntrack-full"
    // Packet filters
    case forwardDropped = "forward-dropped"
    case tablesMixed = "iptables-mixed"
    case rulesMissing = "rules-missing"
    case rulesStale = "rules-stale"
    case chainsStale = "chains-stale"
    case reloadUnhooked = "firewall-no-hook"
    // Links
    case masterMissing = "master-missing"
    case bridgeWrongKind = "bridge-wrong-kind"
    case bridgeDown = "bridge-down"
    case gatewayMissing = "gateway-missing"
    case foreignAddress = "bridge-foreign-address"
    case portMissing = "port-missing"
    case portDetached = "port-detached"
    case portDown = "port-down"
    case shortcutMissing = "shortcut-missing"
    case pathHole = "mtu-hole"
    case uplinkNarrow = "mtu-uplink"
    case overlayNarrow = "mtu-overlay"
    case linkStale = "link-stale"
    case shaperStale = "ifb-stale"
    // Switches in user space
    case switchDaemonAway = "switchd-away"
    case switchDaemonUnready = "switchd-not-ready"
    case switchPortLost = "switch-port-lost"
    // Whoever else manages links
    case macPolicy = "udev-mac-policy"
    case managerInterferes = "networkmanager-manages"
    // Addresses
    case poolExhausted = "pool-exhausted"
    case poolNearlyFull = "pool-nearly-full"
    case poolOverlap = "pool-overlap"
    case poolOnHost = "pool-on-host"
    case leaseDuplicate = "lease-duplicate"
    case leaseDead = "lease-dead"
    case leaseDamaged = "lease-damaged"
    // Files
    case storeReadOnly = "store-read-only"
    case storeFull = "store-full"
    case storeRemote = "store-remote"
    case storeVolatile = "store-volatile"
    case recordStale = "record-stale"
    case cacheStale = "cache-stale"

    /// How bad it is, in words that stay too.
    package enum Severity: String, Hashable, Sendable, CaseIterable, Comparable {
        /// Containers cannot be joined, or do not get through.
        case error
        /// It works now, or for some; it will not always.
        case warning

        package static func < (one: Severity, other: Severity) -> Bool { one == .error && other == .warning }
    }

    package var severity: Severity {
        switch self {
        case .configBroken, .configWrongType, .configWrongEnding, .configVersion, .pluginMissing,
            .pluginNotExecutable, .kernelNoPacketFilter, .kernelNoVLANs, .kernelNoLinks, .forwardingOff, .ipv6Disabled,
            .bridgeFilterDrops, .trackingFull, .forwardDropped, .rulesMissing, .masterMissing, .bridgeWrongKind,
            .bridgeDown, .gatewayMissing, .portMissing, .portDetached, .portDown, .overlayNarrow, .poolExhausted,
            .poolOverlap, .poolOnHost, .leaseDuplicate, .storeReadOnly, .storeFull, .storeRemote, .switchDaemonAway,
            .switchPortLost:
            .error
        case .configMisspeltKey, .configDuplicateName, .configShadowed, .pluginShadowed, .pluginForeign,
            .strictReversePath, .bridgeFilterOff, .tablesMixed, .rulesStale, .chainsStale, .reloadUnhooked,
            .foreignAddress, .pathHole, .uplinkNarrow, .linkStale, .shaperStale, .macPolicy, .managerInterferes,
            .poolNearlyFull, .leaseDead, .leaseDamaged, .storeVolatile, .recordStale, .cacheStale, .kernelNoShortcut,
            .shortcutMissing, .switchDaemonUnready:
            .warning
        }
    }

    /// Whether `--fix` puts it right, maybe not each time; only what cannot cut a living container off is.
    package var isFixable: Bool {
        switch self {
        case .pluginNotExecutable, .forwardingOff, .bridgeDown, .gatewayMissing, .portDown, .rulesMissing, .leaseDead,
            .leaseDamaged:
            true
        default: false
        }
    }
}
