# SPDX-License-Identifier: Apache-2.0
"""Takes out of an observation what may differ between any two runs: random names, generated MACs, timing."""
from __future__ import annotations

import json
import re
from typing import Any

from kernel_state import State

HOST_END = re.compile(r"^veth[0-9a-f]{8}$")
#: A bridge learns of its ports' carrier up to a second later.
CARRIER_FLAGS = {"LOWER_UP", "NO-CARRIER"}


def rename(value: Any, names: dict[str, str]) -> Any:
    """The value with every occurrence of the names replaced."""
    if not names:
        return value
    pattern = re.compile("|".join(re.escape(name) for name in names))
    return json.loads(pattern.sub(lambda match: names[match[0]], json.dumps(value)))


def host_end_names(state: State) -> dict[str, str]:
    """Names for the host ends of veth pairs, in the order in which they were made."""
    links = state["host"]["links"]
    ends = sorted((name for name in links if HOST_END.match(name)), key=lambda name: links[name]["index"])
    return {name: f"host-end-{number}" for number, name in enumerate(ends, 1)}


def mac_in_kernel(state: State, interface: dict[str, Any]) -> str | None:
    """The MAC address which the link that a result speaks of really has."""
    if "sandbox" not in interface:
        return state["host"]["links"].get(interface["name"], {}).get("mac")
    for container, network in state["containers"].items():
        if interface["sandbox"].endswith(container):
            return network["links"].get(interface["name"], {}).get("mac")
    return None


def normalise_result(result: Any, state: State, configured: str) -> Any:
    """The result with generated MACs replaced by the statement that the kernel agrees."""
    if not isinstance(result, dict):
        return result
    result = json.loads(json.dumps(result))
    for interface in result.get("interfaces", ()):
        mac = interface.get("mac", "")
        if mac and mac.lower() not in configured and mac == mac_in_kernel(state, interface):
            interface["mac"] = "as in the kernel"
    return rename(result, host_end_names(state))


def normalise_network(network: State, configured: str, *, host: bool) -> State:
    """One namespace's state without what chance and time decide."""
    for link in network["links"].values():
        del link["index"]
        if link["mac"] not in configured and link["kind"] != "loopback":
            link["mac"] = "generated"
        if link["kind"] == "bridge":
            link["flags"] = [flag for flag in link["flags"] if flag not in CARRIER_FLAGS]
            del link["operstate"]
        own = [entry for entry in link["addresses"] if entry["scope"] == "link" and entry["family"] == "inet6"]
        link["addresses"] = [entry for entry in link["addresses"] if entry not in own]
        if not host:
            link["link-local address"] = bool(own)
    network["routes"] = sorted((
        {**route, "flags": [flag for flag in route["flags"] if flag != "linkdown"]}
        for route in network["routes"] if not route["dst"].startswith("fe80:")
    ), key=json.dumps)  # By the names that links have here, not by those that chance gave them.
    return network


def normalise_state(state: State, configured: str) -> State:
    """A snapshot as it would look on any other run."""
    state = rename(state, host_end_names(state))
    state["host"] = normalise_network(state["host"], configured, host=True)
    state["containers"] = {
        name: normalise_network(network, configured, host=False) for name, network in state["containers"].items()
    }
    del state["records"]  # Only one side keeps records; test_defects and test_killed look at them.
    return state


def differing(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Each place where two values differ, as one line."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            line for key in sorted({*ours, *theirs}, key=str)
            for line in differing(ours.get(key, "(absent)"), theirs.get(key, "(absent)"), f"{path}/{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            line for number, pair in enumerate(zip(ours, theirs)) for line in differing(*pair, f"{path}[{number}]")
        ]
    if ours == theirs:
        return []
    shown = [text if len(text := json.dumps(side)) < 300 else f"{text[:300]}…" for side in (ours, theirs)]
    return [f"{path}: ours {shown[0]}, theirs {shown[1]}"]
