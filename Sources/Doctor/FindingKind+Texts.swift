// SPDX-License-Identifier: Apache-2.0

// One sentence each, as the manual has them: what it means for containers, and what to do.
extension FindingKind {
    /// Why it matters.
    package var meaning: String { texts.meaning }

    /// What to do, where nothing more exact can be said.
    package var remedy: String { texts.remedy }

    private var texts: (meaning: String, remedy: String) {
        switch self {
        case .configBroken, .configWrongEnding, .configWrongType, .configMisspeltKey, .configDuplicateName,
            .configShadowed, .configVersion, .pluginMissing, .pluginNotExecutable, .pluginShadowed, .pluginForeign:
            configurationTexts
        case .kernelNoPacketFilter, .kernelNoVLANs, .kernelNoLinks, .kernelNoShortcut, .forwardingOff, .ipv6Disabled,
            .strictReversePath, .bridgeFilterOff, .bridgeFilterDrops, .trackingFull:
            kernelTexts
        case .forwardDropped, .tablesMixed, .rulesMissing, .rulesStale, .chainsStale, .reloadUnhooked: filterTexts
        case .masterMissing, .bridgeWrongKind, .bridgeDown, .gatewayMissing, .foreignAddress, .portMissing,
            .portDetached, .portDown, .shortcutMissing, .pathHole, .uplinkNarrow, .overlayNarrow, .linkStale,
            .shaperStale, .macPolicy, .managerInterferes:
            linkTexts
        case .switchDaemonAway, .switchDaemonUnready, .switchPortLost: switchTexts
        case .poolExhausted, .poolNearlyFull, .poolOverlap, .poolOnHost, .leaseDuplicate, .leaseDead, .leaseDamaged,
            .storeReadOnly, .storeFull, .storeRemote, .storeVolatile, .recordStale, .cacheStale:
            addressTexts
        }
    }

    private var configurationTexts: (meaning: String, remedy: String) {
        switch self {
        case .configBroken: ("no runtime can use the file", "correct the file at the place that is named")
        case .configWrongEnding:
            (
                "runtimes read a list from .conflist and one plugin from .conf; this file is refused",
                "rename the file to the ending that fits its content"
            )
        case .configWrongType: ("the plugin refuses the value", "write a value of the type that is named")
        case .configMisspeltKey: ("plugins ignore keys they do not know", "spell the key as it is documented")
        case .configDuplicateName:
            (
                "only the first file of a name is used; both write the same lease directory",
                "give one of the networks another name, or remove its file"
            )
        case .configShadowed:
            (
                "Kubernetes runtimes use the first file only, whatever stands in the others",
                "remove the file that comes first, or rename the one that is meant so that it sorts first"
            )
        case .configVersion:
            ("the plugin refuses every call in this version", "write a cniVersion that all plugins of the list speak")
        case .pluginMissing: ("no container can join the network", "install the plugin into a directory of CNI_PATH")
        case .pluginNotExecutable: ("runtimes cannot start the plugin", "chmod 755 the file")
        case .pluginShadowed:
            (
                "runtimes take the first plugin of a name in CNI_PATH, which is another implementation",
                "remove the first file, or put the other directory first in the runtime's configuration"
            )
        default:
            (
                "of one list, some plugins are Culvert's and some are not; each works, but only Culvert's keep records",
                "install Culvert's in its place (make install, or package culvert-cni), or leave it so on purpose"
            )
        }
    }

    private var kernelTexts: (meaning: String, remedy: String) {
        switch self {
        case .kernelNoPacketFilter:
            ("nothing is masqueraded, published or kept apart", "load nf_tables, or use a kernel with CONFIG_NF_TABLES")
        case .kernelNoVLANs:
            (
                "keys vlan and vlanTrunk are refused",
                "use a kernel with CONFIG_BRIDGE_VLAN_FILTERING, have programs keep VLANs with fastPath, or drop the keys"
            )
        case .kernelNoLinks:
            ("the plugin refuses to make its interface", "load the module, or use a kernel with the option")
        case .kernelNoShortcut:
            ("the key fastPath does nothing: the bridge takes every frame", "use a kernel that has it, or drop the key")
        case .forwardingOff:
            ("containers reach the host and nothing beyond", "sysctl -w net.ipv4.ip_forward=1, and keep it in sysctl.d")
        case .ipv6Disabled:
            ("no container gets its IPv6 address", "sysctl -w net.ipv6.conf.default.disable_ipv6=0 and of the bridge")
        case .strictReversePath:
            (
                "answers that come in by another uplink than the one they would leave by are dropped",
                "sysctl -w net.ipv4.conf.all.rp_filter=2"
            )
        case .bridgeFilterOff:
            (
                "services of Kubernetes fail between pods of one node",
                "modprobe br_netfilter; sysctl -w net.bridge.bridge-nf-call-iptables=1"
            )
        case .bridgeFilterDrops:
            (
                "frames between containers of one bridge go through the host's packet filter, which drops them",
                "sysctl -w net.bridge.bridge-nf-call-iptables=0, or accept them in the chain that is named"
            )
        default:
            ("new connections are dropped at random", "sysctl -w net.netfilter.nf_conntrack_max to twice the value")
        }
    }

    private var filterTexts: (meaning: String, remedy: String) {
        switch self {
        case .forwardDropped:
            (
                "a chain of somebody else drops what nobody accepts, so that containers reach nothing beyond the host",
                "accept the network's subnets in that chain, or put plugin firewall with its backend into the list"
            )
        case .tablesMixed:
            (
                "iptables-legacy and nf_tables both have rules; each hides its own from the other's tools",
                "move the rules over, then remove those of iptables-legacy: "
                    + "iptables-legacy -F; iptables-legacy -t nat -F"
            )
        case .rulesMissing:
            ("published ports, masquerading or policies of running containers do not work", "culvert reload")
        case .rulesStale:
            (
                "rules of containers that are gone may catch packets of new ones",
                "find the rule's handle with nft -a list chain, then nft delete rule"
            )
        case .chainsStale:
            ("chains of containers that are gone may catch packets of new ones", "remove the chain and its jump")
        default:
            (
                "a restart or reload of the firewall takes rules of running containers away, and nobody puts them back",
                "install the units of conf/systemd, see docs/reload.md"
            )
        }
    }

    private var linkTexts: (meaning: String, remedy: String) {
        switch self {
        case .masterMissing: ("no container can join the network", "make the link, or name another as master")
        case .bridgeWrongKind:
            ("no container can join the network", "rename or remove that link, or name another bridge")
        case .bridgeDown: ("nothing passes the bridge", "ip link set BRIDGE up")
        case .gatewayMissing:
            (
                "containers send what is for beyond to an address that nobody has",
                "ip address add GATEWAY dev BRIDGE"
            )
        case .foreignAddress:
            (
                "ADD is refused with code 102, or the host answers at an address that no network gave it",
                "ip address del ADDRESS dev BRIDGE if nobody needs it"
            )
        case .portMissing: ("the container is cut off", "start the container anew")
        case .portDetached: ("the container is cut off", "culvert reconcile, or ip link set PORT master BRIDGE")
        case .portDown: ("the container is cut off", "ip link set PORT up")
        case .shortcutMissing:
            ("frames of the container go through the bridge, which takes longer", "culvert reconcile")
        case .pathHole:
            (
                "frames larger than the smaller MTU vanish without an error",
                "give all ports of the bridge and the bridge one MTU"
            )
        case .uplinkNarrow:
            (
                "large packets arrive only if ICMP tells their sender what fits; firewalls like to drop that",
                "set the key mtu to that of the uplink"
            )
        case .overlayNarrow:
            ("large packets do not fit once they are wrapped", "lower the overlay's MTU by what it adds to each packet")
        case .linkStale: ("an ADD that was killed left it", "ip link del LINK")
        case .shaperStale: ("it is of no use: its container is gone", "ip link del LINK")
        case .macPolicy:
            (
                "udev gives new links another MAC address than their plugin; neighbours remember the wrong one",
                "add a .link file for veth and bridges with MACAddressPolicy=none that sorts before"
            )
        default:
            (
                "NetworkManager takes addresses off bridges and brings links down",
                "tell it in /etc/NetworkManager/conf.d to leave them unmanaged, and reload it"
            )
        }
    }

    private var switchTexts: (meaning: String, remedy: String) {
        switch self {
        case .switchDaemonAway:
            ("what containers of the switch send goes nowhere, and nobody can join", "systemctl start culvert-switchd")
        case .switchDaemonUnready:
            ("who wants to join is refused with code 11", "systemctl start culvert-switchd")
        default: ("the container is cut off", "culvert reconcile, or what the reason asks for")
        }
    }

    private var addressTexts: (meaning: String, remedy: String) {
        switch self {
        case .poolExhausted:
            (
                "no further container gets an address",
                "ipam gc --yes frees those of the dead; else a larger range, or another one"
            )
        case .poolNearlyFull: ("soon no container gets an address", "ipam usage; enlarge the range")
        case .poolOverlap:
            ("two containers may get one address, or packets go to the wrong bridge", "change one subnet")
        case .poolOnHost: ("the host sends the containers' packets elsewhere", "change the pool, or remove the route")
        case .leaseDuplicate: ("two containers have one address", "ipam check says which; start one of them anew")
        case .leaseDead: ("addresses of containers that are gone are missing from the pool", "ipam gc --yes")
        case .leaseDamaged: ("leases and files do not agree", "ipam check says what to do about each")
        case .storeReadOnly: ("no address can be given, none is given back", "mount -o remount,rw the file system")
        case .storeFull: ("no address can be given", "make room on the file system")
        case .storeRemote:
            ("locks of network file systems are not to be relied on: addresses are given twice", "use a local dataDir")
        case .storeVolatile:
            (
                "sticky addresses are forgotten at every reboot",
                "let CULVERT_STATE_DIR of the runtime name a directory that outlives a reboot"
            )
        case .recordStale: ("its container is gone without a DEL, what it had may be left", "culvert gc --yes")
        default: ("a runtime remembers a container that is gone", "have the runtime remove it, or remove the file")
        }
    }
}
