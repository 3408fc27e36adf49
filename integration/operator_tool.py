# SPDX-License-Identifier: Apache-2.0
"""`culvert list`, `show`, `gc` and `reconcile` on a throw-away host."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import implementations
from host import Container, Host, Outcome
from implementations import Implementation
from ipam_tool import CONFIGURATIONS
from runtime import Network, Runtime


class Operator:
    """Runs `culvert` on one host, whose networks are configured as runtimes find them."""

    def __init__(self, host: Host, ours: Implementation, *networks: Network) -> None:
        self.host = host
        self.ours = ours
        self.binary = str(implementations.build_directory() / "culvert")
        directory = host.path(CONFIGURATIONS)
        directory.mkdir(exist_ok=True)
        for listed in networks:
            (directory / f"{listed['name']}.conflist").write_text(json.dumps(listed))
        self.env = {"NETCONFPATH": CONFIGURATIONS, "CULVERT_LOCK_TIMEOUT": "1", "CNI_PATH": ours.cni_path}

    def run(self, *words: str, env: Mapping[str, str] | None = None, wrapper: Sequence[str] = ()) -> Outcome:
        """One call, whatever becomes of it."""
        return self.host.run([*wrapper, self.binary, *words], env={**self.env, **(env or {})})

    def must(self, *words: str) -> str:
        """A call that has to succeed; what it printed."""
        outcome = self.run(*words)
        assert outcome.ok, f"culvert {' '.join(words)}: exit {outcome.status}: {outcome.stdout} {outcome.stderr}"
        return outcome.stdout

    def document(self, *words: str) -> Any:
        """What a call that has to succeed prints for programs."""
        return json.loads(self.must(*words, "-o", "json"))

    def attachments(self, *words: str) -> dict[str, dict[str, Any]]:
        """What list says, by container and interface."""
        listed = self.document("list", *words)["attachments"]
        return {f"{entry['containerID']}:{entry['interface']}": entry for entry in listed}


def connected(runtime: Runtime, name: str, ifname: str = "eth0", **options: Any) -> Container:
    """A new container on a network."""
    container = runtime.host.add_container(name)
    outcome = runtime.add(container, ifname, **options)
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return container
