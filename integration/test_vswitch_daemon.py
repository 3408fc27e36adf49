# SPDX-License-Identifier: Apache-2.0
"""`culvert-switchd` as a process: files that it may open."""
from __future__ import annotations

import pathlib

import pytest

from host import Container, Host
from implementations import Implementation
from runtime import Network, Runtime, host_local, network
from switching import new_switch, until

pytestmark = pytest.mark.needs_culvert


def listed(kind: str = "vswitch", name: str = "net", **members: str) -> Network:
    """A network with addresses of its own."""
    subnet = {"net": "10.78.0.0/24", "other": "10.79.0.0/24"}[name]
    return network({"type": kind, "ipam": host_local(subnet), **members}, name=name, version="1.1.0")


def attach(runtime: Runtime, *names: str) -> list[Container]:
    """New containers on a network."""
    containers = runtime.host.add_containers(names)
    for container in containers:
        runtime.add(container).result()
    return containers


def test_as_many_files_as_may_be(host: Host, ours: Implementation) -> None:
    """A service begins with room for a thousand files: the daemon takes all that it may have."""
    with new_switch(host, ours, wrapper=("prlimit", "--nofile=64:5000")) as switch:
        attach(Runtime(host, ours, listed()), *(f"c{number}" for number in range(60)))
        assert switch.process and len(switch.ports()) == 60
        limits = pathlib.Path(f"/proc/{switch.process.pid}/limits").read_text()
        assert next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5] == \
            ["5000", "5000"]


def test_more_clients_than_files(host: Host, ours: Implementation) -> None:
    """Who asks beyond what can be opened waits; the daemon does as well, rather than to try again and again."""
    with new_switch(host, ours, wrapper=("prlimit", "--nofile=32:32")) as switch:
        idle = [switch.connect() for _ in range(50)]
        until(lambda: "Too many open files" in switch.log(), "it can open no more")
        # As long as it is patient with who says nothing.
        assert idle[0].recv(1) == b""
        assert len(switch.log().splitlines()) < 20
        for connection in idle:
            connection.close()
        assert switch.ask("status")["result"]["ports"] == 0
        attach(Runtime(host, ours, listed()), "c1")
        assert set(switch.ports()) == {"c1:eth0"}
