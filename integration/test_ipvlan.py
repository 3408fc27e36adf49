# SPDX-License-Identifier: Apache-2.0
"""`ipvlan`: addresses behind the hardware address of a link; on a kernel without it, in a guest."""
from __future__ import annotations

import pytest

import guest
from host import Host
from implementations import Implementation
from interfaces import (
    DUAL, NEIGHBOURS, WIRE, Bad, Story, assert_lacking, assert_master_in_the_container, assert_refused, interface, lan,
    reaches,
)
from kernel_state import link_names
from runtime import Runtime, network

pytestmark = pytest.mark.needs_culvert

ENTRY = {"type": "ipvlan", "master": WIRE, "ipam": DUAL}


@pytest.mark.needs_links("ipvlan")
def test_life(host: Host, ours: Implementation) -> None:
    """It talks to a neighbour, CHECK sees, DEL does without the master, and every way to end it ends it."""
    lan(host, "eth0")
    story = Story(host, ours, {**ENTRY, "mtu": 1400}, "ipvlan")
    story.attach()
    assert interface(host, story.container)["linkinfo"]["info_data"]["mode"] == "l2"
    host.must("ip link set eth0 type ipvlan mode l3", netns=story.container.netns)
    assert "mode l3 instead of l2" in story.runtime.check(story.container).error()["details"]
    host.must("ip link set eth0 type ipvlan mode l2", netns=story.container.netns)
    assert reaches(host, story.container, *NEIGHBOURS) == []
    other = host.add_container("other")
    story.runtime.add(other).result()
    assert reaches(host, other, "10.77.0.2", "fd77::2") == []
    assert story.runtime.delete(other).ok
    host.must("ip netns del other")
    story.assert_check_sees()
    story.assert_every_way_out()
    story.assert_refused_addresses_take_the_link_back()
    story.runtime.add(story.container).result()
    host.must(f"ip link del {WIRE}")
    assert story.call("DEL").ok, "the master is gone"
    status = story.runtime.status().error()
    assert status["code"] == 50 and WIRE in status["msg"], status


@pytest.mark.needs_links("ipvlan")
def test_chained(host: Host, ours: Implementation) -> None:
    """Behind another plugin it takes over that one's addresses and, without `master`, its only interface."""
    lan(host)
    container = host.add_container("c1")
    runtime = Runtime(host, ours, network({"type": "ipvlan"}, version="1.1.0"))
    previous = {"cniVersion": "1.1.0", "interfaces": [{"name": WIRE}], "ips": [{"address": "10.77.0.9/24"}]}
    entry = runtime.network["plugins"][0]
    result = runtime.call("ADD", entry, container, previous=previous).result()
    assert [entry["name"] for entry in result["interfaces"]] == ["eth0"]
    assert result["ips"] == [{"address": "10.77.0.9/24", "interface": 0}]
    assert reaches(host, container, NEIGHBOURS[0]) == []
    assert runtime.call("CHECK", entry, container, previous=result).ok
    assert runtime.call("DEL", entry, container).ok and link_names(host, container.netns) == {"lo"}


@pytest.mark.needs_links("ipvlan")
def test_master_in_the_container(host: Host, ours: Implementation) -> None:
    """With `linkInContainer` the master is the container's own; DEL works when its namespace has gone."""
    lan(host)
    assert_master_in_the_container(host, ours, ENTRY)


@pytest.mark.needs_links("ipvlan")
def test_refused_input(host: Host, ours: Implementation) -> None:
    """What makes no sense is refused with a code and the word for it."""
    lan(host)
    assert_refused(host, ours, ENTRY, [
        Bad({"master": "nowhere"}, 7, ("master", "nowhere", "on the host")),
        Bad({"linkInContainer": True}, 7, ("master", WIRE, "in the container")),
        Bad({"mtu": 9000}, 7, ("mtu", "[0, master MTU(1500)]")),
        Bad({"master": None}, 7, ("no default route",)),
        Bad({"mode": "l4"}, 6, ("mode", "l3s")),
        Bad({"ipam": {}}, 7, ("needs addresses",)),
    ])


def test_kernel_without_it(host: Host, ours: Implementation) -> None:
    """A kernel that has no such links is told apart: by STATUS, and by an ADD that takes no address."""
    if guest.has_links("ipvlan"):
        pytest.skip("this kernel has them")
    lan(host)
    assert_lacking(host, ours, ENTRY, "CONFIG_IPVLAN")
