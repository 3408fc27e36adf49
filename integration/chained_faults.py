# SPDX-License-Identifier: Apache-2.0
"""Chained plugins by themselves, on an interface that stays, killed or refused at system calls."""
from __future__ import annotations

from collections.abc import Callable

from faults import Bench, Point, refusals, try_all
from host import Outcome, new_host
from implementations import Implementation
from runtime import Network
from test_killed import killed_add, killed_delete, refused_add, refused_delete


class ChainedBench(Bench):
    """An interface to which one plugin does something, again and again; it has neither leases nor records."""

    def debris(self) -> str:
        return ""

    def check(self) -> Outcome:
        raise NotImplementedError

    def lacks(self, added: Outcome) -> str:
        return ""

    def changed(self, point: Point) -> str:
        return self.remains()


ATTEMPTS: dict[tuple[str, str], Callable[[Bench, Point], str]] = {
    ("ADD", "killed"): killed_add, ("DEL", "killed"): killed_delete,
    ("ADD", "refused"): refused_add, ("DEL", "refused"): refused_delete,
}


def points_of(kind: type[ChainedBench], ours: Implementation, listed: Network, verb: str, fate: str) -> list[Point]:
    """Where one undisturbed ADD or DEL can be killed or refused."""
    with new_host() as host:
        bench = kind(host, ours, listed)
        bench.reset()
        if verb == "DEL":
            bench.add().result()
        points = bench.trace(bench.add if verb == "ADD" else bench.delete)
    return points if fate == "killed" else refusals(points)


def trouble_at(points: list[Point], kind: type[ChainedBench], ours: Implementation, listed: Network, verb: str,
               fate: str) -> list[str]:
    """What went wrong at any of the points."""
    return try_all(points, ours, listed, ATTEMPTS[verb, fate], kind)
