# SPDX-License-Identifier: Apache-2.0
"""`vlan`: one VLAN of a link; on a kernel without it, in a guest."""
from __future__ import annotations

import pytest

import guest
from host import Host
from implementations import Implementation
from interfaces import (
    DUAL, NEIGHBOURS, WIRE, Bad, Story, assert_lacking, assert_master_in_the_container, assert_refused, interface, lan,
    reaches,
)

pytestmark = pytest.mark.needs_culvert

ENTRY = {"type": "vlan", "master": WIRE, "vlanId": 5, "ipam": DUAL}


@pytest.mark.needs_links("vlan")
def test_life(host: Host, ours: Implementation) -> None:
    """It talks to a neighbour, CHECK sees, DEL does without the master, and every way to end it ends it."""
    lan(host, "eth0.5 type vlan id 5")
    story = Story(host, ours, {**ENTRY, "mtu": 1400}, "vlan")
    story.attach()
    assert interface(host, story.container)["linkinfo"]["info_data"]["id"] == 5
    assert reaches(host, story.container, *NEIGHBOURS) == []
    host.must("ip link set eth0 mtu 1300", netns=story.container.netns)
    assert "MTU 1300 instead of 1400" in story.runtime.check(story.container).error()["details"]
    host.must("ip link set eth0 mtu 1400", netns=story.container.netns)
    story.assert_check_sees()
    story.assert_every_way_out()
    story.assert_refused_addresses_take_the_link_back()
    story.runtime.add(story.container).result()
    host.must(f"ip link del {WIRE}")
    assert story.call("DEL").ok, "the master is gone"
    status = story.runtime.status().error()
    assert status["code"] == 50 and WIRE in status["msg"], status


@pytest.mark.needs_links("vlan")
def test_master_in_the_container(host: Host, ours: Implementation) -> None:
    """With `linkInContainer` the master is the container's own; DEL works when its namespace has gone."""
    lan(host, "eth0.5 type vlan id 5")
    assert_master_in_the_container(host, ours, ENTRY)


@pytest.mark.needs_links("vlan")
def test_refused_input(host: Host, ours: Implementation) -> None:
    """What makes no sense is refused with a code and the word for it."""
    lan(host)
    assert_refused(host, ours, ENTRY, [
        Bad({"master": "nowhere"}, 7, ("master", "nowhere", "on the host")),
        Bad({"linkInContainer": True}, 7, ("master", WIRE, "in the container")),
        Bad({"mtu": 9000}, 7, ("mtu", "[0, master MTU(1500)]")),
        Bad({"master": None}, 7, ("master", "required")),
        Bad({"vlanId": 4095}, 6, ("vlanId", "0 to 4094")),
        Bad({"ipam": {}}, 7, ("needs addresses",)),
    ])


def test_kernel_without_it(host: Host, ours: Implementation) -> None:
    """A kernel that has no such links is told apart: by STATUS, and by an ADD that takes no address."""
    if guest.has_links("vlan"):
        pytest.skip("this kernel has them")
    lan(host)
    assert_lacking(host, ours, ENTRY, "CONFIG_VLAN_8021Q")
