# SPDX-License-Identifier: Apache-2.0
"""Comparison cases about plugins that give a container an interface of another kind than a bridge's."""
from __future__ import annotations

from typing import Any

from cases import LIFE, OLD_LIFE, Case, change
from runtime import host_local, network

DUAL = ("10.77.0.0/24", "fd77::/64")
WIRE = """
    ip link add wire type veth peer name far
    ip link set wire up
    ip link set far up
    until ip link show far | grep -q "state UP"; do :; done
"""
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "192.0.2.0/24", "gw": "10.77.0.9"}]
#: Every way to say DEL that the reference survives.
LONG_LIFE = (*LIFE, "ADD c1", "DEL c1 forgetful", "ADD c1", "DEL c1")


def case(name: str, kind: str, *, version: str = "1.0.0", ipam: Any = None, steps: tuple[str, ...] = (),
         **members: Any) -> Case:
    """A case of one plugin, on a host with a wire."""
    entry = {"type": kind, "ipam": host_local(*DUAL) if ipam is None else ipam, **members}
    wanted = steps or (LIFE if version in ("0.4.0", "1.0.0") else OLD_LIFE)
    return Case(f"{kind}: {name}", network(entry, version=version), wanted, prepare=WIRE)


def refused(name: str, kind: str, *says: str, **members: Any) -> Case:
    """A case whose ADD fails on both sides."""
    return change(case(name, kind, steps=("ADD c1", "DEL c1"), **members), fails=True, says=says)


def announced(each: Case) -> Case:
    """The case with the difference that addresses are announced by IPv6 as well, if there are any."""
    return each if each.fails or not each.network["plugins"][0]["ipam"] else change(each, differences=("D43",))


PTP = [
    *(case(f"plain {version}", "ptp", version=version) for version in ("0.2.0", "0.3.1", "0.4.0", "1.0.0")),
    case("IPv4 only", "ptp", ipam=host_local("10.77.0.0/24"), steps=LONG_LIFE),
    case("routes, MTU and names", "ptp", mtu=1400, dns={"nameservers": ["192.0.2.53"]},
         ipam=host_local(*DUAL, routes=ROUTES[:2])),
    case("two addresses of one family", "ptp", ipam=host_local("10.77.0.0/24", "10.78.0.0/24")),
    case("two containers", "ptp", steps=("ADD c1", "ADD c2", "CHECK c1", "CHECK c2", "DEL c1", "CHECK c2", "DEL c2")),
    refused("a type that is none", "ptp", ipam={"type": "no-such-ipam"}),
]
PTP = [each if each.fails else change(each, differences=("D40", "D42")) for each in PTP]
MACVLAN = [
    *(case(f"plain {version}", "macvlan", version=version, master="wire") for version in ("0.3.1", "0.4.0", "1.0.0")),
    *(case(f"mode {mode}", "macvlan", master="wire", mode=mode, ipam=host_local("10.77.0.0/24"))
      for mode in ("private", "vepa", "passthru")),
    case("every way out", "macvlan", master="wire", steps=LONG_LIFE),
    case("routes and MTU", "macvlan", master="wire", mtu=1400, ipam=host_local(*DUAL, routes=ROUTES)),
    case("MAC", "macvlan", master="wire", mac="02:00:00:00:00:07"),
    case("frames only", "macvlan", master="wire", ipam={}),
    change(case("master of the default route", "macvlan"),
           prepare=f"{WIRE} ip addr add 192.0.2.1/24 dev wire; ip route add default via 192.0.2.2"),
    refused("no such master", "macvlan", "link", master="nowhere"),
    refused("no such mode", "macvlan", "sideways", master="wire", mode="sideways"),
    refused("MTU beyond the master's", "macvlan", "1500", master="wire", mtu=9000),
]
MACVLAN = [announced(each) for each in MACVLAN]
VLAN = [
    case("MTU, routes", "vlan", master="wire", vlanId=4094, mtu=1400, ipam=host_local(*DUAL, routes=ROUTES)),
]
IPVLAN = [
    case("MTU, routes", "ipvlan", master="wire", mode="l3s", mtu=1400,
         ipam=host_local(*DUAL, routes=ROUTES)),
]
IPVLAN = [announced(each) for each in IPVLAN]
#: What sysfs would say of a card of which `wire` is a link; this machine need not have one.
CARD = """
    mount -t tmpfs tmpfs /sys/devices
    mount -t tmpfs tmpfs /sys/bus
    mkdir -p /sys/devices/pci0000:00/0000:03:00.1/net/wire /sys/bus/pci/devices /sys/bus/pci/drivers/mlx5_core
    ln -s /sys/devices/pci0000:00/0000:03:00.1 /sys/bus/pci/devices
    ln -s /sys/bus/pci/drivers/mlx5_core /sys/devices/pci0000:00/0000:03:00.1/driver
"""
HOST_DEVICE = [
    *(case(f"plain {version}", "host-device", version=version, device="wire")
      for version in ("0.2.0", "0.3.1", "0.4.0", "1.0.0")),
    case("forgetful", "host-device", device="wire",
         steps=("ADD c1", "CHECK c1", "DEL c1 forgetful", "ADD c1", "DEL c1", "DEL c1")),
    case("routes and names", "host-device", device="wire", ipam=host_local(*DUAL, routes=ROUTES)),
    case("frames only", "host-device", device="wire", ipam={}),
    change(case("by hwaddr", "host-device", hwaddr="02:00:00:00:00:11"),
           prepare=f"{WIRE} ip link set wire address 02:00:00:00:00:11"),
    change(case("by kernelpath", "host-device", kernelpath="/sys/devices/pci0000:00/0000:03:00.1"),
           prepare=WIRE + CARD),
    change(case("by pciBusID", "host-device", pciBusID="0000:03:00.1"), prepare=WIRE + CARD),
    change(case("by deviceID", "host-device", pciBusID="0000:03:00.0", capabilities={"deviceID": True}),
           prepare=WIRE + CARD, capabilities={"deviceID": "0000:03:00.1"}),
    refused("no such device", "host-device", device="nowhere"),
    refused("nothing named", "host-device"),
]
HOST_DEVICE = [each if each.fails else change(each, differences=("D44", "D45")) for each in HOST_DEVICE]
#: What every kernel here has: compared with all others. The rest may need a guest, which is slow.
CASES = [*PTP, *MACVLAN, *HOST_DEVICE]
GUEST_CASES = {"vlan": VLAN, "ipvlan": IPVLAN}
