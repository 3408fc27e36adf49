# SPDX-License-Identifier: Apache-2.0
"""culvert explain: what it says of a flow is what a client sees."""
from __future__ import annotations

import collections
import concurrent.futures
import json
import os
import random
from typing import Any

import pytest

from flows import IMPATIENCE_SECONDS, PATIENCE_SECONDS, Flow, Scene
from host import Host, new_host
from implementations import Implementation, build_directory

pytestmark = pytest.mark.needs_culvert
#: How many flows are tried, so many on each host.
FLOWS, FLOWS_PER_HOST = int(os.environ.get("CULVERT_EXPLAIN_FLOWS", "120")), 40
SEED = int(os.environ.get("CULVERT_EXPLAIN_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)


def explain(host: Host, *words: str, status: int | None = None) -> dict[str, Any]:
    """What it says in JSON, with the exit status that belongs to it."""
    outcome = host.run([str(build_directory() / "culvert"), "explain", "--json", *words])
    assert outcome.status in (0, 1, 2), outcome
    assert outcome.stdout, outcome
    document = json.loads(outcome.stdout)
    meant = {"connected": 0, "refused": 1, "unreachable": 1, "dropped": 1, "unknown": 2}
    assert outcome.status == meant[document["verdict"]["outcome"]]
    assert status is None or outcome.status == status, document["verdict"]
    return document


def disagreement(scene: Scene, flow: Flow) -> tuple[str, str]:
    """What was predicted, and in what way it was wrong; empty when it was right."""
    document = explain(scene.host, *flow.words())
    verdict = document["verdict"]
    predicted = verdict["outcome"]
    patience = IMPATIENCE_SECONDS if predicted in ("dropped", "unknown") else PATIENCE_SECONDS
    seen = scene.agents[flow.origin].attempt(flow, patience)
    kind = seen.split()[0]
    # Who gets no answer to ARP is told so after seconds, which a busy machine may wait.
    is_late = predicted == "dropped" and "nobody answers" in verdict["reason"] and kind == "unreachable"
    if kind == predicted or predicted == "unknown" or is_late:
        return predicted, ""
    steps = "\n".join(f"    {'<' if step['answer'] else '>'} {step['place']} {step['stage']}: {step['text']}"
                      for step in document["steps"])
    return predicted, f"{flow}: said {predicted} ({verdict['reason']}), seen {seen}\n{steps}"


@pytest.mark.parametrize("number", range(-(-FLOWS // FLOWS_PER_HOST)))
def test_flows_fare_as_predicted(ours: Implementation, number: int) -> None:
    """Random flows over random hosts: the verdict is what a socket sees."""
    seed = SEED + number
    print(f"CULVERT_EXPLAIN_SEED={seed}")
    chance = random.Random(seed)
    with new_host() as host:
        scene = Scene(host, ours, chance)
        flows = [scene.flow() for _ in range(FLOWS_PER_HOST)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda flow: disagreement(scene, flow), flows))
    wrong = [text for _, text in found if text]
    counts = collections.Counter(predicted for predicted, _ in found)
    print(dict(counts))
    assert not wrong, "\n".join([f"CULVERT_EXPLAIN_SEED={seed}", *scene.story, *wrong])
    assert not counts["unknown"], "\n".join(scene.story)
