// SPDX-License-Identifier: Apache-2.0
import Bandwidth
import Bridge
import Firewall
import HostLocal
import Linux
import Loopback
import Plugin
import PortMap
import SBR
import Static
import Tuning

// Every plugin is this one file under another name: which one, the base name of argv[0] or the first argument says.
Machine.exit(
    PluginCall.run(
        Machine.arguments,
        among: [bandwidth, bridge, firewall, hostLocal, loopback, portmap, sbr, staticAddresses, tuning]
    )
)
