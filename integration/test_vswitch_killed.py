# SPDX-License-Identifier: Apache-2.0
"""`vswitch` killed or refused at system calls, and its daemon killed at any moment."""
from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from faults import FOREIGN_RULES, Bench, refusals, thinned, try_all
from host import Container, Host, new_host
from implementations import Implementation
from kernel_state import LEASES, RECORDS, lease_files, link_names, read_tree
from runtime import Network, Runtime, host_local, network
from switching import SOCKET, Switch, new_switch, until
from test_killed import killed_add, killed_delete, refused_add, refused_delete

pytestmark = pytest.mark.needs_culvert

ATTEMPTS = {("ADD", "killed"): killed_add, ("DEL", "killed"): killed_delete,
            ("ADD", "refused"): refused_add, ("DEL", "refused"): refused_delete}
#: Unless told otherwise, each n-th point; no multiple of three, which is how many errors a call is refused with.
STRIDES = {"killed": 29, "refused": 89}
#: How often the daemon is killed.
DEATHS = int(os.environ.get("CULVERT_SWITCH_DEATHS", "12"))
#: ADD without a daemon, and with one that goes away before it answers, or is not the one that listened before.
AWAY = (11, 51, 100)


def listed(**members: Any) -> Network:
    """A network with all that a port can have."""
    entry = {"type": "vswitch", "isGateway": True, "ipMasq": True, "macspoofchk": True, "ipspoofchk": True,
             "ipam": host_local("10.77.0.0/24", "fd77::/64"), **members}
    return network(entry, version="1.1.0")


class SwitchBench(Bench):
    """As its parent, with a daemon that runs, and whose ports have to be gone as well."""

    def __init__(self, host: Host, implementation: Implementation, given: Network) -> None:
        self.host = host
        self.runtime = Runtime(host, implementation, given)
        self.container = host.add_container("c1")
        self.env = {"CULVERT_LOCK_TIMEOUT": "0.3"}
        self.switch = Switch(host, implementation)
        # It ends with the host, not with this object.
        host.start(["sh", "-c", '"$0" 2>/dev/null & cat >/dev/null; kill -9 $!', self.switch.program])
        until(self.switch.answers, "the daemon answers")
        host.must("nft -f -", stdin=FOREIGN_RULES)
        self.rules = host.must("nft list ruleset")

    def reset(self) -> None:
        """Takes away what survives a DEL on purpose; the directory of records itself is the daemon's as well."""
        self.host.run(["ip", "link", "del", "vs0"])
        shutil.rmtree(self.host.path(LEASES), ignore_errors=True)
        for network_of_records in self.host.path(RECORDS).glob("*"):
            shutil.rmtree(network_of_records, ignore_errors=True)

    def remains(self) -> str:
        """What is left of the attachment; empty when nothing is."""
        found: dict[str, Any] = {
            "links": sorted(link_names(self.host) - {"lo", "vs0"}),
            "links of c1": sorted(link_names(self.host, self.container.netns) - {"lo"}),
            "leases": sorted(lease_files(self.host)),
            "records": [path for path, entry in read_tree(self.host.path(RECORDS)).items()
                        if entry["content"] is not None],
        }
        if (rules := self.host.must("nft list ruleset")) != self.rules:
            found["rules"] = rules
        if left := {what: which for what, which in found.items() if which}:
            return f"left: {left}"
        # What the plugin could not say, the daemon sees for itself.
        until(lambda: self.switch.ports() == {}, "its port is closed")
        return ""

    def remains_of_last(self) -> str:
        """There is one plugin only."""
        return self.remains()


def test_plugin_anywhere(ours: Implementation, say: Callable[[str], None]) -> None:
    """Killed anywhere, one DEL leaves nothing; refused anywhere, ADD takes everything back, the switch's port too."""
    with new_host() as host:
        bench = SwitchBench(host, ours, listed())
        bench.reset()
        traces = {"ADD": bench.trace(bench.add), "DEL": bench.trace(bench.delete)}
    trouble = []
    for number, ((verb, fate), attempt) in enumerate(ATTEMPTS.items()):
        points = traces[verb] if fate == "killed" else refusals(traces[verb])
        chosen = thinned(points, STRIDES[fate], start=number * 7)
        assert chosen
        wrong = try_all(chosen, ours, listed(), attempt, SwitchBench)
        say(f"vswitch {verb} {fate}: {len(chosen)} of {len(points)} points, {len(wrong)} went wrong")
        trouble += [f"{verb} {complaint}" for complaint in wrong]
    assert trouble == [], "\n".join(trouble[:20])


class Guests:
    """Containers that come and go whatever becomes of the daemon."""

    def __init__(self, runtime: Runtime, containers: list[Container]) -> None:
        self.runtime = runtime
        self.containers = containers
        self.ended = threading.Event()
        self.trouble: list[str] = []
        #: How many ADDs there were, and how many found a daemon.
        self.added = self.refused = 0
        self.thread = threading.Thread(target=self.come_and_go)

    def come_and_go(self) -> None:
        """Until somebody says that it is enough, or something is wrong."""
        while not self.ended.is_set() and not self.trouble:
            for container in self.containers:
                if complaint := self.visit(container):
                    self.trouble.append(f"{container.id}: {complaint}")

    def visit(self, container: Container) -> str:
        """What is wrong with one ADD and its DEL; empty when nothing is."""
        outcome = self.runtime.add(container)
        if outcome.ok:
            self.added += 1
        else:
            self.refused += 1
            if (code := outcome.error()["code"]) not in AWAY:
                return f"ADD failed with {code}: {outcome.stdout}"
            if left := link_names(self.runtime.host, container.netns) - {"lo"}:
                return f"ADD was refused and left {left}"
        if not (deleted := self.runtime.delete(container)).ok:
            return f"DEL failed: {deleted.stdout}"
        left = link_names(self.runtime.host, container.netns) - {"lo"}
        return f"DEL left {left}" if left else ""

    def __enter__(self) -> Guests:
        self.thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self.ended.set()
        self.thread.join()


def test_daemon_at_any_moment(host: Host, ours: Implementation, say: Callable[[str], None]) -> None:
    """Killed under traffic and while containers come and go: those that stay hear each other again, nothing is left."""
    seed = int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)
    runtime = Runtime(host, ours, listed())
    with new_switch(host, ours) as switch:
        one, two, *others = host.add_containers(["c1", "c2", "g1", "g2"])
        for container in (one, two):
            runtime.add(container).result()
        target = runtime.results["c2", "eth0"]["ips"][0]["address"].split("/")[0]
        host.start(["sh", "-c", f"ping -n -q -i 0.002 -s 1000 {target} >/dev/null 2>&1 & cat >/dev/null; kill $!"],
                   netns=one.netns)
        with Guests(runtime, others) as guests:
            for _ in range(DEATHS):
                guests.ended.wait(chance.random() * 0.2)
                switch.stop(signal.SIGKILL)
                guests.ended.wait(chance.random() * 0.1)
                switch.start()
                assert {"c1:eth0", "c2:eth0"} <= set(switch.ports()), f"seed {seed}: {switch.log()}"
                hears = host.run(["ping", "-n", "-q", "-c", "1", "-w", "20", target], netns=one.netns)
                assert hears.ok, f"seed {seed}: {switch.log()}"
        assert guests.trouble == [], f"seed {seed}: {guests.trouble}"
        say(f"{DEATHS} deaths, {guests.added} ADDs, {guests.refused} refused")
        until(lambda: set(switch.ports()) == {"c1:eth0", "c2:eth0", "vs0"}, "only those that stay have ports")
        for container in (one, two):
            assert runtime.check(container).ok and runtime.delete(container).ok
        assert switch.ports() == {}
    # One that was killed leaves its socket, which the next one replaces.
    assert host.path(SOCKET).exists() and link_names(host) == {"lo", "vs0"}
    assert lease_files(host) == {} and "masq" not in host.must("nft list ruleset")
