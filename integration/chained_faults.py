# SPDX-License-Identifier: Apache-2.0
"""Chained plugins by themselves, on an interface that stays, killed or refused at system calls."""
from __future__ import annotations

from collections.abc import Callable

from faults import Bench, Point, refusals, try_all
from host import Outcome, new_host
from implementations import Implementation
from runtime import Network
from test_killed import one_error, unexpected


class ChainedBench(Bench):
    """An interface to which one plugin does something, again and again."""

    def check(self) -> Outcome:
        """CHECK after an ADD."""
        raise NotImplementedError

    def changed(self, point: Point) -> str:
        """What is not as it was after an ADD that was refused at a point, without any DEL."""
        return self.remains()

    def settled(self) -> str:
        """What is not as it was after a whole ADD and DEL."""
        return self.remains()

    def forgives(self, refused: Outcome) -> bool:
        """Whether a DEL that was refused something has said what it could not give back."""
        return False


def killed_add(bench: ChainedBench, point: Point) -> str:
    """ADD dies; one DEL gives everything back, and the next ADD works."""
    if complaint := unexpected(bench.add(point.wrapper)):
        return complaint
    if not (deleted := bench.delete()).ok:
        return f"DEL failed: {deleted.stdout}"
    return bench.remains() or bench.lives_on()


def killed_delete(bench: ChainedBench, point: Point) -> str:
    """DEL dies; one more gives everything back, and the next ADD works."""
    bench.add().result()
    if complaint := unexpected(bench.delete(point.wrapper)):
        return complaint
    if not (deleted := bench.delete()).ok:
        return f"the second DEL failed: {deleted.stdout}"
    return bench.remains() or bench.lives_on()


def refused_add(bench: ChainedBench, point: Point) -> str:
    """ADD is refused; either it works all the same, or it says why and everything is as it was without any DEL."""
    outcome = bench.add(point.wrapper)
    if outcome.ok:
        if not (checked := bench.check()).ok:
            return f"success, but CHECK says: {checked.stdout}"
    elif complaint := one_error(outcome, point) or bench.changed(point):
        return f"{complaint} ({outcome.stdout} {outcome.stderr})"
    if not (deleted := bench.delete()).ok:
        return f"DEL failed: {deleted.stdout}"
    return bench.settled()


def refused_delete(bench: ChainedBench, point: Point) -> str:
    """DEL is refused; an undisturbed DEL afterwards leaves nothing, unless the first said what it could not give back."""
    bench.add().result()
    outcome = bench.delete(point.wrapper)
    if not outcome.ok and (complaint := one_error(outcome, point)):
        return complaint
    if not (deleted := bench.delete()).ok:
        return f"the second DEL failed: {deleted.stdout}"
    return "" if bench.forgives(outcome) else bench.remains()


ATTEMPTS: dict[tuple[str, str], Callable[[ChainedBench, Point], str]] = {
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
