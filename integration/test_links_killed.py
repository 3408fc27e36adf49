# SPDX-License-Identifier: Apache-2.0
"""Plugins whose links this kernel may lack, killed or refused at system calls; without such links, in a guest."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faults import refusals, thinned, try_all
from host import new_host
from implementations import Implementation
from interfaces import DUAL, WIRE, InterfaceBench
from runtime import bridge, network
from test_killed import killed_add, killed_delete, refused_add, refused_delete

pytestmark = pytest.mark.needs_culvert

ENTRIES: dict[str, dict[str, Any]] = {
    "dummy": {"type": "dummy", "ipam": DUAL},
    "vlan": {"type": "vlan", "master": WIRE, "vlanId": 5, "ipam": DUAL},
    "ipvlan": {"type": "ipvlan", "master": WIRE, "ipam": DUAL},
    "bridge": bridge(DUAL, vlan=100, isGateway=True),
}
LACKED = {kind: pytest.mark.needs_links(kind) for kind in ("dummy", "vlan", "ipvlan")}
LACKED["bridge"] = pytest.mark.needs_vlans
ATTEMPTS = {"killed": {"ADD": killed_add, "DEL": killed_delete},
            "refused": {"ADD": refused_add, "DEL": refused_delete}}
#: A guest is slow: unless told otherwise, each n-th point, and for each plugin others. No multiple of three, which is
#: how many errors a call is refused with.
STRIDES = {"killed": 29, "refused": 97}


class VlanBench(InterfaceBench):
    """As its parent, upon a bridge that stays, with the gateway of its VLAN."""

    def prepare(self) -> None:
        """Has the bridge made by a first attachment."""
        self.add().result()
        assert self.delete().ok

    def reset(self) -> None:
        """Takes the bridge away as well."""
        super().reset()
        self.host.run(["ip", "-force", "-batch", "-"], stdin="link del cni0.100\nlink del cni0\n")


BENCHES = {"bridge": VlanBench}


@pytest.mark.parametrize("fate", ATTEMPTS)
@pytest.mark.parametrize("kind", [pytest.param(kind, marks=LACKED[kind]) for kind in ENTRIES])
def test_anywhere(kind: str, fate: str, ours: Implementation, say: Callable[[str], None]) -> None:
    """Killed anywhere, one DEL leaves nothing; refused anywhere, ADD takes everything back."""
    listed, bench_of_kind = network(ENTRIES[kind], version="1.1.0"), BENCHES.get(kind, InterfaceBench)
    with new_host() as host:
        bench = bench_of_kind(host, ours, listed)
        bench.reset()
        traces = {"ADD": bench.trace(bench.add), "DEL": bench.trace(bench.delete)}
    for verb, points in traces.items():
        points = points if fate == "killed" else refusals(points)
        chosen = thinned(points, STRIDES[fate], start=list(ENTRIES).index(kind))
        # A guest has one processor: more than one worker would only stand in the other's way.
        trouble = try_all(chosen, ours, listed, ATTEMPTS[fate][verb], bench_of_kind, workers=1)
        say(f"{kind} {verb} {fate}: {len(chosen)} of {len(points)} points, {len(trouble)} went wrong")
        assert chosen and trouble == [], "\n".join(trouble[:20])
