# SPDX-License-Identifier: Apache-2.0
"""Comparison cases about addresses, leases, loopback and the protocol itself."""
from __future__ import annotations

from typing import Any

from cases import Case, change, life, plain, refused
from runtime import bridge, host_local, network

LEASES_OF_NET = "/var/lib/cni/networks/net"


def ranges(*sets: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    """A host-local object with the given range sets."""
    return {"type": "host-local", "ranges": list(sets), **members}


def alone(name: str, version: str = "1.0.0", *, ipam: dict[str, Any] | None = None, **fields: Any) -> Case:
    """A case that calls host-local itself, without a bridge."""
    listed = network({"type": "host-local", "ipam": ipam or host_local("10.77.0.0/24")}, version=version)
    return Case(name, listed, fields.pop("steps", life(version)), **fields)


def loopback(name: str, version: str, **fields: Any) -> Case:
    """A case of the loopback plugin."""
    return Case(name, network({"type": "loopback"}, version=version), fields.pop("steps", life(version)), **fields)


def fails(name: str, ipam: dict[str, Any], *says: str, **fields: Any) -> Case:
    """A case whose addresses host-local refuses."""
    return alone(name, ipam=ipam, steps=("ADD c1",), says=says, fails=True, **fields)


SMALL = [{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.10", "rangeEnd": "10.77.0.11"}]
ONE = [{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.10", "rangeEnd": "10.77.0.10"}]
IPS = {"ips": True}

CASES: list[Case] = [
    *(alone(f"host-local {version}", version) for version in ("0.1.0", "0.2.0", "0.3.1", "0.4.0", "1.0.0")),
    alone("host-local, both families 0.2.0", "0.2.0", ipam=host_local("10.77.0.0/24", "fd77::/64")),
    alone("host-local, both families", ipam=host_local("10.77.0.0/24", "fd77::/64", routes=[{"dst": "::/0"}])),
    alone("old form of the range", ipam={"type": "host-local", "subnet": "10.77.0.0/24", "rangeStart": "10.77.0.50",
                                         "rangeEnd": "10.77.0.60", "gateway": "10.77.0.254"}),
    alone("old and new form together", ipam={"subnet": "10.78.0.0/24", **host_local("10.77.0.0/24")}),
    alone("range with ends", ipam=ranges(SMALL)),
    alone("gateway inside the range", ipam=ranges([{"subnet": "10.77.0.0/24", "gateway": "10.77.0.2"}])),
    alone("gateway outside the subnet", ipam=ranges([{"subnet": "10.77.0.0/24", "gateway": "10.99.0.1"}])),
    alone("smallest subnet", ipam=host_local("10.77.0.0/30")),
    alone("smallest IPv6 subnet", ipam=host_local("fd77::/126")),
    alone("odd IPv6 text", ipam=ranges([{"subnet": "fd77:0:0:0:0:0:0:0/64", "rangeStart": "FD77::A:0:1"}])),
    alone("second subnet when the first is full", ipam=ranges([*ONE, {"subnet": "10.78.0.0/24"}]),
          steps=("ADD c1", "ADD c2", "ADD c3", "DEL c1", "DEL c2", "DEL c3")),
    alone("next address, not the same again", steps=("ADD c1", "DEL c1", "ADD c2", "DEL c2", "ADD c3")),
    alone("wrap around", ipam=ranges(SMALL), steps=("ADD c1", "ADD c2", "DEL c1", "ADD c3", "CHECK c3")),
    alone("other directory", ipam=host_local("10.77.0.0/24", dataDir="/run/leases"), leases="/run/leases"),
    alone("two interfaces of one container", steps=("ADD c1", "ADD c1 second", "DEL c1", "CHECK c1 second")),
    alone("exhausted", ipam=ranges(ONE), steps=("ADD c1", "ADD c2", "DEL c2", "DEL c1")),
    alone("exhausted in the second range set", ipam=ranges([{"subnet": "fd77::/64"}], ONE),
          steps=("ADD c1", "ADD c2", "DEL c2", "DEL c1")),
    alone("after the container died without DEL", steps=("ADD c1", "ADD c1", "DEL c1"), differences=("D11",)),
    alone("empty lease file", ipam=ranges(ONE), steps=("ADD c1", "DEL c1"), differences=("D12",),
          prepare=f"mkdir -p {LEASES_OF_NET} && touch {LEASES_OF_NET}/10.77.0.10"),
    alone("lease of an old release", ipam=ranges(SMALL), steps=("DEL c1", "ADD c2"),
          prepare=f"mkdir -p {LEASES_OF_NET} && printf c1 > {LEASES_OF_NET}/10.77.0.10"),
    alone("foreign files in the directory", steps=("ADD c1", "CHECK c1", "DEL c1"),
          prepare="cd /var/lib/cni && mkdir -p networks/net/sub && cd networks/net; echo x > README; echo c1 > sub/f"),
    alone("last address is nonsense", steps=("ADD c1", "DEL c1"),
          prepare=f"mkdir -p {LEASES_OF_NET} && echo nonsense > {LEASES_OF_NET}/last_reserved_ip.0"),
    alone("last address from another subnet", steps=("ADD c1", "DEL c1"),
          prepare=f"mkdir -p {LEASES_OF_NET} && printf 192.0.2.9 > {LEASES_OF_NET}/last_reserved_ip.0"),
    alone("CHECK without a lease", steps=("CHECK c1",), fails=True, says=("failed to find address",)),
    change(alone("DEL of a configuration without ranges"), steps=("ADD c1", "FORGET RANGES", "DEL c1"),
           differences=("D17",)),
    # Requested addresses
    alone("address in CNI_ARGS", args="IP=10.77.0.66"),
    alone("address in CNI_ARGS with a prefix", args="IP=10.77.0.66/24"),
    alone("two addresses in CNI_ARGS", ipam=host_local("10.77.0.0/24", "fd77::/64"), args="IP=10.77.0.66,fd77::66",
          steps=("ADD c1", "DEL c1"), differences=("D15",)),
    alone("Kubernetes' arguments", args="IgnoreUnknown=1;K8S_POD_NAMESPACE=a;K8S_POD_NAME=b"),
    alone("unknown argument", args="FOO=1", steps=("ADD c1",), fails=True, says=("unknown args", "FOO=1")),
    alone("argument without a value", args="IgnoreUnknown=1;FOO", steps=("ADD c1",), fails=True,
          says=("invalid pair",)),
    alone("argument with two equals signs", args="IgnoreUnknown=1;A=b=c", steps=("ADD c1",), differences=("D33",)),
    change(plain("address as a capability", capabilities=IPS), capabilities={"ips": ["10.77.0.44"]}),
    change(plain("address with a prefix as a capability", capabilities=IPS), capabilities={"ips": ["10.77.0.44/24"]}),
    change(plain("addresses of both families as a capability", ipam=host_local("10.77.0.0/24", "fd77::/64"),
                 capabilities=IPS), capabilities={"ips": ["fd77::44", "10.77.0.44"]}),
    change(refused("requested address outside", "failed to allocate all requested IPs", capabilities=IPS),
           capabilities={"ips": ["192.0.2.1"]}, differences=("D08", "D34")),
    change(refused("requested address is the gateway", "gateway", capabilities=IPS),
           capabilities={"ips": ["10.77.0.1"]}, differences=("D08",)),
    alone("requested address is taken", args="IP=10.77.0.9", steps=("ADD c1", "ADD c2", "DEL c2", "DEL c1")),
    plain("address in args", args={"cni": {"ips": ["10.77.0.55"]}}),
    change(plain("ranges as a capability", capabilities={"ipRanges": True}),
           capabilities={"ipRanges": [[{"subnet": "10.99.0.0/24", "rangeStart": "10.99.0.7"}]]}),
    change(plain("ranges as containerd writes them", capabilities={"ipRanges": True}),
           capabilities={"ipRanges": [{"Subnet": "10.99.0.0/24", "RangeStart": "10.99.0.7"}]}, differences=("D16",)),
    # Refused ranges
    fails("no ranges", {"type": "host-local"}, "no IP ranges specified"),
    fails("empty range set", ranges([]), "empty range set"),
    fails("host bits in the subnet", host_local("10.77.0.1/24"), "host bits set"),
    fails("subnet too small", host_local("10.77.0.0/31"), "too small to allocate from"),
    fails("start outside", ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.78.0.1"}]), "not in network"),
    fails("end outside", ranges([{"subnet": "10.77.0.0/24", "rangeEnd": "10.78.0.1"}]), "not in network"),
    fails("end before start", ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.9", "rangeEnd": "10.77.0.2"}])),
    fails("families mixed", ranges([{"subnet": "10.77.0.0/24"}, {"subnet": "fd77::/64"}]), "mixed address families"),
    fails("overlap inside a set", ranges([{"subnet": "10.77.0.0/24"}, {"subnet": "10.77.0.0/25"}]), "overlap"),
    fails("overlap between sets", host_local("10.77.0.0/24", "10.77.0.0/24"), "overlaps"),
    change(fails("two addresses of a family for an old version", host_local("10.77.0.0/24", "10.78.0.0/24")),
           network=network({"type": "host-local", "ipam": host_local("10.77.0.0/24", "10.78.0.0/24")},
                           version="0.2.0")),
    # Loopback
    loopback("loopback 0.2.0", "0.2.0", differences=("D35",)),
    loopback("loopback 0.3.1", "0.3.1", differences=("D13",)),
    loopback("loopback 0.4.0", "0.4.0", differences=("D13",)),
    loopback("loopback", "1.0.0", ifname="lo"),
    loopback("loopback is up already", "1.0.0", inside="ip link set lo up"),
    loopback("loopback after the namespace died", "1.0.0", steps=("ADD c1", "DIE c1", "DEL c1")),
    Case("loopback behind a bridge", network(bridge(), {"type": "loopback"})),
    # The protocol
    Case("VERSION", steps=("VERSION",), differences=("D19",)),
    Case("no command", steps=("BARE",), differences=("D20",)),
    Case("config of 1.1.0", network(bridge(), version="1.1.0"), ("ADD c1", "DEL c1"), differences=("D21",)),
    Case("unknown version", network(bridge(), version="9.9.9"), ("ADD c1",), fails=True, says=("incompatible CNI",)),
    Case("CHECK for an old version", network(bridge(), version="0.3.1"), ("ADD c1", "CHECK c1", "DEL c1")),
    Case("not JSON", steps=("ADD c1",), stdin="{", fails=True),
    Case("nothing on stdin", steps=("ADD c1",), stdin="", fails=True),
    Case("no network name", network(bridge(), name=""), ("ADD c1",), fails=True, says=("missing network name",)),
    Case("bad network name", network(bridge(), name="a/b"), ("ADD c1",), fails=True, says=("network name",)),
    Case("bad container id", steps=("ADD c1",), env={"CNI_CONTAINERID": "-x"}, fails=True),
    Case("bad interface name", steps=("ADD c1",), ifname="a/b", fails=True),
    Case("long interface name", steps=("ADD c1",), ifname="x" * 16, fails=True),
    Case("unknown command", steps=("ADD c1",), env={"CNI_COMMAND": "JUMP"}, fails=True,
         says=("unknown CNI_COMMAND: JUMP",)),
    Case("no namespace for ADD", steps=("ADD c1",), env={"CNI_NETNS": None}, fails=True, says=("CNI_NETNS",)),
    Case("no interface name and no container id", steps=("ADD c1",), env={"CNI_IFNAME": None, "CNI_CONTAINERID": None},
         fails=True, says=("required env variables", "CNI_CONTAINERID", "CNI_IFNAME")),
    Case("namespace does not exist", steps=("ADD c1",), env={"CNI_NETNS": "/run/netns/none"}, fails=True),
]
