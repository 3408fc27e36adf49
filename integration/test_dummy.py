# SPDX-License-Identifier: Apache-2.0
"""`dummy`: an interface that leads nowhere."""
from __future__ import annotations

from collections.abc import Callable

import pytest

import guest
from faults import Point, refusals, thinned, try_all
from host import Host, new_host
from implementations import Implementation
from interfaces import ADDRESSES, DUAL, ROUTES, Bad, InterfaceBench, Story, assert_refused, interface, reaches, routes
from kernel_state import link_names
from runtime import Runtime, network
from test_killed import killed_add, killed_delete, refused_add, refused_delete

pytestmark = pytest.mark.needs_culvert

ENTRY = {"type": "dummy", "ipam": {**DUAL, "routes": ROUTES}}
NETWORK = network({"type": "dummy", "ipam": DUAL}, version="1.1.0")
#: A guest's kernel is slow, and what is tried there is tried with other kinds on this one, call by call.
GUEST_STRIDE = 9


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


@pytest.mark.needs_links("dummy")
@pytest.mark.parametrize("verb", ["ADD", "DEL"])
def test_killed_and_refused(verb: str, ours: Implementation) -> None:
    """Killed or refused at every few system calls, one DEL leaves nothing, and a refused ADD leaves nothing at once."""
    with new_host() as host:
        bench = InterfaceBench(host, ours, NETWORK)
        if verb == "DEL":
            bench.add().result()
        points = bench.trace(bench.add if verb == "ADD" else bench.delete)
    tries: list[tuple[list[Point], Callable[..., str]]] = [
        (points, killed_add if verb == "ADD" else killed_delete),
        (refusals(points), refused_add if verb == "ADD" else refused_delete),
    ]
    for chosen, attempt in tries:
        trouble = try_all(thinned(chosen[::GUEST_STRIDE]), ours, NETWORK, attempt, InterfaceBench)
        assert trouble == [], "\n".join(trouble[:20])


def test_kernel_without_dummies(host: Host, ours: Implementation) -> None:
    """A kernel that has no such links is told apart: by STATUS, and by an ADD that takes no address."""
    if guest.has_links("dummy"):
        pytest.skip("this kernel has dummies")
    container = host.add_container("c1")
    runtime = Runtime(host, ours, NETWORK)
    refused = runtime.add(container).error()
    assert refused["code"] == 2 and "CONFIG_DUMMY" in refused["details"], refused
    status = runtime.status().error()
    assert status["code"] == 50 and "CONFIG_DUMMY" in status["details"], status
    assert link_names(host, container.netns) == {"lo"} and not host.path("/var/lib/cni/networks/net/10.77.0.2").exists()
