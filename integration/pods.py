# SPDX-License-Identifier: Apache-2.0
"""Many pods on one node: made side by side, all of them reached, removed side by side, and timed."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from containerd import ContainerdHost, Pod

AT_ONCE = 16
Given, Got = TypeVar("Given"), TypeVar("Got")


def timed(action: Callable[[Given], Got]) -> Callable[[Given], tuple[Got, float]]:
    """The same, and how many seconds it took."""
    def run(given: Given) -> tuple[Got, float]:
        began = time.monotonic()
        return action(given), time.monotonic() - began
    return run


@dataclasses.dataclass
class Times:
    """Seconds of single calls, and of all of them together, by what was done."""

    calls: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    whole: dict[str, list[float]] = dataclasses.field(default_factory=dict)

    def side_by_side(self, what: str, action: Callable[[Given], Got], given: Sequence[Given]) -> list[Got]:
        """Does something with each of them, several at once; the first failure is raised."""
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as crowd:
            done = list(crowd.map(timed(action), given))
        self.whole.setdefault(what, []).append((time.monotonic() - began) / max(1, len(given)))
        self.calls.setdefault(what, []).extend(seconds for _, seconds in done)
        return [got for got, _ in done]

    def text(self, what: str) -> str:
        """Milliseconds that a pod took of the whole, in the median round; of single calls the median and the worst."""
        calls = sorted(self.calls[what])
        return (f"{what} {statistics.median(self.whole[what]) * 1e3:.0f} ms a pod"
                f" (a call {statistics.median(calls) * 1e3:.0f} ms, at most {calls[-1] * 1e3:.0f} ms)")

    def __str__(self) -> str:
        return ", ".join(self.text(what) for what in self.calls)


def reached(node: ContainerdHost, pod: Pod) -> list[str]:
    """The addresses of a pod, from which an answer came."""
    addresses = pod.addresses()
    for address in addresses:
        node.must(f"ping -nqc1 -W20 {address} >/dev/null")
    return addresses


def round_of_pods(node: ContainerdHost, count: int, times: Times) -> None:
    """One life of that many pods; nothing may be left of them."""
    pods = times.side_by_side("made in", node.pod, [f"pod{number}" for number in range(count)])
    found = Times().side_by_side("reached in", lambda pod: reached(node, pod), pods)
    addresses = [address for each in found for address in each]
    assert len(set(addresses)) == 2 * count, "two pods have one address"
    times.side_by_side("stopped and removed in", lambda pod: pod.end(), pods)
    node.pods.clear()
    assert node.remains() == {}
