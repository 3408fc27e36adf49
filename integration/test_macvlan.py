# SPDX-License-Identifier: Apache-2.0
"""`macvlan`: a station of its own upon a link of the host."""
from __future__ import annotations

import pytest

from faults import refusals, thinned, try_all
from host import Host, new_host
from implementations import Implementation
from interfaces import (
    DUAL, NEIGHBOURS, ROUTES, WIRE, Bad, InterfaceBench, Story, assert_master_in_the_container, assert_refused,
    interface, lan, reaches, routes,
)
from kernel_state import link_names
from lan import new_lan, until
from runtime import Runtime, network
from test_killed import killed_add, killed_delete, refused_add, refused_delete

pytestmark = pytest.mark.needs_culvert

ENTRY = {"type": "macvlan", "master": WIRE, "ipam": DUAL}
NETWORK = network(ENTRY, version="1.1.0")
ATTEMPTS = {("ADD", "killed"): killed_add, ("DEL", "killed"): killed_delete,
            ("ADD", "refused"): refused_add, ("DEL", "refused"): refused_delete}


def test_life(host: Host, ours: Implementation) -> None:
    """Settings reach the kernel, CHECK sees, the master may go, and every way to end it ends it."""
    lan(host)
    entry = {**ENTRY, "mtu": 1400, "bcqueuelen": 2000, "ipam": {**DUAL, "routes": ROUTES}}
    story = Story(host, ours, entry, "macvlan")
    story.attach()
    data = interface(host, story.container)["linkinfo"]["info_data"]
    assert data["mode"] == "bridge" and data.get("bcqueuelen", 2000) == 2000
    found = routes(host, story.container)
    assert {"mtu": 1300, "advmss": 1200} in found["192.0.2.0/24"]["metrics"]
    assert "onlink" in found["198.51.100.0/24"]["flags"]
    story.assert_check_sees()
    host.must("ip link set eth0 type macvlan mode private", netns=story.container.netns)
    assert "mode private instead of bridge" in story.runtime.check(story.container).error()["details"]
    story.assert_every_way_out()
    story.assert_refused_addresses_take_the_link_back()
    story.runtime.add(story.container).result()
    host.must(f"ip link del {WIRE}")
    assert story.call("DEL").ok, "the master is gone"
    status = story.runtime.status().error()
    assert status["code"] == 50 and WIRE in status["msg"], status


@pytest.mark.parametrize("mode", ["bridge", "private", "vepa"])
def test_traffic(mode: str, host: Host, ours: Implementation) -> None:
    """All reach the neighbour by both families; only in mode `bridge` do containers reach each other."""
    lan(host)
    runtime = Runtime(host, ours, network({**ENTRY, "mode": mode}, version="1.1.0"))
    first, second = host.add_container("c1"), host.add_container("c2")
    runtime.add(first).result()
    runtime.add(second).result()
    assert reaches(host, second, *NEIGHBOURS) == []
    firsts = ("10.77.0.2", "fd77::2")
    silent = [] if mode == "bridge" else list(firsts)
    assert reaches(host, second, *firsts, seconds=1 if silent else 5) == silent


def test_master_in_the_container(host: Host, ours: Implementation) -> None:
    """With `linkInContainer` the master is the container's own; DEL works when its namespace has gone."""
    lan(host)
    assert_master_in_the_container(host, ours, ENTRY)


def test_addresses_by_dhcp(ours: Implementation) -> None:
    """The server on the master's network is asked through the interface itself, which is up before; DEL tells it."""
    with new_lan(ours) as net:
        net.host.must("ip link add m0 type veth peer name m1; ip link set m1 master cni0 up; ip link set m0 up")
        net.start_daemon()
        net.dhcpd(600)
        runtime = Runtime(net.host, ours, network({"type": "macvlan", "master": "m0", "ipam": {"type": "dhcp"}},
                                                  name="lan", version="1.1.0"))
        container = net.host.add_container("c1")
        result = runtime.add(container).result()
        assert result["ips"] == [{"interface": 0, "address": "10.99.0.10/24", "gateway": "10.99.0.1"}]
        assert net.addresses(container) == ["10.99.0.10/24"] and net.reaches_server(container)
        assert runtime.check(container).ok
        assert runtime.delete(container).ok and net.leases() == {}
        assert link_names(net.host, container.netns) == {"lo"}
        until(lambda: "DHCPRELEASE of 10.99.0.10" in net.log("/run/server.log"), "the server hears of it")


def test_refused_input(host: Host, ours: Implementation) -> None:
    """What makes no sense is refused with a code and the word for it."""
    lan(host)
    assert_refused(host, ours, ENTRY, [
        Bad({"master": "nowhere"}, 7, ("master", "nowhere", "on the host")),
        Bad({"master": ""}, 7, ("no default route",)),
        Bad({"master": "a/b"}, 6, ("master",)),
        Bad({"linkInContainer": True}, 7, ("master", WIRE, "in the container")),
        Bad({"mode": "sideways"}, 6, ("mode", "passthru")),
        Bad({"mtu": 9000}, 7, ("mtu", "[0, master MTU(1500)]")),
        Bad({"mtu": 20}, 6, ("mtu", "68 to 65535")),
        Bad({"mac": "green"}, 7, ("green",)),
        Bad({}, 7, ("green",), args="MAC=green"),
        Bad({"bcqueuelen": -1}, 6, ("bcqueuelen",)),
        Bad({}, 100, ("add macvlan eth0",), prepare=f"ip link add br0 type bridge; ip link set {WIRE} master br0"),
    ])


@pytest.mark.parametrize("verb, fate", ATTEMPTS)
def test_killed_and_refused(verb: str, fate: str, ours: Implementation) -> None:
    """Killed anywhere, one DEL leaves nothing; refused anywhere, ADD takes everything back."""
    with new_host() as host:
        bench = InterfaceBench(host, ours, NETWORK)
        if verb == "DEL":
            bench.add().result()
        points = bench.trace(bench.add if verb == "ADD" else bench.delete)
    chosen = thinned(points if fate == "killed" else refusals(points))
    assert chosen
    trouble = try_all(chosen, ours, NETWORK, ATTEMPTS[verb, fate], InterfaceBench)
    assert trouble == [], "\n".join(trouble[:20])
