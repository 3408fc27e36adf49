# SPDX-License-Identifier: Apache-2.0
"""Plugins that are killed, or refused by the kernel, at every single system call."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from faults import KILLED, Bench, Point, points_in, refusals, thinned, try_all
from host import Outcome, new_host
from implementations import Implementation
from runtime import Network, bridge, host_local, network

NETWORKS: dict[str, Network] = {
    "bridge": network(bridge(host_local("10.77.0.0/24", "fd77::/64"), isDefaultGateway=True, ipMasq=True,
                             macspoofchk=True, ipspoofchk=True)),
    "host-local": network({"type": "host-local", "ipam": host_local("10.77.0.0/24", "fd77::/64")}),
}
DUAL = bridge(host_local("10.77.0.0/24", "fd77::/64"), isDefaultGateway=True)
NETWORKS |= {
    "portmap": network(DUAL, {"type": "portmap", "capabilities": {"portMappings": True}}),
    "firewall": network(DUAL, {"type": "firewall", "ingressPolicy": "isolated"}),
}
Report = Callable[[str, list[Point], list[str]], None]


@pytest.fixture
def report(say: Callable[[str], None]) -> Report:
    """Says how many points were tried, and fails when some went wrong."""
    def tell(what: str, points: list[Point], trouble: list[str]) -> None:
        say(f"{what}: {len(points)} points, {len(trouble)} went wrong")
        assert not trouble, "\n".join(trouble[:20])
    return tell


def points_of(implementation: Implementation, listed: Network, verb: str) -> list[Point]:
    """The system calls of one undisturbed ADD or DEL."""
    with new_host() as host:
        bench = Bench(host, implementation, listed)
        if verb == "ADD":
            return bench.trace(bench.add)
        bench.add().result()
        return bench.trace(bench.delete)


def unexpected(outcome: Outcome) -> str:
    """What a process that was to be killed should not have said."""
    return "" if outcome.ok or outcome.status in KILLED else f"exit {outcome.status}: {outcome.stdout}"


def killed_add(bench: Bench, point: Point) -> str:
    """ADD dies; one DEL leaves nothing, and the next ADD works."""
    outcome = bench.add(point.wrapper)
    if complaint := unexpected(outcome) or bench.debris():
        return complaint
    if not (deleted := bench.delete()).ok:
        return f"DEL failed: {deleted.stdout}"
    return bench.remains() or bench.lives_on()


def killed_delete(bench: Bench, point: Point) -> str:
    """DEL dies; one more leaves nothing, and the next ADD works."""
    bench.add().result()
    outcome = bench.delete(point.wrapper)
    if complaint := unexpected(outcome) or bench.debris():
        return complaint
    if not (deleted := bench.delete()).ok:
        return f"the second DEL failed: {deleted.stdout}"
    return bench.remains() or bench.lives_on()


def one_error(outcome: Outcome, point: Point) -> str:
    """What is wrong with the error that a refused plugin reported."""
    if point.name in ("write", "writev") and point.arguments.startswith(("1,", "2,")):
        return ""  # Nobody can report that reporting failed.
    if point.name == "write" and "write standard output" in outcome.stderr and not outcome.stdout:
        return ""  # The same: this time it was another one of the writes.
    try:
        outcome.error()
    except (AssertionError, ValueError) as wrong:
        return f"not one error object: {wrong}"
    return ""


def refused_add(bench: Bench, point: Point) -> str:
    """ADD is refused; either it works all the same, or it says why and everything is as it was without any DEL."""
    outcome = bench.add(point.wrapper)
    if outcome.ok:
        if complaint := bench.lacks(outcome):
            return complaint
        if not (checked := bench.check()).ok:
            return f"success, but CHECK says: {checked.stdout}"
    elif complaint := one_error(outcome, point) or bench.changed(point):
        return f"{complaint} ({outcome.stdout} {outcome.stderr})"
    if not (deleted := bench.delete()).ok:
        return f"DEL failed: {deleted.stdout}"
    return bench.settled()


def refused_delete(bench: Bench, point: Point) -> str:
    """DEL is refused; an undisturbed DEL afterwards leaves nothing, unless the first said what it could not give back."""
    bench.add().result()
    outcome = bench.delete(point.wrapper)
    if not outcome.ok and (complaint := one_error(outcome, point)):
        return complaint
    if not (deleted := bench.delete()).ok:
        return f"the second DEL failed: {deleted.stdout}"
    return "" if bench.forgives(outcome) else bench.remains()


@pytest.mark.needs_culvert
@pytest.mark.long
@pytest.mark.parametrize("plugin", NETWORKS)
@pytest.mark.parametrize("verb, attempt", [("ADD", killed_add), ("DEL", killed_delete)], ids=["ADD", "DEL"])
def test_killed_anywhere(plugin: str, verb: str, attempt: Callable[[Bench, Point], str], ours: Implementation,
                         report: Report) -> None:
    """A plugin that was killed between any two system calls leaves nothing that one DEL does not remove."""
    points = thinned(points_of(ours, NETWORKS[plugin], verb))
    assert points
    report(f"{plugin} {verb} killed", points, try_all(points, ours, NETWORKS[plugin], attempt))


@pytest.mark.needs_culvert
@pytest.mark.long
@pytest.mark.parametrize("plugin", NETWORKS)
@pytest.mark.parametrize("verb, attempt", [("ADD", refused_add), ("DEL", refused_delete)], ids=["ADD", "DEL"])
def test_refused_anywhere(plugin: str, verb: str, attempt: Callable[[Bench, Point], str], ours: Implementation,
                          report: Report) -> None:
    """A plugin that is refused any one system call reports it, and takes back what it did."""
    points = thinned(refusals(points_of(ours, NETWORKS[plugin], verb)))
    assert points
    report(f"{plugin} {verb} refused", points, try_all(points, ours, NETWORKS[plugin], attempt))


def test_reading_a_trace() -> None:
    """Calls are counted by name, whoever made them."""
    trace = '12 read(0, "{}", 1) = 2\n12 openat(AT_FDCWD, "/x") = 3\n13 read(3, "") = 0\n13 <... read resumed>\n+++ x'
    assert [(point.name, point.ordinal) for point in points_in(trace)] == [("read", 1), ("openat", 1), ("read", 2)]
    assert {point.error for point in refusals(points_in(trace))} == {"ENOSPC", "EPERM", "EBUSY"}
