# SPDX-License-Identifier: Apache-2.0
"""`dummy`: an interface that leads nowhere."""
from __future__ import annotations

import pytest

import guest
from host import Host
from implementations import Implementation
from interfaces import DUAL, ROUTES, Bad, Story, assert_lacking, assert_refused, interface, reaches, routes

pytestmark = pytest.mark.needs_culvert

ENTRY = {"type": "dummy", "ipam": {**DUAL, "routes": ROUTES}}


@pytest.mark.needs_links("dummy")
def test_life(host: Host, ours: Implementation) -> None:
    """Addresses, routes with all they say, CHECK that sees, and every way to end it."""
    story = Story(host, ours, ENTRY, "dummy")
    story.attach()
    host.must("ip link set lo up", netns=story.container.netns)
    assert reaches(host, story.container, "10.77.0.2", "fd77::2") == []
    found = routes(host, story.container)
    assert found["192.0.2.0/24"]["metric"] == 77 and found["192.0.2.0/24"]["gateway"] == "10.77.0.1"
    assert {"mtu": 1300, "advmss": 1200} in found["192.0.2.0/24"]["metrics"]
    assert found["198.51.100.0/24"]["gateway"] == "203.0.113.9" and "onlink" in found["198.51.100.0/24"]["flags"]
    assert found["2001:db8::/32"]["gateway"] == "fd77::1"
    tentative = [entry for entry in interface(host, story.container)["addr_info"]
                 if entry.get("tentative") and entry["scope"] == "global"]
    assert tentative == []
    story.assert_check_sees()
    story.assert_every_way_out()
    story.assert_refused_addresses_take_the_link_back()


@pytest.mark.needs_links("dummy")
def test_refused_input(host: Host, ours: Implementation) -> None:
    """What makes no sense is refused with a code and the word for it."""
    assert_refused(host, ours, ENTRY, [
        Bad({"ipam": {}}, 7, ("ipam", "needs addresses")),
        Bad({"ipam": None}, 7, ("ipam",)),
        Bad({"ipam": "host-local"}, 6, ("ipam", "an object")),
        Bad({"ipam": {"type": "no-such-ipam"}}, 107, ("no-such-ipam",)),
        Bad({"ipam": {"type": "../host-local"}}, 7, ("../host-local",)),
        Bad({"dns": []}, 6, ("dns",)),
        Bad({"runtimeConfig": []}, 6, ("runtimeConfig",)),
    ])


def test_kernel_without_dummies(host: Host, ours: Implementation) -> None:
    """A kernel that has no such links is told apart: by STATUS, and by an ADD that takes no address."""
    if guest.has_links("dummy"):
        pytest.skip("this kernel has dummies")
    assert_lacking(host, ours, ENTRY, "CONFIG_DUMMY")
