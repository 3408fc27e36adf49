# SPDX-License-Identifier: Apache-2.0
"""Plugins whose links this kernel may lack, killed or refused at system calls; without such links, in a guest."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from faults import Bench, Point, refusals, thinned, try_all
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
ATTEMPTS = {("ADD", "killed"): killed_add, ("DEL", "killed"): killed_delete,
            ("ADD", "refused"): refused_add, ("DEL", "refused"): refused_delete}
#: A guest is slow: unless told otherwise, each n-th point, and for each plugin others. No multiple of three, which is
#: how many errors a call is refused with.
STRIDES = {"killed": 47, "refused": 127}


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


@dataclasses.dataclass(frozen=True)
class Trial:
    """One call that is disturbed at one point, and what has to hold."""

    what: str
    point: Point
    attempt: Callable[[Bench, Point], str]

    def __str__(self) -> str:
        return f"{self.what} {self.point}"


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=LACKED[kind]) for kind in ENTRIES])
def test_anywhere(kind: str, ours: Implementation, say: Callable[[str], None]) -> None:
    """Killed anywhere, one DEL leaves nothing; refused anywhere, ADD takes everything back."""
    listed, bench_of_kind = network(ENTRIES[kind], version="1.1.0"), BENCHES.get(kind, InterfaceBench)
    with new_host() as host:
        bench = bench_of_kind(host, ours, listed)
        bench.reset()
        traces = {"ADD": bench.trace(bench.add), "DEL": bench.trace(bench.delete)}
    trials = []
    for (verb, fate), attempt in ATTEMPTS.items():
        points = traces[verb] if fate == "killed" else refusals(traces[verb])
        chosen = thinned(points, STRIDES[fate], start=list(ENTRIES).index(kind))
        assert chosen
        trials += [Trial(verb, point, attempt) for point in chosen]
        say(f"{kind} {verb} {fate}: {len(chosen)} of {len(points)} points")
    trouble = try_all(trials, ours, listed, lambda bench, trial: trial.attempt(bench, trial.point), bench_of_kind)
    assert trouble == [], "\n".join(trouble[:20])
