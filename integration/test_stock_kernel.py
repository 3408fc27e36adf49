# SPDX-License-Identifier: Apache-2.0
"""One attachment of each kind that this kernel may lack, under the kernel that Debian gives to everybody."""
from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import pytest

from host import Host
from implementations import Implementation
from interfaces import DUAL, NEIGHBOURS, WIRE, Story, lan, reaches
from kernel_state import left_behind
from runtime import Runtime, bridge, network

pytestmark = [pytest.mark.needs_culvert, pytest.mark.stock_kernel]

#: What a plugin is told, and where a neighbour has its addresses, if it can be reached.
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "dummy": ({}, ""),
    "vlan": ({"master": WIRE, "vlanId": 5}, "eth0.5 type vlan id 5"),
    "ipvlan": ({"master": WIRE}, "eth0"),
}


def test_the_kernel(say: Callable[[str], None]) -> None:
    """It is Debian's, as the installer puts it on any machine."""
    release = platform.release()
    say(f"on a stock kernel: {release}")
    assert release.endswith("-amd64")


@pytest.mark.parametrize("kind", KINDS)
def test_life(kind: str, host: Host, ours: Implementation) -> None:
    """It comes, does what it is for, and goes."""
    members, where = KINDS[kind]
    if where:
        lan(host, where)
    story = Story(host, ours, {"type": kind, **members, "ipam": DUAL}, kind)
    story.attach()
    if where:
        assert reaches(host, story.container, *NEIGHBOURS) == []
    assert story.runtime.delete(story.container).ok and story.left() == {}


def test_vlans_of_a_bridge(host: Host, ours: Implementation) -> None:
    """A container is in its VLAN, the gateway of it answers, and DEL leaves what containers share."""
    container, runtime = host.add_container("c1"), Runtime(host, ours, network(bridge(DUAL, vlan=100, isGateway=True)))
    port = runtime.add(container).result()["interfaces"][1]["name"]
    shown = host.must(f"bridge vlan show dev {port}").split()
    assert shown[shown.index(port) + 1:] == ["100", "PVID", "Egress", "Untagged"], shown
    assert reaches(host, container, "10.77.0.1", "fd77::1") == []
    assert runtime.check(container).ok and runtime.delete(container).ok
    shared = [link["ifname"] for link in host.links()]
    assert port not in shared and left_behind(host, [container], shared) == {}


def test_a_vrf(host: Host, ours: Implementation) -> None:
    """A container's interface gets into a routing table of its own, its gateway is reached from there, and it goes."""
    container = host.add_container("c1")
    runtime = Runtime(host, ours, network(bridge(DUAL, isDefaultGateway=True), {"type": "vrf", "vrfname": "blue"}))
    assert runtime.add(container).ok
    link = next(link for link in host.links(container.netns) if link["ifname"] == "eth0")
    assert link["master"] == "blue"
    assert reaches(host, container, "10.77.0.1", "fd77::1", through="blue") == []
    assert runtime.check(container).ok and runtime.delete(container).ok
    assert [link["ifname"] for link in host.links(container.netns)] == ["lo"]
