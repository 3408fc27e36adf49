# SPDX-License-Identifier: Apache-2.0
"""culvert reload: what somebody flushed is there again."""
from __future__ import annotations

import fcntl
import json
import os
import time
from typing import Any

import pytest

from host import PATIENCE_SECONDS, Container, Host, Outcome
from implementations import Implementation, build_directory
from runtime import Runtime, bridge, host_local, network
from traffic import HOST4, OUTSIDE, OUTSIDER4, add_outside, fetch, ruleset, serve

pytestmark = pytest.mark.needs_culvert


#: Runs a program whose standard output is a pipe that nobody reads.
UNHEARD = """
import os, subprocess, sys
end, pipe = os.pipe()
os.close(end)
sys.exit(subprocess.run(sys.argv[1:], stdout=pipe).returncode)
"""


@pytest.fixture
def world(host: Host) -> Host:
    """A host with an outside."""
    add_outside(host)
    return host


def chain_on(host: Host, ours: Implementation, number: int = 0, **members: Any) -> Runtime:
    """A network with everything that rules can be made for."""
    subnets = (f"10.{77 + number}.0.0/24", f"fd{77 + number}::/64")
    entry = bridge(host_local(*subnets), bridge=f"cni{number}", isDefaultGateway=True, hairpinMode=True, ipMasq=True,
                   macspoofchk=True, ipMasqBackend=members.get("backend", "nftables"))
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, **members}
    wall = {"type": "firewall", "ingressPolicy": "same-bridge", **members}
    return Runtime(host, ours, network(entry, ports, wall, name=f"net{number}", version="1.1.0"))


def mapping(port: int) -> dict[str, Any]:
    """A published port."""
    return {"portMappings": [{"hostPort": port, "containerPort": 80, "protocol": "tcp"}]}


def good(outcome: Outcome) -> Outcome:
    """The outcome of a call that has to succeed."""
    assert outcome.ok, f"{outcome.stdout} {outcome.stderr}"
    return outcome


def reload(host: Host, *words: str) -> Outcome:
    """Runs the tool."""
    return host.run([os.path.join(build_directory(), "culvert"), "reload", *words])


@pytest.fixture
def live(world: Host, ours: Implementation) -> list[tuple[Runtime, Container]]:
    """Three containers of two networks."""
    first, second = chain_on(world, ours), chain_on(world, ours, 1)
    made = []
    for number, runtime in enumerate((first, first, second)):
        container = world.add_container(f"c{number}")
        good(runtime.add(container, capabilities=mapping(8080 + number)))
        made.append((runtime, container))
    return made


def comparable(text: str) -> list[str]:
    """A ruleset without the order in which rules and elements came."""
    return sorted(line.strip().rstrip(",") for line in text.replace("elements = {", "").replace("}", "").splitlines())


def test_a_flushed_ruleset_comes_back(world: Host, live: list[tuple[Runtime, Container]]) -> None:
    """`nft flush ruleset`, then one call: the same rules, CHECK passes, and traffic flows."""
    before = ruleset(world)
    world.must("nft flush ruleset")
    outcome = good(reload(world))
    assert comparable(ruleset(world)) == comparable(before)
    for words in ("net0/c0:eth0 bridge", "net0/c1:eth0 portmap", "net1/c2:eth0 firewall", "put back"):
        assert words in outcome.stdout, outcome.stdout
    for number, (runtime, container) in enumerate(live):
        good(runtime.check(container))
        serve(world, container.id, 80)
        assert fetch(world, OUTSIDE, HOST4, 8080 + number) == f"{container.id} {OUTSIDER4}"
    for runtime, container in live:
        good(runtime.delete(container))
    assert ruleset(world) == ""


def test_nothing_missing_nothing_done(world: Host, live: list[tuple[Runtime, Container]]) -> None:
    """The generation of the ruleset stays the same."""
    assert live
    before = world.must("nft list ruleset")
    outcome = good(reload(world))
    assert "nothing is missing" in outcome.stdout
    assert world.must("nft list ruleset") == before


@pytest.mark.parametrize("damage", [
    "nft flush chain inet culvert_portmap hostports", "nft delete table inet cni_plugins_masquerade",
    "nft delete element inet culvert_firewall containers4 '{ 10.77.0.2 }'",
    "nft flush map inet culvert_portmap replies6", "nft flush chain bridge nat PREROUTING",
    "nft delete table inet culvert_firewall",
])
def test_only_what_is_missing_is_put_back(world: Host, live: list[tuple[Runtime, Container]], damage: str) -> None:
    """A single thing that was taken away."""
    before = ruleset(world)
    world.must(damage)
    assert ruleset(world) != before
    assert not reload(world, "--dry-run").ok
    assert ruleset(world) != before
    good(reload(world))
    assert comparable(ruleset(world)) == comparable(before)
    for runtime, container in live:
        good(runtime.check(container))


def test_one_network(world: Host, live: list[tuple[Runtime, Container]]) -> None:
    """`--network` touches no other."""
    assert live
    world.must("nft flush ruleset")
    good(reload(world, "--network", "net1"))
    printed = ruleset(world)
    assert "10.78.0.2" in printed and "10.77.0.2" not in printed


def test_dead_containers_are_passed_over(world: Host, live: list[tuple[Runtime, Container]]) -> None:
    """Rules of a container whose namespace is gone are not made again."""
    assert live
    world.must("nft flush ruleset; ip netns del c0")
    good(reload(world))
    printed = ruleset(world)
    assert "8080" not in printed and "8081" in printed


def test_a_deletion_that_is_faster(world: Host, live: list[tuple[Runtime, Container]]) -> None:
    """Rules of an attachment on which somebody works wait for him, and if that was its DEL, they are not made."""
    assert live
    world.must("nft flush ruleset")
    record = world.path("/run/culvert/attachments/net0/c0:eth0.json")
    tool = os.path.join(build_directory(), "culvert")
    with record.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        running = world.start([tool, "reload"])
        end = time.monotonic() + PATIENCE_SECONDS
        while "10.77.0.3" not in ruleset(world):
            assert time.monotonic() < end, "the others wait for it"
        assert running.poll() is None and "macspoofchk-c0" not in ruleset(world)
        record.unlink()
    assert running.wait(PATIENCE_SECONDS) == 0
    printed = ruleset(world)
    assert "macspoofchk-c1" in printed and "macspoofchk-c0" not in printed
    assert "ip saddr 10.77.0.3" in printed and "ip saddr 10.77.0.2" not in printed


def test_iptables_too(world: Host, ours: Implementation) -> None:
    """What was configured for iptables goes back to iptables."""
    runtime = chain_on(world, ours, backend="iptables")
    container = world.add_container("c1")
    good(runtime.add(container, capabilities=mapping(8080)))
    saved = sorted(line for line in world.must("iptables-save").splitlines() if line.startswith("-A"))
    world.must("nft flush ruleset")
    good(reload(world))
    assert sorted(line for line in world.must("iptables-save").splitlines() if line.startswith("-A")) == saved
    good(runtime.check(container))


def test_for_programs(world: Host, live: list[tuple[Runtime, Container]]) -> None:
    """What was missing, of whom; the same before it is put back and when it is."""
    assert live
    quiet = json.loads(good(reload(world, "-o", "json")).stdout)
    assert (quiet["done"], quiet["findings"], quiet["troubles"]) == (True, [], []) and quiet["ruleSets"] > 0
    world.must("nft delete element inet culvert_firewall containers4 '{ 10.77.0.2 }'")
    looked = reload(world, "--dry-run", "-o", "json")
    document = json.loads(looked.stdout)
    [finding] = document["findings"]
    assert looked.status == 1 and not document["done"] and "10.77.0.2" in finding.pop("missing")[0]
    assert finding == {"network": "net0", "containerID": "c0", "interface": "eth0", "plugin": "firewall"}
    assert good(reload(world, "-o", "name")).stdout == "net0/c0:eth0\n"
    assert good(reload(world, "-o", "name")).stdout == ""


def test_who_cannot_say_it_fails(world: Host) -> None:
    """A full standard output; who does not want to hear more is no failure."""
    tool = f"{build_directory()}/culvert"
    for words in ("reload", "reload -o json", "dhcp status", "dhcp status -o json"):
        full = world.run(["sh", "-c", f"{tool} {words} >/dev/full"])
        assert full.status == 1 and "No space left" in full.stderr, (words, full)
        left = world.run(["/usr/bin/python3", "-c", UNHEARD, tool, *words.split()])
        assert left.status == 0 and "roken pipe" not in left.stderr, (words, left)


def test_without_records(world: Host) -> None:
    """A host on which nobody ever joined a network."""
    assert "nothing is missing" in good(reload(world)).stdout


def test_the_command_line(world: Host) -> None:
    """Help says what it does, and wrong words are refused."""
    assert "flush" in good(reload(world, "--help")).stdout
    assert reload(world, "--nonsense").status == 64
