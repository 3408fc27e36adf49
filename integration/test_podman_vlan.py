# SPDX-License-Identifier: Apache-2.0
"""podman with networks that are VLANs, under the kernel that Debian gives to everybody."""
from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator

import pytest

from implementations import Implementation
from podman import PodmanHost
from traffic import HOST4, OUTSIDE, OUTSIDER4, add_outside, fetch, netns, serve

pytestmark = [pytest.mark.needs_culvert, pytest.mark.stock_kernel]
PAGE = "hello\n"
#: The networks of one VLAN of a bridge, of another one, and those upon VLANs of a link. Each two of a kind have the
#: same subnet: only the VLAN keeps neighbours apart.
BRIDGED, BRIDGED_BESIDE, MACVLAN, MACVLAN_BESIDE = "n1", "n2", "m1", "m2"
FIRST, SECOND, STRANGER = (f"10.90.{{}}.{number}" for number in (11, 12, 99))
CONFIGURATIONS = "/etc/cni/net.d"
PATIENCE_SECONDS = 300.0
#: A link with two VLANs, of which the other end is beyond a wire.
WIRE = """
    ip netns add wire
    ip link add lan0 type veth peer name lan1 netns wire
    for tag in 100 200; do
        ip link add link lan0 name lan0.$tag type vlan id $tag
        ip -n wire link add link lan1 name lan1.$tag type vlan id $tag
    done
    for link in lan0 lan0.100 lan0.200; do ip link set $link up; done
    for link in lan1 lan1.100 lan1.200; do ip -n wire link set $link up; done
    ip -n wire address add 10.90.1.1/24 dev lan1.100
"""


@contextlib.contextmanager
def podman_host(ours: Implementation) -> Iterator[PodmanHost]:
    """A host, from which the test removes everything that it made but what networks share.

    No fixture: those are made on this kernel as well.
    """
    with PodmanHost(ours) as host:
        add_outside(host)
        host.must(WIRE)
        shared = {link["ifname"] for link in host.links()}
        yield host
        host.does("rm", "-f", "-t", "0", "--all")
        host.does("network", "prune", "-f")
        # The gateway of a VLAN is at the other end of a pair, which stays like the bridge.
        gateway = json.loads(host.must("ip -j link show cni-podman1.100"))[0]
        remains = host.remains()
        assert set(remains.pop("links", ())) <= shared | {gateway["ifname"], gateway["link"]}
        assert remains == {"namespaces": ["wire"]}


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for what has to become true: everything takes long in a guest."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, what


def create_networks(podman: PodmanHost) -> None:
    """As podman writes them; a bridge of two VLANs is an operator's work, as podman gives no bridge to two networks."""
    podman.does("network", "create", "--subnet", "10.90.0.0/24", "-o", "vlan=100", BRIDGED)
    # Without a default route, which the bridge has.
    podman.does("network", "create", "-d", "macvlan", "-o", "parent=lan0.100", "--subnet", "10.90.1.0/24", "--internal",
                MACVLAN)
    bridged, macvlan = (json.loads(podman.path(f"{CONFIGURATIONS}/{name}.conflist").read_text())
                        for name in (BRIDGED, MACVLAN))
    plugin = bridged["plugins"][0]
    assert (plugin["type"], plugin["vlan"], plugin["ipMasq"]) == ("bridge", 100, True)
    bridged["plugins"] = [{**plugin, "vlan": 200, "isGateway": False, "ipMasq": False}]
    macvlan["plugins"][0]["master"] = "lan0.200"
    for name, network in ((BRIDGED_BESIDE, bridged), (MACVLAN_BESIDE, macvlan)):
        podman.write(f"{CONFIGURATIONS}/{name}.conflist", json.dumps({**network, "name": name}))


def start(podman: PodmanHost, name: str, address: str, *words: str) -> str:
    """A container upon a network of each kind; the answer is its namespace."""
    networks = (BRIDGED_BESIDE, MACVLAN_BESIDE) if address == STRANGER else (BRIDGED, MACVLAN)
    joins = [word for number, network in enumerate(networks)
             for word in ("--network", f"{network}:ip={address.format(number)}")]
    podman.does(*podman.starting(name, *joins, *words))
    return podman.namespace(name)


def test_vlans(ours: Implementation) -> None:
    """Neighbours of a VLAN talk, the world is reached and reaches a port; another VLAN hears nothing of it."""
    with podman_host(ours) as podman:
        create_networks(podman)
        talk(podman)


def talk(podman: PodmanHost) -> None:
    """What containers say to each other."""
    a, b = start(podman, "a", FIRST, "-p", "8080:80"), start(podman, "b", SECOND)
    stranger = start(podman, "c", STRANGER)

    def pings(here: str, address: str) -> bool:
        """Whether a container gets an answer to a ping."""
        return podman.run(["ping", "-nqc1", "-W2", address], netns=netns(here)).ok

    def reads(here: str | None, address: str, port: int = 80, page: str = PAGE) -> bool:
        """Whether somebody gets the page of a server."""
        return fetch(podman, here, address, port, 5) == page

    ports = [entry for entry in json.loads(podman.must("bridge -j vlan show")) if entry["ifname"].startswith("veth")]
    assert sorted(entry["vlan"] for port in ports for entry in port["vlans"]) == [100, 100, 100, 200], ports
    for number in range(2):
        for here, there in ((a, SECOND), (b, FIRST)):
            until(lambda here=here, there=there: pings(here, there.format(number)), f"{here} pings {there}")
            until(lambda here=here, there=there: reads(here, there.format(number)), f"{here} reads {there}")
        assert not pings(a, STRANGER.format(number)) and not pings(stranger, FIRST.format(number))
        until(lambda: pings(a, f"10.90.{number}.1"), "the gateway, or who is beyond the wire")
        assert not pings(stranger, f"10.90.{number}.1")
    until(lambda: reads("wire", FIRST.format(1)), "a page beyond the wire")
    until(lambda: reads(OUTSIDE, HOST4, 8080), "the published port")
    serve(podman, OUTSIDE, 7000)
    until(lambda: reads(a, OUTSIDER4, 7000, f"outside {HOST4}"), "the world")
