# SPDX-License-Identifier: Apache-2.0
"""The configuration lists in conf/ do what conf/README.md promises."""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import pytest

import guest
import lan as links
from host import Container, Host
from implementations import REPOSITORY, Implementation
from interfaces import interface
from kernel_state import left_behind, link_names
from runtime import Network, Runtime
from switching import new_switch
from traffic import HOST4, HOST6, OUTSIDE, OUTSIDER4, OUTSIDER6, add_outside, fetch, ruleset, serve

FOLDER = REPOSITORY / "conf"


@dataclasses.dataclass(frozen=True)
class Promise:
    """What a network in conf/ is for."""

    bridge: str
    #: The network of each family, by the addresses that the first two containers get; none is a network of frames.
    addresses: tuple[tuple[str, str], ...]
    gateways: tuple[str, ...]
    #: Whether containers reach each other on the bridge.
    neighbours: bool = True
    #: Destinations of the routes that go through a gateway.
    routes: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    mtu: int = 1500


PROMISES: Mapping[str, Promise] = {
    "culvert": Promise("culvert0", (("10.44.0.2/24", "10.44.0.3/24"), ("fd44::2/64", "fd44::3/64")),
                       ("10.44.0.1", "fd44::1")),
    "single-stack": Promise("culvert1", (("10.45.0.100/24", "10.45.0.101/24"),), ("10.45.0.1",),
                            routes=("192.0.2.0/24",)),
    "layer2": Promise("culvert2", (), (), routes=(), mtu=1400),
    "isolated": Promise("culvert3", (("10.46.0.2/24", "10.46.0.3/24"), ("fd46::2/64", "fd46::3/64")),
                        ("10.46.0.1", "fd46::1"), neighbours=False),
    "published": Promise("culvert4", (("10.47.0.2/24", "10.47.0.3/24"), ("fd47::2/64", "fd47::3/64")),
                         ("10.47.0.1", "fd47::1")),
    "limited": Promise("culvert60", (("10.60.0.2/24", "10.60.0.3/24"), ("fd60::2/64", "fd60::3/64")),
                       ("10.60.0.1", "fd60::1")),
    "fast": Promise("culvert61", (("10.61.0.2/24", "10.61.0.3/24"), ("fd61::2/64", "fd61::3/64")),
                    ("10.61.0.1", "fd61::1")),
}
#: Networks without a bridge: the kind of link, and the addresses of the first container.
INTERFACES: Mapping[str, tuple[str, tuple[str, str]]] = {
    "wire": ("veth", ("10.72.0.2/24", "fd72::2/64")),
    "station": ("macvlan", ("10.73.0.2/24", "fd73::2/64")),
    "tagged": ("vlan", ("10.74.0.2/24", "fd74::2/64")),
    "share": ("ipvlan", ("10.75.0.2/24", "fd75::2/64")),
    "machine": ("tun", ("10.76.0.2/24", "fd76::2/64")),
    "card": ("veth", ("10.78.0.2/24", "fd78::2/64")),
    "domain": ("veth", ("10.79.0.2/24", "fd79::2/64")),
    "service": ("dummy", ("10.71.0.2/24", "fd71::2/64")),
}
#: The network whose addresses come from a server.
LEASED = "leased"
#: The network that needs the daemon of a switch.
SWITCHED = "userspace"
#: Lists as runtimes ship or write them, in conf/runtimes.
RUNTIMES: Mapping[str, Promise] = {
    "87-podman-bridge": Promise("cni-podman0", (("10.88.0.2/16", "10.88.0.3/16"),), ("10.88.0.1",),
                                routes=("0.0.0.0/0",)),
    "nerdctl-bridge": Promise("nerdctl0", (("10.4.0.2/24", "10.4.0.3/24"),), ("10.4.0.1",), routes=("0.0.0.0/0",)),
    "10-containerd-net": Promise("cni0", (("10.88.0.2/16", "10.88.0.3/16"),
                                          ("2001:4860:4860::2/64", "2001:4860:4860::3/64")),
                                 ("10.88.0.1", "2001:4860:4860::1")),
    "10-crio-bridge": Promise("cni0", (("10.85.0.2/16", "10.85.0.3/16"), ("1100:200::2/24", "1100:200::3/24")),
                              ("10.85.0.1", "1100:200::1")),
}
#: What the test itself gives to containers of a network without addresses.
BY_HAND = ("198.51.100.1/24", "198.51.100.2/24")


def read(name: str) -> Network:
    """The configuration list of a network."""
    return json.loads((FOLDER / f"{name}.conflist").read_text())


def reaches(host: Host, container: Container, address: str) -> bool:
    """Whether a ping comes back within three seconds."""
    ping = ["ping", "-n", "-q", "-c", "1", "-w", "3", address.split("/")[0]]
    return host.run(ping, netns=container.netns).ok


def destinations(host: Host, container: Container) -> set[str]:
    """Where routes with a gateway lead, as a result writes it."""
    found: set[str] = set()
    for family, everywhere in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
        routes = json.loads(host.run(["ip", "-j", family, "route"], netns=container.netns).stdout or "[]")
        found |= {route["dst"].replace("default", everywhere) for route in routes if "gateway" in route}
    return found


def test_every_list_has_a_promise() -> None:
    """A list nobody tests cannot be added, and every list is told of beside it."""
    lists = {path.stem for path in FOLDER.glob("*.conflist")}
    assert lists == set(PROMISES) | set(INTERFACES) | {LEASED, SWITCHED}
    assert {path.stem for path in (FOLDER / "runtimes").iterdir()} == set(RUNTIMES)
    assert {path.name for path in FOLDER.iterdir() if path.suffix != ".conflist"} >= {
        "README.md", "kubernetes", "runtimes", "systemd"}
    told = (FOLDER / "README.md").read_text()
    assert [name for name in sorted(lists | set(RUNTIMES)) if f"{name}.conflist" not in told] == []


@pytest.mark.parametrize("name", PROMISES)
def test_list_is_well_formed(name: str) -> None:
    """A network is named as its file, so that who knows one knows the other; bridges are not shared."""
    listed = read(name)
    assert (listed["name"], listed["cniVersion"]) == (name, "1.1.0")
    assert [plugin["bridge"] for plugin in listed["plugins"] if plugin["type"] == "bridge"] == [PROMISES[name].bridge]
    assert sum(promise.bridge == PROMISES[name].bridge for promise in PROMISES.values()) == 1


@pytest.mark.needs_culvert
@pytest.mark.parametrize("name", PROMISES)
def test_life(host: Host, ours: Implementation, name: str) -> None:
    """STATUS, ADD for two containers, CHECK, traffic as promised, DEL, and nothing is left."""
    live(host, ours, PROMISES[name], read(name))


def live(host: Host, ours: Implementation, promise: Promise, listed: Network) -> None:
    """The life of two containers on a network."""
    runtime, name = Runtime(host, ours, listed), listed["name"]
    containers = host.add_containers(["c1", "c2"])
    # Earlier versions of the specification have no STATUS.
    assert runtime.status().ok == (listed["cniVersion"] == "1.1.0")
    given = [[entry["address"] for entry in runtime.add(one).result().get("ips", [])] for one in containers]
    assert given == [[family[number] for family in promise.addresses] for number in range(2)]
    for one in containers:
        assert runtime.check(one).ok
        assert destinations(host, one) == set(promise.routes)
        assert [link["mtu"] for link in host.links(one.netns) if link["ifname"] == "eth0"] == [promise.mtu]
        assert [gateway for gateway in promise.gateways if not reaches(host, one, gateway)] == []
    if not promise.addresses:
        for one, address in zip(containers, BY_HAND):
            host.must(f"ip address add {address} dev eth0", netns=one.netns)
        given = [[address] for address in BY_HAND]
    answers = {address: reaches(host, containers[0], address) for address in given[1]}
    assert answers == {address: promise.neighbours for address in given[1]}
    for one in containers:
        assert runtime.delete(one).ok
    assert left_behind(host, containers, bridges=[promise.bridge], name=name) == {}
    assert promise.bridge in link_names(host), "other containers may need the bridge"


@pytest.mark.needs_culvert
@pytest.mark.parametrize("name", RUNTIMES)
def test_life_of_a_runtime(host: Host, ours: Implementation, name: str) -> None:
    """What a runtime writes works as it is: the same life, with the runtime's published port where it has any."""
    listed = json.loads((FOLDER / "runtimes" / f"{name}.conflist").read_text())
    live(host, ours, RUNTIMES[name], listed)
    add_outside(host)
    container, runtime = host.add_container("c3"), Runtime(host, ours, listed)
    ports = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
    assert runtime.add(container, capabilities=ports).ok
    serve(host, OUTSIDE, 80)
    # Masqueraded, as all of them promise.
    assert fetch(host, container.id, OUTSIDER4, 80) == f"{OUTSIDE} {HOST4}"
    if any(plugin["type"] == "portmap" for plugin in listed["plugins"]):
        serve(host, container.id, 80)
        assert fetch(host, OUTSIDE, HOST4, 8080) == f"c3 {OUTSIDER4}"
    assert runtime.delete(container).ok
    assert left_behind(host, [container], bridges=[RUNTIMES[name].bridge, "wire"], name=listed["name"]) == {}


@pytest.mark.needs_culvert
@pytest.mark.xdist_group("dhcp")
def test_life_with_leases(ours: Implementation) -> None:
    """On a bridge that somebody else has made, a container has the address that the server there gives it."""
    listed = read(LEASED)
    assert (listed["name"], listed["cniVersion"]) == (LEASED, "1.1.0")
    with links.new_lan(ours) as lan:
        lan.host.must("ip link set cni0 down; ip link set cni0 name br0; ip link set br0 up")
        lan.start_daemon("-resendtimeout", "20s")
        lan.dhcpd(600)
        container, runtime = lan.host.add_container("c1"), Runtime(lan.host, ours, listed)
        assert runtime.status().ok
        assert [entry["address"] for entry in runtime.add(container).result()["ips"]] == ["10.99.0.10/24"]
        assert runtime.check(container).ok and lan.reaches_server(container)
        assert runtime.delete(container).ok
        assert lan.leases() == {}


@pytest.mark.needs_culvert
def test_life_on_a_switch(host: Host, ours: Implementation) -> None:
    """As on a bridge, with the daemon of the switch."""
    with new_switch(host, ours):
        live(host, ours, Promise("culvert-vs", (("10.82.0.2/24", "10.82.0.3/24"), ("fd82::2/64", "fd82::3/64")),
                                 ("10.82.0.1", "fd82::1"), routes=()), read(SWITCHED))


@pytest.mark.needs_culvert
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.needs_links(plugin["type"]) for plugin in read(name)["plugins"]
                              if plugin["type"] in guest.LINKS])
    for name in INTERFACES
])
def test_life_without_a_bridge(host: Host, ours: Implementation, name: str) -> None:
    """STATUS, ADD with the addresses as promised, CHECK, DEL, and nothing is left."""
    kind, promised = INTERFACES[name]
    listed = read(name)
    assert (listed["name"], listed["cniVersion"]) == (name, "1.1.0")
    host.must("ip link add eth1 type veth peer name far; ip link set eth1 up; ip link set far up")
    runtime, container = Runtime(host, ours, listed), host.add_container("c1")
    assert runtime.status().ok
    result = runtime.add(container).result()
    assert tuple(entry["address"] for entry in result["ips"]) == promised
    assert interface(host, container)["linkinfo"]["info_kind"] == kind
    assert runtime.check(container).ok and runtime.delete(container).ok
    assert left_behind(host, [container], bridges=["eth1", "far"], name=name) == {}


@pytest.mark.needs_culvert
@pytest.mark.parametrize("name", [name for name in PROMISES if read(name)["plugins"][0].get("ipMasq")])
def test_elsewhere(host: Host, ours: Implementation, name: str) -> None:
    """Where packets are masqueraded, others see the host's addresses; no rule outlives the container."""
    add_outside(host)
    container, runtime = host.add_container("c1"), Runtime(host, ours, read(name))
    assert runtime.add(container).ok
    serve(host, OUTSIDE, 80)
    assert fetch(host, container.id, OUTSIDER4, 80) == f"{OUTSIDE} {HOST4}"
    assert fetch(host, container.id, OUTSIDER6, 80) == f"{OUTSIDE} {HOST6}"
    assert runtime.delete(container).ok
    assert ruleset(host) == ""


@pytest.mark.needs_culvert
def test_published_port(host: Host, ours: Implementation) -> None:
    """A published port is reached from everywhere, also by the container itself."""
    add_outside(host)
    container, runtime = host.add_container("c1"), Runtime(host, ours, read("published"))
    ports = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
    assert runtime.add(container, capabilities=ports).ok
    serve(host, container.id, 80)
    assert fetch(host, OUTSIDE, HOST4, 8080) == f"c1 {OUTSIDER4}"
    assert fetch(host, OUTSIDE, HOST6, 8080) == f"c1 {OUTSIDER6}"
    for source in (None, container.id):
        assert fetch(host, source, HOST4, 8080).startswith("c1 "), source
    assert runtime.check(container, capabilities=ports).ok
    assert runtime.delete(container).ok
    assert ruleset(host) == ""
