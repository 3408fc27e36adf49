# SPDX-License-Identifier: Apache-2.0
"""A node full of pods through containerd, 16 at once: none fails, none leaves anything.

By default 16 pods in one round. CULVERT_PODS and CULVERT_POD_ROUNDS say otherwise (`make pods`: 100 pods, 3 rounds);
with either, the reference does the same in turn with us, and what a pod took stands below the results.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from containerd import ContainerdHost
from implementations import Implementation
from pods import AT_ONCE, Times, round_of_pods

pytestmark = [pytest.mark.xdist_group("containerd"), pytest.mark.needs_culvert]
PODS = int(os.environ.get("CULVERT_PODS", "16"))
ROUNDS = int(os.environ.get("CULVERT_POD_ROUNDS", "1"))
COMPARED = "CULVERT_PODS" in os.environ or "CULVERT_POD_ROUNDS" in os.environ


@pytest.fixture
def node(ours: Implementation) -> Iterator[ContainerdHost]:
    """A node without pods."""
    with ContainerdHost(ours) as host:
        yield host


def test_a_node_full_of_pods(node: ContainerdHost, ours: Implementation, reference: Implementation,
                             say: Callable[[str], None]) -> None:
    """Each pod has addresses of its own and answers at them, in every round; then there is nothing of any."""
    times = {each.name: Times() for each in (ours, *([reference] if COMPARED else []))}
    for _ in range(ROUNDS):
        for each in (ours, reference):
            if each.name in times:
                node.install(each.directory)
                round_of_pods(node, PODS, times[each.name])
    for name, taken in times.items():
        say(f"{PODS} pods, {AT_ONCE} at once, {ROUNDS} rounds, {name}: {taken}")
