// SPDX-License-Identifier: Apache-2.0
import Bandwidth
import Bridge
import DHCPLeasing
import Dummy
import Firewall
import HostDevice
import HostLocal
import IPVLAN
import Linux
import Loopback
import MACVLAN
import PTP
import Plugin
import PortMap
import SBR
import Static
import Tap
import Tuning
import VLAN
import VRF
import VSwitch

// A daemon is no plugin, but it is started by the name of one.
if let status = DHCPDaemonStart.run(Machine.arguments) { Machine.exit(status) }

// Every plugin is this one file under another name: which one, the base name of argv[0] or the first argument says.
Machine.exit(
    PluginCall.run(
        Machine.arguments,
        among: [
            hostDevice,
            bandwidth, bridge, dhcp, dummy, firewall, hostLocal, ipvlan, loopback, macvlan, portmap, ptp, sbr,
            staticAddresses, tap, tuning, vlan, vrf, vswitch,
        ]
    )
)
