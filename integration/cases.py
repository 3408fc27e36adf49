# SPDX-License-Identifier: Apache-2.0
"""The form of a comparison case; the cases themselves are in cases_*.py."""
from __future__ import annotations

import dataclasses
from typing import Any

from kernel_state import LEASES
from runtime import Network, bridge, network

#: One attachment from beginning to end, with a DEL too many.
LIFE = ("ADD c1", "CHECK c1", "DEL c1", "DEL c1")
#: The same for configurations older than CHECK.
OLD_LIFE = ("ADD c1", "DEL c1", "DEL c1")


@dataclasses.dataclass(frozen=True)
class Case:
    """A configuration and what is done with it, on both implementations alike."""

    name: str
    network: Network = dataclasses.field(default_factory=lambda: network(bridge()))
    #: `VERB container [variant]`, see `test_differential.play`.
    steps: tuple[str, ...] = LIFE
    #: Shell run on the host, and in container c1, before the first step.
    prepare: str = ""
    inside: str = ""
    args: str = ""
    capabilities: dict[str, Any] = dataclasses.field(default_factory=dict)
    env: dict[str, str | None] = dataclasses.field(default_factory=dict)
    ifname: str = "eth0"
    #: Text for stdin in place of the network's JSON.
    stdin: str | None = None
    leases: str = LEASES
    #: Ids of docs/differences.md which are expected in this case, beside the ones expected anywhere.
    differences: tuple[str, ...] = ()
    #: The ADD (or the only step) fails on both sides, and both errors contain these words, whatever their case.
    says: tuple[str, ...] = ()
    fails: bool = False


def life(version: str | None) -> tuple[str, ...]:
    """The steps that a configuration of that version allows."""
    return LIFE if version in ("0.4.0", "1.0.0") else OLD_LIFE


def plain(name: str, version: str | None = "1.0.0", *, ipam: Any = "default", **members: Any) -> Case:
    """A case of one bridge that has nothing special but the given members."""
    return Case(name, network(bridge(ipam, **members), version=version), life(version))


def refused(name: str, *says: str, version: str | None = "1.0.0", ipam: Any = "default", **members: Any) -> Case:
    """A case of one bridge whose ADD fails on both sides, followed by the DEL that runtimes send."""
    listed = network(bridge(ipam, **members), version=version)
    return Case(name, listed, ("ADD c1", "DEL c1"), says=says, fails=True)


def change(case: Case, **fields: Any) -> Case:
    """The case with some of its fields replaced."""
    return dataclasses.replace(case, **fields)
