# SPDX-License-Identifier: Apache-2.0
"""VLANs kept by programs at the ports, on a kernel whose bridges cannot tell them apart."""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import guest
from faults import KILLED, Bench, Point, thinned, try_all
from host import Container, Host
from implementations import Implementation
from kernel_state import left_behind
from operator_tool import Operator
from runtime import Network, Runtime, bridge, host_local, network, valid_attachments
from shortcut import KEY, counter, filters_frames, host_end
from test_fast_path import FEW, Pair, Stream, address, joined
from test_killed import killed_add, killed_delete
from vlan_frames import Port, access, exchange

pytestmark = [
    pytest.mark.needs_culvert,
    pytest.mark.skipif(guest.filters_vlans(), reason="this kernel's bridges tell VLANs apart: see test_vlan.py"),
]

DUAL = host_local("10.77.0.0/24", "fd77::/64")
ALL = frozenset(range(1, 4095))
#: Says which links have which programs of ours as filters, how many ports are known, and who is on which bridge.
EYE = """
import json, subprocess
def run(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout
ports = {}
for link in json.loads(run("ip", "-d", "-j", "link", "show", "type", "veth") or "[]"):
    if link.get("master"):
        ways = [way for way in ("ingress", "egress") if "culvert" in run("tc", "filter", "show", "dev", link["ifname"], way)]
        ports[link["ifname"]] = {"is_up": "UP" in link["flags"], "ways": ways}
print(json.dumps(ports))
"""


def in_vlan(name: str, ipam: Any = DUAL, **members: Any) -> Network:
    """A network of a VLAN on the one bridge."""
    return network(bridge(ipam, **KEY, **members), name=name, version="1.1.0")


def plain(name: str = "plain", **members: Any) -> Network:
    """One without a VLAN, and without the key."""
    return network(bridge(DUAL, **members), name=name, version="1.1.0")


def guards(host: Host) -> dict[str, dict[str, Any]]:
    """The bridge's ports of pairs: whether they are up, and where programs of ours are."""
    return json.loads(host.must(f"/usr/bin/python3 -c '{EYE}'"))


def known(host: Host) -> int:
    """How many ports are known to programs that keep VLANs."""
    count = "for map in /sys/fs/bpf/culvert/*/guards; do [ ! -e $map ] || bpftool -j map dump pinned $map; done"
    return sum(len(json.loads(line)) for line in host.must(count).splitlines() if line)


def unguarded(host: Host) -> list[str]:
    """Ports of containers that may send and that nothing keeps to a VLAN."""
    return [name for name, port in guards(host).items() if port["is_up"] and port["ways"] != ["ingress", "egress"]]


def answers(host: Host, container: Container, *addresses: str, seconds: int = 2) -> list[str]:
    """Which addresses answer a ping."""
    asked = [f"( ping -nqc1 -w{seconds} {one} >/dev/null && echo {one} ) &" for one in addresses]
    came = host.must(" ".join([*asked, "wait"]), netns=container.netns).split()
    return [one for one in addresses if one in came]


def test_frames_of_every_kind(host: Host, ours: Implementation) -> None:
    """A frame of any tags, from any port, arrives where IEEE 802.1Q says and as it says, and nowhere else."""
    host.must("ip link add cni0 type bridge && ip link set cni0 up && ip link add up0 type veth peer name up1 && "
              "ip link set up0 master cni0 && ip link set up0 up && ip link set up1 up")
    # One that was there before anybody knew of VLANs.
    early = Runtime(host, ours, plain("early"))
    joined(early, "early")
    networks = {
        "a": {"vlan": 100}, "b": {"vlan": 100}, "c": {"vlan": 200}, "n": {"vlan": 7},
        "t": {"vlan": 7, "vlanTrunk": [{"minID": 100, "maxID": 101}]},
        "u": {"vlanTrunk": [{"id": 200}]},
        "k": {"vlan": 100, "preserveDefaultVlan": True},
        "w": {"vlan": 4094, "vlanTrunk": [{"minID": 1, "maxID": 4094}]},
    }
    for container in host.add_containers(list(networks)):
        added = Runtime(host, ours, in_vlan(f"net-{container.id}", **networks[container.id])).add(container)
        assert added.ok, added
    joined(Runtime(host, ours, plain("late")), "late")
    ports = {
        "a": access("a", 100), "b": access("b", 100), "c": access("c", 200), "n": access("n", 7),
        "t": Port("/run/netns/t", "eth0", 7, frozenset((7, 100, 101)), frozenset((7,))),
        "u": Port("/run/netns/u", "eth0", 1, frozenset((1, 200)), frozenset((1,))),
        "k": access("k", 100, 1),
        "w": Port("/run/netns/w", "eth0", 4094, ALL, frozenset((4094,))),
        "early": access("early", 1), "late": access("late", 1),
        "uplink": Port(None, "up1", 0, ALL, frozenset(), is_uplink=True),
    }
    assert unguarded(host) == ["up0"]
    assert exchange(host, ports) == {}
