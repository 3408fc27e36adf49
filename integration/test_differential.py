# SPDX-License-Identifier: Apache-2.0
"""The reference plugins and ours, side by side: the same calls on fresh hosts must leave the same behind."""
from __future__ import annotations

import concurrent.futures
import copy
import json
from typing import Any

import pytest

import cases_bridge
import cases_interfaces
import cases_ipam
import differences
import implementations
from cases import Case
from host import Container, Host, Outcome, new_host
from implementations import Implementation
from kernel_state import State, snapshot
from normalise import HOST_END, differing, normalise_result, normalise_state
from runtime import Runtime

CASES = [*cases_bridge.CASES, *cases_interfaces.CASES, *cases_ipam.CASES]
#: Ids of documented differences which some case has shown.
seen: set[str] = set()
played: set[str] = set()


def act(step: str, case: Case, host: Host, runtime: Runtime, containers: dict[str, Container]) -> Outcome | Any:
    """Does one step of a case."""
    verb, _, rest = step.partition(" ")
    name, _, variant = rest.partition(" ")
    if verb == "DIE":
        return host.remove_container(containers.pop(name))
    if verb == "NAMES":
        return sorted(link for link in snapshot(host)["host"]["links"] if HOST_END.match(link))
    if step == "FORGET RANGES":
        return runtime.network["plugins"][0]["ipam"].pop("ranges")
    executable = runtime.implementation.executable(case.network["plugins"][0]["type"])
    if verb == "VERSION":
        return host.plugin(executable, "VERSION", {"cniVersion": "1.0.0"})
    if verb == "BARE":
        return host.plugin(executable, "", "", env={"CNI_COMMAND": None})
    container = containers.get(name) or Container(name, f"/run/netns/{name}")
    env = dict(case.env)
    if variant == "nowhere":
        env["CNI_NETNS"] = ""
    elif variant == "file":
        host.must("touch /run/netns/plain")
        env["CNI_NETNS"] = "/run/netns/plain"
    options: dict[str, Any] = {"args": case.args, "capabilities": case.capabilities, "env": env}
    if case.stdin is not None:
        return host.plugin(executable, verb, case.stdin, container=container, ifname=case.ifname)
    ifname = "eth7" if variant == "second" else case.ifname
    if verb == "ADD":
        return runtime.add(container, ifname, **options)
    if verb == "CHECK":
        if variant == "forgetful":
            runtime.results.clear()
        return runtime.check(container, ifname, **options)
    return runtime.delete(container, ifname, remembering=variant != "forgetful", **options)


def words(step: str, outcome: Outcome | Any, state: State, configured: str) -> dict[str, Any]:
    """What a step told its caller."""
    if not isinstance(outcome, Outcome):
        return {"answer": outcome}
    said: dict[str, Any] = {"ok": outcome.ok}
    if not outcome.ok:
        said["error"] = outcome.error()
    elif outcome.stdout:
        said["result"] = normalise_result(json.loads(outcome.stdout), state, configured)
        if step == "VERSION":
            said["newline at the end"] = outcome.stdout.endswith("\n")
    if outcome.ok and outcome.stderr:
        said["stderr"] = outcome.stderr
    return said


def play(case: Case, implementation: Implementation) -> list[dict[str, Any]]:
    """The observations of a case: before the first step and after each."""
    case = copy.deepcopy(case)
    configured = json.dumps([case.network, case.args, case.capabilities, case.prepare, case.inside]).lower()
    with new_host() as host:
        containers = {name: host.add_container(name) for name in ("c1", "c2", "c3")}
        if case.prepare:
            host.must(case.prepare)
        if case.inside:
            host.must(case.inside, netns=containers["c1"].netns)
        runtime = Runtime(host, implementation, case.network)

        def look() -> State:
            return snapshot(host, [containers[name] for name in ("c1", "c2") if name in containers], case.leases)

        seen_states: list[dict[str, Any]] = [{"step": "before", "state": normalise_state(look(), configured)}]
        for step in case.steps:
            outcome = act(step, case, host, runtime, containers)
            state = look()
            said = words(step, outcome, state, configured)
            seen_states.append({"step": step, **said, "state": normalise_state(state, configured)})
        return seen_states


def compare(case: Case, ours: Implementation, reference: Implementation) -> set[str]:
    """Fails where both part in another way than is documented; returns the differences that showed."""
    with concurrent.futures.ThreadPoolExecutor(2) as side_by_side:
        mine, theirs = side_by_side.map(lambda implementation: play(case, implementation), (ours, reference))
    if case.fails:
        for side, observed in (("ours", mine), ("theirs", theirs)):
            step = next(entry for entry in observed if "ok" in entry)
            assert not step["ok"], f"{side}: {step['step']} should have failed, but: {step}"
            text = json.dumps(step["error"], ensure_ascii=False).replace('\\"', '"').lower()
            for part in case.says:
                assert part.lower() in text, f"{side}: «{part}» is not in {text}"
    expected = differences.EVERYWHERE | set(case.differences)
    found = differences.erase(mine, theirs, expected)
    assert set(case.differences) <= found or implementations.testing_the_reference(), (
        f"no sign of {sorted(set(case.differences) - found)}"
    )
    assert (left := differing(mine, theirs)) == [], "\n".join(left)
    return found


@pytest.mark.xdist_group("differential")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_as_the_reference(case: Case, ours: Implementation, reference: Implementation) -> None:
    """Results, kernel state and lease directory agree, but for the documented differences."""
    seen.update(compare(case, ours, reference))
    played.add(case.name)


@pytest.mark.parametrize("case", [
    pytest.param(case, id=case.name, marks=pytest.mark.needs_links(kind))
    for kind, cases in cases_interfaces.GUEST_CASES.items() for case in cases
])
def test_same_as_the_reference_upon_a_master(case: Case, ours: Implementation, reference: Implementation) -> None:
    """The same for kinds of links that this kernel may lack."""
    compare(case, ours, reference)


def test_case_names_are_unique() -> None:
    """Each case can be called by its name."""
    assert len({case.name for case in CASES}) == len(CASES)


def test_differences_in_code_and_document_are_the_same() -> None:
    """What the comparison forgives is what docs/differences.md explains."""
    assert set(differences.documented()) == set(differences.ERASERS)
    tagged = {tag for case in CASES for tag in case.differences}
    assert tagged <= set(differences.ERASERS)


@pytest.mark.needs_culvert
@pytest.mark.xdist_group("differential")
@pytest.mark.last
def test_every_documented_difference_was_seen() -> None:
    """A difference which no case shows any more has to leave the document."""
    if len(played) < len(CASES):
        pytest.skip("not all cases were played")
    assert seen == set(differences.documented())
