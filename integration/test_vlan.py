# SPDX-License-Identifier: Apache-2.0
"""Bridges that tell VLANs apart; on a kernel without them all of this runs in a guest, see guest.py."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from faults import KILLED, points_in
from host import Container, Host, Outcome, new_host
from implementations import Implementation
from kernel_state import lease_files, left_behind, link_names
from runtime import Runtime, bridge, host_local, network, valid_attachments

pytestmark = [pytest.mark.needs_culvert, pytest.mark.needs_vlans]

DUAL = host_local("10.77.0.0/24", "fd77::/64")
GATEWAYS = ("10.77.0.1", "fd77::1")
VLAN_GATEWAY = bridge(DUAL, vlan=100, isGateway=True)
ALL = range(1, 4095)
Vlans = dict[int, str]


@dataclasses.dataclass(frozen=True)
class Scene:
    """The host's links and VLANs, read at once: in a guest every program that is started takes its time."""

    links: dict[str, dict[str, Any]]
    #: Of every port and bridge: `native` both ways, `untagged` on the way out only, or `tagged`.
    vlans: dict[str, Vlans]
    #: accept_ra of the links that have it.
    advertisements: dict[str, str]

    def gateway_port(self, bridge_name: str = "cni0") -> str:
        """The bridge's port whose other end is the gateway of VLAN 100."""
        gateway = f"{bridge_name}.100"
        peer = self.links[gateway]["link"]
        assert self.links[peer]["link"] == gateway and self.links[peer].get("master") == bridge_name
        return peer

    def assert_gateway_is_complete(self, bridge_name: str = "cni0") -> None:
        """Nothing is missing of the gateway of VLAN 100."""
        gateway, port = f"{bridge_name}.100", self.gateway_port(bridge_name)
        assert self.vlans[port] == {100: "native"}
        assert [name for name in (gateway, port) if "LOWER_UP" not in self.links[name]["flags"]] == []
        assert self.addresses(gateway) == sorted(GATEWAYS)
        assert self.advertisements[gateway] == "0"

    def addresses(self, name: str) -> list[str]:
        """The addresses of a link, without those that the kernel gives to any."""
        return sorted(entry["local"] for entry in self.links[name]["addr_info"] if entry["scope"] == "global")


def look(host: Host) -> Scene:
    """What the host looks like."""
    read = "ip -d -j address show; echo -; bridge -j vlan show; echo -; grep -H . /proc/sys/net/ipv6/conf/*/accept_ra"
    links, memberships, settings = host.must(read).split("-\n")
    found: dict[str, Vlans] = {}
    for port in json.loads(memberships.strip() or "[]"):
        found[port["ifname"]] = {}
        for entry in port["vlans"]:
            flags, last = entry.get("flags", []), entry.get("vlanEnd", entry["vlan"])
            kind = "native" if "PVID" in flags else "untagged" if flags else "tagged"
            found[port["ifname"]] |= dict.fromkeys(range(entry["vlan"], last + 1), kind)
    files = dict(line.split(":") for line in settings.split())
    return Scene({entry["ifname"]: entry for entry in json.loads(links) if entry}, found,
                 {name.split("/")[-2]: value for name, value in files.items()})


def host_end(outcome: Outcome) -> str:
    """The port that an ADD made."""
    return outcome.result()["interfaces"][1]["name"]


def answers(host: Host, container: Container, addresses: Sequence[str]) -> list[str]:
    """Which addresses answer a ping from the container within two seconds; all are asked at once."""
    asked = [f"( ping -n -q -c 1 -w 2 {address} >/dev/null && echo {address} ) &" for address in addresses]
    came = host.must(" ".join([*asked, "wait"]), netns=container.netns).split()
    return [address for address in addresses if address in came]


def address_of(outcome: Outcome) -> str:
    """The container's first address."""
    return outcome.result()["ips"][0]["address"].split("/")[0]


def assert_gateway_works(host: Host, container: Container) -> None:
    """The gateway of VLAN 100 is complete, and both of its addresses answer."""
    look(host).assert_gateway_is_complete()
    assert answers(host, container, GATEWAYS) == list(GATEWAYS)


def on_bridges(host: Host, ours: Implementation, entries: Sequence[dict[str, Any]]) -> list[tuple[Runtime, Container]]:
    """A network and a container for each entry, on bridges `br0`, `br1` and so on of one host."""
    containers = host.add_containers([f"c{number}" for number in range(len(entries))])
    return [
        (Runtime(host, ours, network({**entry, "bridge": f"br{number}"}, name=f"net{number}")), container)
        for number, (entry, container) in enumerate(zip(entries, containers))
    ]


PORTS: dict[str, tuple[dict[str, Any], Vlans]] = {
    "vlan": ({"vlan": 100}, {100: "native"}),
    "default VLAN as vlan": ({"vlan": 1}, {1: "native"}),
    "default VLAN kept": ({"vlan": 100, "preserveDefaultVlan": True}, {1: "untagged", 100: "native"}),
    "default VLAN not kept": ({"vlan": 100, "preserveDefaultVlan": False}, {100: "native"}),
    "trunk": ({"vlanTrunk": [{"id": 5}, {"minID": 10, "maxID": 12}, {"id": 20, "minID": 30, "maxID": 31}]},
              {1: "native", **dict.fromkeys((5, 10, 11, 12, 20, 30, 31), "tagged")}),
    "trunk with vlan": ({"vlan": 7, "vlanTrunk": [{"id": 5}, {"minID": 10, "maxID": 11}]},
                        {5: "tagged", 7: "native", 10: "tagged", 11: "tagged"}),
    "trunk with vlan, default VLAN kept": ({"vlan": 7, "vlanTrunk": [{"id": 5}], "preserveDefaultVlan": True},
                                           {1: "untagged", 5: "tagged", 7: "native"}),
    "trunk without vlan, default VLAN kept": ({"vlanTrunk": [{"id": 5}], "preserveDefaultVlan": True},
                                              {1: "native", 5: "tagged"}),
    "trunk in pieces that overlap": ({"vlan": 7, "vlanTrunk": [{"minID": 11, "maxID": 13}, {"id": 12}, {"id": 9},
                                                               {"id": 9}, {"minID": 10, "maxID": 11}]},
                                     {7: "native", **dict.fromkeys(range(9, 14), "tagged")}),
    "no trunk at all": ({"vlan": 8, "vlanTrunk": []}, {8: "native"}),
    "trunk around vlan": ({"vlan": 11, "vlanTrunk": [{"minID": 10, "maxID": 12}]},
                          {10: "tagged", 11: "native", 12: "tagged"}),
    "trunk with the default VLAN": ({"vlanTrunk": [{"minID": 1, "maxID": 2}]}, {1: "native", 2: "tagged"}),
    "trunk of everything": ({"vlan": 4094, "vlanTrunk": [{"minID": 1, "maxID": 4094}]},
                            {**dict.fromkeys(ALL, "tagged"), 4094: "native"}),
}


def test_ports(host: Host, ours: Implementation) -> None:
    """A container's port is in the VLANs that the network says; CHECK agrees, and DEL leaves only the bridge."""
    attachments = on_bridges(host, ours, [bridge(**members) for members, _ in PORTS.values()])
    ports = dict(zip(PORTS, [host_end(runtime.add(container)) for runtime, container in attachments]))
    scene = look(host)
    expected = {name: memberships for name, (_, memberships) in PORTS.items()}
    assert {name: scene.vlans[port] for name, port in ports.items()} == expected
    bridges = {f"br{number}": {1: "native"} for number in range(len(PORTS))}
    assert {name: scene.vlans[name] for name in bridges} == bridges
    assert {scene.links[name]["linkinfo"]["info_data"]["vlan_filtering"] for name in bridges} == {1}
    assert [container for runtime, container in attachments if not runtime.check(container).ok] == []
    assert [container for runtime, container in attachments if not runtime.delete(container).ok] == []
    assert look(host).vlans == bridges
    assert left_behind(host, bridges=list(bridges)) == {}


#: A bridge's default VLAN, what a network says, and what its port is in.
DEFAULTS: list[tuple[int, dict[str, Any], Vlans]] = [
    (77, {"vlan": 100}, {100: "native"}), (77, {"vlan": 77}, {77: "native"}),
    (77, {"vlanTrunk": [{"id": 5}]}, {1: "native", 5: "tagged"}),
    (77, {"vlan": 100, "preserveDefaultVlan": True}, {77: "untagged", 100: "native"}),
    (0, {"vlan": 100}, {100: "native"}), (0, {"vlan": 100, "preserveDefaultVlan": True}, {100: "native"}),
]


def test_other_default_vlan(host: Host, ours: Implementation) -> None:
    """A port leaves the default VLAN of the bridge as the administrator chose it, whatever its number."""
    host.must("ip -batch -", stdin="".join(
        f"link add br{number} type bridge vlan_filtering 1 vlan_default_pvid {vlan}\n"
        for number, (vlan, _, _) in enumerate(DEFAULTS)))
    attachments = on_bridges(host, ours, [bridge(**members) for _, members, _ in DEFAULTS])
    ports = [host_end(runtime.add(container)) for runtime, container in attachments]
    scene = look(host)
    assert [scene.vlans[port] for port in ports] == [expected for _, _, expected in DEFAULTS]


def test_gateway(host: Host, ours: Implementation) -> None:
    """The VLAN's gateway is on a pair of its own, which containers share, and which stays when they go."""
    runtime = Runtime(host, ours, network(VLAN_GATEWAY))
    first, second = host.add_containers(["c1", "c2"])
    added = runtime.add(first)
    result = added.result()
    assert [entry["name"] for entry in result["interfaces"]] == ["cni0", host_end(added), "eth0", "cni0.100"]
    scene = look(host)
    link = scene.links["cni0.100"]
    assert result["interfaces"][3] == {"name": "cni0.100", "mac": link["address"], "mtu": link["mtu"]}
    assert [entry["gateway"] for entry in result["ips"]] == list(GATEWAYS)
    assert {entry["interface"] for entry in result["ips"]} == {2}
    assert scene.addresses("cni0") == []
    assert_gateway_works(host, first)
    again = runtime.add(second)
    assert again.result()["interfaces"][3] == result["interfaces"][3]
    assert link_names(host) - set(scene.links) == {host_end(again)}
    assert answers(host, second, [address_of(added), *GATEWAYS]) == ["10.77.0.2", *GATEWAYS]
    pair = {"cni0.100", scene.gateway_port()}
    for container in (first, second):
        assert runtime.check(container).ok
        assert runtime.delete(container).ok
    assert left_behind(host, [first, second], bridges=["cni0", *pair]) == {}
    assert pair <= link_names(host)


#: The MTU of a bridge that is there, or 0; what a network says; the MTU and VLANs of its gateway.
GATEWAY_PAIRS: list[tuple[int, dict[str, Any], int, Vlans]] = [
    (0, {}, 1500, {100: "native"}), (0, {"mtu": 1400}, 1400, {100: "native"}),
    (1300, {}, 1300, {100: "native"}), (1300, {"mtu": 1400}, 1300, {100: "native"}),
    (0, {"preserveDefaultVlan": True}, 1500, {1: "untagged", 100: "native"}),
]


def test_gateway_is_as_the_bridge(host: Host, ours: Implementation) -> None:
    """The gateway's pair has the bridge's MTU, and its port keeps the default VLAN if the network's ports do."""
    host.must("ip -batch -", stdin="".join(
        f"link add br{number} mtu {mtu} type bridge vlan_filtering 1\n"
        for number, (mtu, _, _, _) in enumerate(GATEWAY_PAIRS) if mtu))
    entries = [bridge(vlan=100, isGateway=True, **members) for _, members, _, _ in GATEWAY_PAIRS]
    assert [container for runtime, container in on_bridges(host, ours, entries) if not runtime.add(container).ok] == []
    scene = look(host)
    for number, (_, members, mtu, expected) in enumerate(GATEWAY_PAIRS):
        port = scene.gateway_port(f"br{number}")
        assert [scene.links[name]["mtu"] for name in (f"br{number}.100", port)] == [mtu, mtu], members
        assert scene.vlans[port] == expected, members


def test_frames_only(host: Host, ours: Implementation) -> None:
    """Without addresses there is nothing to be a gateway for."""
    runtime, container = Runtime(host, ours, network(bridge({}, vlan=100, isGateway=True))), host.add_container("c1")
    added = runtime.add(container)
    assert [entry["name"] for entry in added.result()["interfaces"]] == ["cni0", host_end(added), "eth0"]
    assert look(host).vlans == {"cni0": {1: "native"}, host_end(added): {100: "native"}}
    assert runtime.check(container).ok
    assert runtime.delete(container).ok
    assert left_behind(host, [container]) == {}


def one_network(host: Host, ours: Implementation, number: int, **members: Any) -> Runtime:
    """A network of the bridge and subnet that all of them share, with addresses that no other one gives."""
    ipam = host_local("10.77.0.0/24")
    ipam["ranges"][0][0] |= {"rangeStart": f"10.77.0.{10 * number}", "rangeEnd": f"10.77.0.{10 * number + 9}"}
    return Runtime(host, ours, network(bridge(ipam, **members), name=f"net{number}"))


def test_who_reaches_whom(host: Host, ours: Implementation) -> None:
    """On one bridge and in one subnet, containers of a VLAN reach each other and nobody else."""
    in_100 = one_network(host, ours, 1, vlan=100)
    in_200 = one_network(host, ours, 2, vlan=200)
    in_none = one_network(host, ours, 3)
    homes = {"a1": in_100, "a2": in_100, "b1": in_200, "b2": in_200, "n1": in_none}
    containers = dict(zip(homes, host.add_containers(list(homes))))
    found = {name: address_of(runtime.add(containers[name])) for name, runtime in homes.items()}

    def asked(name: str) -> tuple[list[str], list[str]]:
        others = {other: address for other, address in found.items() if other != name}
        neighbours = [address for other, address in others.items() if homes[other] is homes[name]]
        return answers(host, containers[name], list(others.values())), neighbours

    askers = ("a1", "b1", "n1")
    with concurrent.futures.ThreadPoolExecutor(len(askers)) as together:
        for name, (reached, neighbours) in zip(askers, together.map(asked, askers)):
            assert reached == neighbours, name


def test_two_gateways(host: Host, ours: Implementation) -> None:
    """Each VLAN of a bridge has its own gateway, and the host routes between them."""
    subnets = {"c1": (100, "10.77.0.0/24"), "c2": (200, "10.78.0.0/24")}
    first, second = host.add_containers(list(subnets))
    found = {}
    for container in (first, second):
        vlan, subnet = subnets[container.id]
        entry = bridge(host_local(subnet), vlan=vlan, isDefaultGateway=True)
        found[container.id] = address_of(Runtime(host, ours, network(entry, name=container.id)).add(container))
    scene = look(host)
    assert [scene.addresses(name) for name in ("cni0", "cni0.100", "cni0.200")] == [[], ["10.77.0.1"], ["10.78.0.1"]]
    others = ["10.77.0.1", "10.78.0.1", found["c2"]]
    assert answers(host, first, others) == others


def test_trunk_reaches_its_vlans(host: Host, ours: Implementation) -> None:
    """A container on a trunk reaches a VLAN by its tag, the native one without, and others not at all."""
    homes = {"b1": one_network(host, ours, 1, vlan=200), "n1": one_network(host, ours, 2, vlan=7),
             "x1": one_network(host, ours, 3, vlan=300)}
    trunk = one_network(host, ours, 4, vlan=7, vlanTrunk=[{"id": 100}, {"minID": 199, "maxID": 201}])
    *containers, router = host.add_containers([*homes, "r1"])
    found = {one.id: address_of(homes[one.id].add(one)) for one in containers}
    assert trunk.add(router).ok
    assert answers(host, router, list(found.values())) == [found["n1"]]
    for vlan, name in ((200, "b1"), (300, None)):
        host.must(f"ip address flush dev eth0; ip link add link eth0 name eth0.{vlan} type vlan id {vlan}; "
                  f"ip address add 10.77.0.99/24 dev eth0.{vlan}; ip link set eth0.{vlan} up", netns=router.netns)
        assert answers(host, router, list(found.values())) == ([found[name]] if name else []), vlan
        host.must(f"ip link del eth0.{vlan}", netns=router.netns)


def test_bridge_that_does_not_filter(host: Host, ours: Implementation) -> None:
    """It is refused with a command that helps, STATUS says the same, and nothing is changed before it was run."""
    host.must("ip link add cni0 type bridge && ip link set cni0 up")
    runtime, container = Runtime(host, ours, network(bridge(vlan=100), version="1.1.0")), host.add_container("c1")
    refused = runtime.add(container)
    assert refused.error()["code"] == 2
    assert runtime.status().error()["code"] == 50
    assert left_behind(host, [container]) == {} and lease_files(host) == {}
    assert look(host).links["cni0"]["linkinfo"]["info_data"]["vlan_filtering"] == 0
    advice = re.search(r"run: (ip link set cni0 type bridge [a-z_]+ [0-9])", refused.error_text)
    assert advice, refused.error_text
    host.must(advice[1])
    assert runtime.status().ok
    port = host_end(runtime.add(container))
    assert look(host).vlans[port] == {100: "native"}


def test_garbage_collection(host: Host, ours: Implementation) -> None:
    """GC takes the ports of those who are gone, and neither the survivors' nor the VLAN's gateway."""
    runtime = Runtime(host, ours, network(VLAN_GATEWAY, version="1.1.0"))
    stays, goes = host.add_containers(["c1", "c2"])
    kept, removed = host_end(runtime.add(stays)), host_end(runtime.add(goes))
    assert runtime.sweep(valid_attachments(("c1", "eth0"))).ok
    names = link_names(host)
    assert removed not in names and {kept, "cni0.100"} <= names
    assert sorted(lease_files(host)) == ["10.77.0.2", "fd77::2"]
    assert runtime.check(stays).ok
    assert_gateway_works(host, stays)


def test_many_at_once(ours: Implementation) -> None:
    """Whoever comes first makes the gateway's pair; nobody stumbles over it."""
    with new_host() as host:
        runtime, containers = Runtime(host, ours, network(VLAN_GATEWAY)), host.add_containers(["c1", "c2", "c3", "c4"])
        with concurrent.futures.ThreadPoolExecutor(4) as together:
            outcomes = list(together.map(runtime.add, containers))
        assert [outcome.stdout for outcome in outcomes if not outcome.ok] == []
        assert len(link_names(host) - {"lo", "cni0", "cni0.100"}) == 5
        assert_gateway_works(host, containers[3])


BRIDGE = "link add cni0 type bridge vlan_filtering 1\nlink set cni0 up\n"
PAIR = BRIDGE + "link add cni0.100 type veth peer name gate\n"
#: What an ADD that was cut off may have left, our own or another implementation's, or somebody has taken away: batches
#: of `ip`, and then of `bridge`.
HALVES = {
    "no master": (PAIR, ""),
    "no master, port up": (PAIR + "link set gate up", ""),
    "down, default VLAN": (PAIR + "link set gate master cni0 up", ""),
    "up, default VLAN": (PAIR + "link set gate master cni0 up\nlink set cni0.100 up", ""),
    "up, no VLAN": (PAIR + "link set gate master cni0 up\nlink set cni0.100 up", "vlan del vid 1 dev gate"),
    "port down": (PAIR + "link set gate master cni0\nlink set cni0.100 up", ""),
    "no address": (PAIR + "link set gate master cni0 up\nlink set cni0.100 up",
                   "vlan del vid 1 dev gate\nvlan add vid 100 dev gate pvid untagged"),
    "one address": (PAIR + "address add 10.77.0.1/24 dev cni0.100", ""),
}


def test_half_a_gateway(host: Host, ours: Implementation) -> None:
    """What is missing of the gateway's pair is made up for by the next ADD."""
    for program, position in (("ip", 0), ("bridge", 1)):
        host.must(f"{program} -batch -", stdin="".join(
            half[position].replace("cni0", f"br{number}").replace("gate", f"gate{number}") + "\n"
            for number, half in enumerate(HALVES.values())))
    attachments = on_bridges(host, ours, [VLAN_GATEWAY] * len(HALVES))
    assert [container for runtime, container in attachments if not runtime.add(container).ok] == []
    scene = look(host)
    for number, name in enumerate(HALVES):
        assert scene.gateway_port(f"br{number}") == f"gate{number}", name
        scene.assert_gateway_is_complete(f"br{number}")


def test_bridge_made_again(host: Host, ours: Implementation) -> None:
    """A bridge that was removed has lost the gateway's port; the next ADD brings it back."""
    runtime = Runtime(host, ours, network(VLAN_GATEWAY))
    first, second = host.add_containers(["c1", "c2"])
    assert runtime.add(first).ok
    host.must("ip link del cni0")
    assert "cni0.100" in link_names(host)
    assert runtime.add(second).ok
    assert_gateway_works(host, second)


def test_way_of_an_administrator(host: Host, ours: Implementation) -> None:
    """A VLAN link upon the bridge is another way into the VLAN, and used as it is."""
    host.must("ip -batch -", stdin=BRIDGE + "link add link cni0 name cni0.100 type vlan id 100\nlink set cni0.100 up")
    host.must("bridge vlan add vid 100 dev cni0 self")
    runtime, container = Runtime(host, ours, network(VLAN_GATEWAY)), host.add_container("c1")
    added = runtime.add(container)
    assert look(host).vlans == {"cni0": {1: "native", 100: "tagged"}, host_end(added): {100: "native"}}
    assert answers(host, container, GATEWAYS) == list(GATEWAYS)


@pytest.mark.parametrize("elsewhere", [
    "link add other type bridge\nlink set gate master other", "link set gate netns c1",
], ids=["other bridge", "other namespace"])
def test_pair_of_somebody_else(host: Host, ours: Implementation, elsewhere: str) -> None:
    """A pair of that name that leads elsewhere is left alone, and ADD refused."""
    container, foreign = host.add_containers(["c0", "c1"])
    host.must("ip -batch -", stdin=PAIR + elsewhere)
    before = link_names(host), link_names(host, foreign.netns)
    runtime = Runtime(host, ours, network(VLAN_GATEWAY))
    assert "its peer is no port of cni0" in runtime.add(container).error_text
    assert (link_names(host), link_names(host, foreign.netns)) == before
    assert link_names(host, container.netns) == {"lo"} and lease_files(host) == {}
    assert look(host).addresses("cni0.100") == []


def test_name_of_the_port_is_taken(host: Host, ours: Implementation) -> None:
    """A pair that cannot be made because of its port's name says so, and nothing is left."""
    runtime, (first, second) = Runtime(host, ours, network(VLAN_GATEWAY)), host.add_containers(["c1", "c2"])
    assert runtime.add(first).ok
    host.must("ip link set cni0.100 down; ip link set cni0.100 name renamed")
    port = look(host).links["renamed"]["link"]
    assert f"{port}, its peer's name, is taken" in runtime.add(second).error_text
    assert link_names(host, second.netns) == {"lo"}
    assert sorted(lease_files(host)) == ["10.77.0.2", "fd77::2"]


def test_killed_on_the_way_to_a_gateway(host: Host, ours: Implementation) -> None:
    """Whenever the first ADD on a bridge dies, the one of another container completes the gateway."""
    traced = Runtime(host, ours, network(VLAN_GATEWAY))
    assert traced.add(host.add_container("traced"), wrapper=["strace", "-f", "-qq", "-o", "/run/trace"]).ok
    # Only what is sent to the kernel changes links; nothing of the gateway is there before the container's pair.
    sent = [point for point in points_in(host.path("/run/trace").read_text()) if point.name == "sendto"]
    points = sent[next(number for number, point in enumerate(sent) if "veth" in point.arguments):]
    assert len(points) > 10
    others = host.add_containers([f"next{number}" for number in range(len(points))])
    attachments = on_bridges(host, ours, [VLAN_GATEWAY] * len(points))
    for point, other, (runtime, container) in zip(points, others, attachments):
        outcome = runtime.add(container, wrapper=point.wrapper)
        assert outcome.status in KILLED, f"{point}: exit {outcome.status}: {outcome.stdout}"
        assert runtime.add(other).ok, f"{point}"
    scene = look(host)
    for number, point in enumerate(points):
        assert f"br{number}.100" in scene.links, f"{point}"
        scene.assert_gateway_is_complete(f"br{number}")


def shape(host: Host, outcome: Outcome) -> dict[str, Any]:
    """The host's links by what they are for, with their VLANs."""
    scene = look(host)
    roles = {host_end(outcome): "port", "cni0": "bridge", "lo": "loopback"}
    if "cni0.100" in scene.links:
        roles |= {"cni0.100": "gateway", scene.gateway_port(): "gateway's port"}
    return {
        roles[name]: {
            "vlans": scene.vlans.get(name), "mtu": seen["mtu"], "flags": sorted(seen["flags"]),
            "master": roles.get(seen.get("master", "")), "addresses": scene.addresses(name),
        }
        for name, seen in scene.links.items()
    }


@pytest.mark.parametrize("members", [{"vlan": 100, "isGateway": True}, {"vlan": 1}], ids=["gateway", "default VLAN"])
def test_same_as_the_reference(ours: Implementation, reference: Implementation, members: dict[str, Any]) -> None:
    """Links and VLANs are the reference's, whose release knows only ports that keep the default VLAN."""
    shapes, results = [], []
    for implementation in (ours, reference):
        with new_host() as host:
            listed = network(bridge(DUAL, preserveDefaultVlan=True, **members))
            outcome = Runtime(host, implementation, listed).add(host.add_container("c1"))
            shapes.append(shape(host, outcome))
            results.append([bool(entry.get("sandbox")) for entry in outcome.result()["interfaces"]])
    assert shapes[0] == shapes[1]
    assert results[0] == results[1]
