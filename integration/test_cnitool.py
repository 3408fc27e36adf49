# SPDX-License-Identifier: Apache-2.0
"""The original cnitool with our plugins, and our cnitool with both."""
from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from host import Container, Host, Outcome
from implementations import REPOSITORY, Implementation
from kernel_state import left_behind, lease_files
from runtime import bridge, host_local, network

LIST = network(bridge(host_local("10.77.0.0/24"), isGateway=True, capabilities={"ips": True}), version="1.0.0")
RESULTS = "/var/lib/cni/results"


@pytest.fixture(scope="session")
def original() -> str:
    """The original cnitool, built once."""
    script = REPOSITORY / "integration" / "oracle.sh"
    return subprocess.run([script], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


@pytest.fixture
def mine(ours: Implementation) -> str:
    """Our cnitool."""
    tool = ours.directory / "cnitool"
    assert tool.is_file(), "`culvert` was not built"
    return str(tool)


class Desk:
    """A host with a configuration directory, at which one of the tools is used."""

    def __init__(self, host: Host, plugins: Implementation, listed: Any = LIST) -> None:
        self.host = host
        self.env = {"CNI_PATH": plugins.cni_path, "NETCONFPATH": "/run/net.d"}
        self.configure(listed)
        self.container = host.add_container("c1")

    def configure(self, listed: Any) -> None:
        """Writes the one configuration list."""
        directory = self.host.path("/run/net.d")
        directory.mkdir(exist_ok=True)
        (directory / "10-net.conflist").write_text(json.dumps(listed))

    def use(self, tool: str, verb: str, *words: str, env: Mapping[str, str] | None = None,
            netns: str | None = None) -> Outcome:
        """Runs the tool for the network."""
        command = [tool, verb, "net", netns or self.container.netns, *words]
        return self.host.run(command, env={**self.env, **(env or {})})

    @property
    def id(self) -> str:
        """The container id that the tool makes up."""
        return "cnitool-" + hashlib.sha512(self.container.netns.encode()).hexdigest()[:20]

    def cached(self, ifname: str = "eth0") -> dict[str, Any]:
        """The tool's memory of the attachment."""
        return json.loads(self.host.path(f"{RESULTS}/net-{self.id}-{ifname}").read_text())


def live(desk: Desk, tool: str) -> None:
    """ADD, CHECK and DEL, and nothing afterwards."""
    added = desk.use(tool, "add").result()
    assert added["ips"][0]["address"] == "10.77.0.2/24"
    assert lease_files(desk.host) == {"10.77.0.2": f"{desk.id}\r\neth0"}
    for verb in ("check", "del", "del"):
        outcome = desk.use(tool, verb)
        assert outcome.ok, f"{verb}: {outcome.stdout} {outcome.stderr}"
    assert left_behind(desk.host, [desk.container]) == {}
    assert os.listdir(desk.host.path(RESULTS)) == []


def test_original_tool_with_our_plugins(host: Host, ours: Implementation, original: str) -> None:
    """The plugins satisfy the original runtime library."""
    live(Desk(host, ours), original)


@pytest.mark.needs_culvert
@pytest.mark.parametrize("whose", ["ours", "reference"])
def test_our_tool(host: Host, ours: Implementation, reference: Implementation, mine: str, whose: str) -> None:
    """Our tool runs our plugins and the reference's."""
    live(Desk(host, ours if whose == "ours" else reference), mine)


@pytest.mark.needs_culvert
def test_same_memory(host: Host, reference: Implementation, original: str, mine: str) -> None:
    """Both tools remember an attachment in the same file, with the same content, mode and order of members."""
    desk = Desk(host, reference)
    seen = []
    env = {"CNI_ARGS": "IgnoreUnknown=1;A=b", "CAP_ARGS": json.dumps({"ips": ["10.77.0.9"]}), "CNI_IFNAME": "net1"}
    for tool in (original, mine):
        desk.use(tool, "add", env=env).result()
        path = host.path(f"{RESULTS}/net-{desk.id}-net1")
        document = json.loads(path.read_text())
        result = document.pop("result")
        document.pop("netns", None)  # which the original has too, from its next release on
        seen.append((oct(path.stat().st_mode), oct(path.parent.stat().st_mode), list(document), document,
                     result["ips"]))
        assert desk.use(tool, "del", env=env).ok
    assert seen[0] == seen[1]


@pytest.mark.needs_culvert
@pytest.mark.parametrize("first, second", [("original", "mine"), ("mine", "original")])
def test_one_tool_ends_what_the_other_began(host: Host, ours: Implementation, first: str, second: str,
                                            request: pytest.FixtureRequest) -> None:
    """CHECK and DEL work with the memory of the other tool."""
    desk = Desk(host, ours)
    desk.use(request.getfixturevalue(first), "add").result()
    for verb in ("check", "del"):
        outcome = desk.use(request.getfixturevalue(second), verb)
        assert outcome.ok, outcome.stderr
    assert left_behind(host, [desk.container]) == {}
    assert os.listdir(host.path(RESULTS)) == []


@pytest.mark.parametrize("which", ["original", pytest.param("mine", marks=pytest.mark.needs_culvert)])
def test_environment(host: Host, ours: Implementation, which: str, request: pytest.FixtureRequest) -> None:
    """Interface name, arguments and capabilities come from the environment."""
    desk = Desk(host, ours)
    env = {"CNI_IFNAME": "net7", "CAP_ARGS": json.dumps({"ips": ["10.77.0.50"]})}
    added = desk.use(request.getfixturevalue(which), "add", env=env).result()
    assert added["interfaces"][2]["name"] == "net7"
    assert added["ips"][0]["address"] == "10.77.0.50/24"
    assert desk.cached("net7")["capabilityArgs"] == {"ips": ["10.77.0.50"]}


@pytest.mark.parametrize("which", ["original", pytest.param("mine", marks=pytest.mark.needs_culvert)])
@pytest.mark.parametrize("words", [("jump",), ("add",), ("add", "no-such-network", "/run/netns/c1"),
                                   ("add", "net", "/run/netns/none")], ids=lambda words: " ".join(words))
def test_refusals(host: Host, ours: Implementation, which: str, words: tuple[str, ...],
                  request: pytest.FixtureRequest) -> None:
    """A wrong command line fails with words on stderr, and changes nothing."""
    desk = Desk(host, ours)
    outcome = host.run([request.getfixturevalue(which), *words], env=desk.env)
    assert outcome.status != 0
    assert outcome.stderr or outcome.stdout
    assert left_behind(host, [desk.container]) == {}


@pytest.mark.needs_culvert
def test_collecting(host: Host, ours: Implementation, mine: str) -> None:
    """gc keeps the attachments of the file and ends the others, in the tool's memory as well."""
    desk = Desk(host, ours, {**LIST, "cniVersion": "1.1.0"})
    other = Container("c2", host.add_container("c2").netns)
    desk.use(mine, "add").result()
    desk.use(mine, "add", netns=other.netns).result()
    host.path("/run/valid.json").write_text(json.dumps([{"containerID": desk.id, "ifname": "eth0"}]))
    collected = host.run([mine, "gc", "net", desk.container.netns, "--valid-attachments", "/run/valid.json"],
                         env=desk.env)
    assert collected.ok, collected.stderr
    assert list(lease_files(host).values()) == [f"{desk.id}\r\neth0"]
    assert os.listdir(host.path(RESULTS)) == [f"net-{desk.id}-eth0"]
    assert desk.use(mine, "check").ok
    assert desk.use(mine, "gc").ok, "without a list everything goes"
    assert left_behind(host, [desk.container, other]) == {}


@pytest.mark.needs_culvert
def test_status(host: Host, ours: Implementation, mine: str) -> None:
    """status succeeds while addresses are left, and says code 50 when none is."""
    listed = network(bridge({"type": "host-local", "ranges": [[
        {"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.9", "rangeEnd": "10.77.0.9"}]]}), version="1.1.0")
    desk = Desk(host, ours, listed)
    assert desk.use(mine, "status").ok
    desk.use(mine, "add").result()
    outcome = desk.use(mine, "status")
    assert outcome.status != 0
    assert "50" in outcome.stdout + outcome.stderr or "no IP addresses available" in outcome.stdout + outcome.stderr
