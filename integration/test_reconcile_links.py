# SPDX-License-Identifier: Apache-2.0
"""culvert reconcile: devices that the host has lent, and interfaces that are in a VRF of their container."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from faults import KILLED, points_in
from host import Container, Host, Outcome
from implementations import Implementation
from interfaces import DUAL, NEIGHBOURS, WIRE, lan, reaches
from operator_tool import Operator, connected
from runtime import Network, Runtime, bridge, host_local, network

pytestmark = pytest.mark.needs_culvert

ALL_IS_WELL = "all is well with 1 attachment\n"


def loan(**members: Any) -> Network:
    """The wire for a container."""
    routes = [{"dst": "192.0.2.0/24", "gw": "10.77.0.200"}, {"dst": "2001:db8::/32", "gw": "fd77::200"}]
    entry = {"type": "host-device", "device": WIRE, "ipam": {**DUAL, "routes": routes}, **members}
    return network(entry, name="loan", version="1.1.0")


class Lender:
    """A host with a wire to a neighbour, that a container has."""

    def __init__(self, host: Host, ours: Implementation, listed: Network) -> None:
        self.host = host
        lan(host)
        self.before = self.device()
        self.tool = Operator(host, ours, listed)
        self.runtime = Runtime(host, ours, listed)
        self.container = connected(self.runtime, "c1")

    def device(self) -> dict[str, Any]:
        """What the wire is on the host."""
        shown = json.loads(self.host.must(f"ip -d -j link show dev {WIRE}"))[0]
        return {"mac": shown["address"], "mtu": shown["mtu"], "up": "UP" in shown["flags"], "alias": shown.get("ifalias")}

    def prove(self) -> None:
        """CHECK passes, and the neighbour answers by both families."""
        checked = self.runtime.check(self.container)
        assert checked.ok, checked.stdout
        assert any(reaches(self.host, self.container, *NEIGHBOURS) == [] for _ in range(4))

    def end(self) -> None:
        """DEL gives the device back as it was."""
        assert self.runtime.delete(self.container).ok
        assert self.device() == self.before


#: What may be done to a device in a container, in it or on the host, and what is said of it.
TAKEN = "ip -n c1 link set eth0 netns {pid}"
DAMAGES = {
    "down": ("ip -n c1 link set eth0 down", "eth0 is down"),
    "flushed": ("ip -n c1 address flush dev eth0", "eth0 lacks address 10.77.0.2/24"),
    "routes": ("ip -n c1 route flush dev eth0; ip -n c1 -6 route flush dev eth0",
               "eth0 lacks the route to 192.0.2.0/24 via 10.77.0.200"),
    "mark": ("ip -n c1 link set eth0 alias ''", f"eth0 lacks the alias {WIRE}"),
    "taken": (TAKEN, "eth0 is missing"),
    "taken and renamed": (f"{TAKEN}; ip link set eth0 name {WIRE}; ip link set {WIRE} up", "eth0 is missing"),
}


def test_a_lent_device_is_put_right(host: Host, ours: Implementation) -> None:
    """Whatever was done to it: said before it is done, done once, and DEL gives it back as it was."""
    lender = Lender(host, ours, loan())
    lender.prove()
    for name, (damage, says) in DAMAGES.items():
        host.must(damage.format(pid=host.pid))
        said = lender.tool.run("reconcile", "--dry-run")
        assert said.status == 1 and says in said.stdout, (name, said)
        done = lender.tool.run("reconcile")
        assert done.ok and says in done.stdout, (name, done)
        assert lender.tool.must("reconcile") == ALL_IS_WELL, name
        lender.prove()
    lender.end()


def test_what_cannot_be_lent_again_is_said(host: Host, ours: Implementation) -> None:
    """A device that was renamed, marked by somebody, lent to another container, or is gone; nothing is done to it."""
    lender = Lender(host, ours, loan())

    def refused(words: str) -> None:
        outcome = lender.tool.run("reconcile")
        assert outcome.status == 1 and words in outcome.stderr, (words, outcome)

    host.must("ip -n c1 link set eth0 down; ip -n c1 link set eth0 name lan; ip -n c1 link set lan up")
    refused("ip link set lan name eth0")
    host.must("ip -n c1 link set lan down; ip -n c1 link set lan name eth0; ip -n c1 link set eth0 alias mine")
    refused(f"eth0 is not {WIRE} of the host by its alias")
    assert "mine" in host.must("ip -n c1 link show dev eth0")
    host.must(f"ip -n c1 link set eth0 alias {WIRE}")
    assert lender.tool.run("reconcile").ok
    lender.prove()
    host.must(TAKEN.format(pid=host.pid))
    second = connected(lender.runtime, "c2")
    refused("eth0 is missing")
    host.must(f"ip -n c2 link set eth0 netns {host.pid}")
    # The last who had it comes first.
    refused("loan/c1:eth0 host-device: eth0 is missing, and wire is not on the host")
    assert "eth0" in host.must("ip -n c2 -o link") and "eth0" not in host.must("ip -n c1 -o link")
    assert lender.runtime.delete(second).ok
    refused(f"{WIRE} is not on the host, or without its mark")
    lender.end()


def test_devices_of_the_dead_and_of_processes_stay_where_they_are(host: Host, ours: Implementation) -> None:
    """The kernel took one back from a dead namespace; of another, a process is the owner."""
    lender = Lender(host, ours, loan())
    host.must(f"{TAKEN.format(pid=host.pid)}; ip netns del c1")
    outcome = lender.tool.run("reconcile")
    assert "eth0" in host.must("ip -o link") and "missing" not in outcome.stdout, outcome
    lender.end()
    runtime = Runtime(host, ours, loan(dpdkMode=True))
    container = connected(runtime, "c3")
    assert lender.tool.must("reconcile") == ALL_IS_WELL
    assert runtime.delete(container).ok


def test_killed_anywhere_a_device_is_not_lost(host: Host, ours: Implementation, say: Callable[[str], None]) -> None:
    """At changes of the network, every n-th as CULVERT_FAULT_STRIDE says: a second run completes it."""
    lender = Lender(host, ours, loan())
    damage = TAKEN.format(pid=host.pid)
    host.must(damage)
    trace = ["strace", "-qq", "-o", "/run/trace", "-e", "trace=sendmsg,sendto,setns"]
    assert lender.tool.run("reconcile", wrapper=trace).ok
    points = points_in(host.path("/run/trace").read_text())
    stride = int(os.environ.get("CULVERT_FAULT_STRIDE", "0")) or max(1, len(points) // 8)
    count = 0
    for point in points[::stride]:
        host.must(damage)
        killed = lender.tool.run("reconcile", wrapper=[word for word in point.wrapper if word != "-f"])
        count += killed.status in KILLED
        assert lender.tool.run("reconcile").ok, point
        assert lender.tool.must("reconcile") == ALL_IS_WELL, point
    lender.prove()
    lender.end()
    assert count > 0
    say(f"culvert reconcile of a device was killed at {count} points")


class Domain:
    """A container that cnitool has put on a bridge and into a VRF."""

    def __init__(self, host: Host, ours: Implementation) -> None:
        routes = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
        entry = bridge(host_local("10.77.0.0/24", "fd77::/64", routes=routes), isDefaultGateway=True)
        listed = network(entry, {"type": "vrf", "vrfname": "red", "table": 5}, name="lan", version="1.1.0")
        self.host = host
        self.tool = Operator(host, ours, listed)
        self.container: Container = host.add_container("c1")
        self.cnitool = str(ours.directory / "cnitool")
        self.use("add")
        self.id = "cnitool-" + hashlib.sha512(self.container.netns.encode()).hexdigest()[:20]
        self.prove()

    def use(self, verb: str) -> None:
        """One verb for the container, as a runtime has it done that remembers."""
        outcome = self.host.run([self.cnitool, verb, "lan", self.container.netns], env=self.tool.env)
        assert outcome.ok, f"{verb}: {outcome.stdout} {outcome.stderr}"

    def reconcile(self, *words: str) -> Outcome:
        return self.tool.run("reconcile", *words)

    def prove(self) -> None:
        """CHECK passes, the gateways answer within the VRF, and no route leads past it."""
        self.use("check")
        reached = (reaches(self.host, self.container, "10.77.0.1", "fd77::1", through="red") for _ in range(4))
        assert any(silent == [] for silent in reached)
        for family in ("-4", "-6"):
            assert "eth0" not in self.host.must(f"ip -n c1 {family} route show table main")
            assert "default" in self.host.must(f"ip -n c1 {family} route show table 5")


DOMAIN_DAMAGES = {
    "deleted": ("link del red", "lan/{id}:eth0 vrf: VRF red is missing"),
    "left": ("link set eth0 nomaster", "lan/{id}:eth0 vrf: eth0 is not in VRF red"),
    "down": ("link set red down", "lan/{id}:eth0 vrf: VRF red is down"),
    "default elsewhere": ("route del default table 5\nroute add default via 10.77.0.1 dev eth0",
                          "lan/{id}:eth0 vrf: route to 0.0.0.0/0 is not in table 5"),
    "flushed": ("route flush table 5 type unicast\n-6 route flush table 5 type unicast",
                "lan/{id}:eth0 bridge: eth0 lacks the route to 0.0.0.0/0 via 10.77.0.1"),
    "pair gone": ("link del eth0", "lan/{id}:eth0 bridge: eth0 is missing"),
    "all": ("link del eth0\nlink del red", "lan/{id}:eth0 bridge: eth0 is missing"),
}


@pytest.mark.needs_links("vrf")
def test_an_interface_comes_back_into_its_vrf(host: Host, ours: Implementation) -> None:
    """With its routes, by what its runtime remembers; nothing is done where that says nothing, or somebody else did."""
    domain = Domain(host, ours)
    assert domain.reconcile().stdout == ALL_IS_WELL
    for name, (damage, says) in DOMAIN_DAMAGES.items():
        for line in damage.splitlines():
            host.must(f"ip -n c1 {line}")
        words = says.format(id=domain.id)
        said = domain.reconcile("--dry-run")
        assert said.status == 1 and words in said.stdout, (name, said)
        done = domain.reconcile()
        assert done.ok and words in done.stdout, (name, done)
        again = domain.reconcile()
        assert again.ok and again.stdout == ALL_IS_WELL, (name, again)
        domain.prove()
    host.must("ip -n c1 link add blue type vrf table 6; ip -n c1 link set eth0 master blue")
    refused = domain.reconcile()
    assert refused.status == 1 and "has already a master set: blue" in refused.stderr, refused
    host.must("ip -n c1 link set eth0 nomaster")
    memory = host.path(f"/var/lib/cni/results/lan-{domain.id}-eth0")
    kept = memory.read_text()
    memory.unlink()
    domain.reconcile()
    assert domain.reconcile().stdout == ALL_IS_WELL
    assert "master" not in json.loads(host.must("ip -n c1 -j link show dev eth0"))[0]
    memory.write_text(kept)
    assert domain.reconcile().ok
    domain.prove()
    domain.use("del")
