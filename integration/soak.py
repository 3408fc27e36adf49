#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Some hundred containers come, go, die and are damaged for a long time, and the host is looked at again and again."""
from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import host as hosts
import implementations
from host import Container, Host, Outcome, new_host
from implementations import Implementation
from faults import KILLED
from kernel_state import LEASES, RECORDS, link_names
from operator_tool import Operator
from runtime import valid_attachments
from soak_invariants import OWN_LINKS, Invariants, files, processes, temporary
from soak_networks import BRIDGES, PUBLISHING, REPAIRABLE, Attachment, Networks, refusal

#: How many attachments there are once the host is full.
POPULATION = 220
AT_ONCE = 6
BATCH = 18
#: The host is compared with what should be on it each time so many batches are over.
LOOK_EVERY = 12
REMEMBERED = 50
PATIENCE_SECONDS = 600
#: How much the caches may have grown: the index of each lease directory, and pages of the registry of ports.
SLACK = 1 << 20
CONTAINER = re.compile(r"\bc\d+\b")
#: What each call of a runtime may be answered: no address free, port or address taken, somebody holds the lock.
NO_ADDRESS, LOCKED = {103, 104, 105, 106, 107, 108, 109, 110}, {11}
#: What somebody does to a host in the midst of it all, and what puts it right.
DISTURBANCES = ("nothing", "nothing", "nothing", "nothing", "rules flushed", "bridge deleted", "pair deleted",
                "addresses flushed", "lease lock held", "record lock held", "culvert gc", "ipam gc", "reconcile",
                "reload")


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclasses.dataclass
class Figures:
    """What was done, and what it came to."""

    done: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    #: The most attachments, octets of the run directory, and links of the host that there were at once.
    most: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    seconds: float = 0

    def lines(self) -> Iterator[str]:
        """For people."""
        total = sum(self.done.values())
        yield f"{total} operations in {self.seconds:.0f} s: " + ", ".join(
            f"{times} {what}" for what, times in sorted(self.done.items()))
        yield "at most " + ", ".join(f"{number} {what}" for what, number in sorted(self.most.items()))


class Soak:
    """One host, one seed, one stretch of time."""

    def __init__(self, host: Host, ours: Implementation, seed: int) -> None:
        self.host = host
        self.seed = seed
        self.chance = random.Random(seed)
        self.networks = Networks(host, ours, self.chance)
        listed = [runtime.network for runtime in self.networks.runtimes.values()]
        self.tool = Operator(host, ours, *listed)
        self.tool.env["CULVERT_LOCK_TIMEOUT"] = "20"
        self.invariants = Invariants(host, self.tool)
        self.attachments: dict[tuple[str, str], Attachment] = {}
        self.figures = Figures()
        self.log: list[str] = []
        self.number = 0
        #: Whether somebody damages the host right now: then calls may fail, in words.
        self.is_disturbed = False

    # A runtime's calls

    def call(self, what: str, subject: object, run: Callable[[], Outcome], allowed: set[int] | None = None) -> Outcome:
        """Makes one call, which may fail with some codes only, and never without words."""
        outcome = run()
        self.figures.done[what] += 1
        killed = outcome.status in KILLED
        self.log.append(f"{what} {subject}: {'killed' if killed else outcome.status or 'done'} {outcome.stdout[:300]!r}"
                        if not outcome.ok else f"{what} {subject}: done")
        if outcome.ok or (killed and "killed" in what):
            return outcome
        error = refusal(outcome)
        if error is None or (error["code"] not in (allowed or set()) and not self.is_disturbed):
            raise Broken(f"{what} {subject}: exit {outcome.status}: {outcome.stdout} {outcome.stderr}")
        return outcome

    def add(self, each: Attachment, *, killer: dict[str, list[str]] | None = None, hasty: bool = False) -> None:
        """ADD; who fails is deleted again, as runtimes do."""
        options: dict[str, Any] = dict(each.options)
        allowed = set(NO_ADDRESS) if each.network in ("tight", "lan") else set()
        if killer:
            options["wrapper"] = killer
        if hasty:
            options["env"] = {"CULVERT_LOCK_TIMEOUT": "0.01"}
            allowed |= LOCKED
        each.state = "unsure"
        outcome = self.call("ADD killed" if killer else "ADD", each,
                            lambda: each.runtime.add(each.container, each.ifname, **options), allowed)
        if outcome.ok:
            each.state = "whole"
        elif not killer:
            self.delete(each)

    def delete(self, each: Attachment, way: str = "DEL", killer: dict[str, list[str]] | None = None) -> None:
        """DEL, in one of the ways of runtimes."""
        options: dict[str, Any] = dict(each.options)
        if killer:
            options["wrapper"] = killer
        if way == "DEL without anything":
            options = {"env": {"CNI_NETNS": ""}, "remembering": False}
        each.state = "unsure"

        def run() -> Outcome:
            return each.runtime.delete(each.container, each.ifname, **options)

        if way == "DEL twice":
            with concurrent.futures.ThreadPoolExecutor(2) as both:
                calls = [both.submit(self.call, way, each, run) for _ in range(2)]
                outcome = max((call.result() for call in calls), key=lambda one: abs(one.status))
        else:
            outcome = self.call(way, each, run)
        if outcome.ok:
            each.state = "absent"

    def killer(self, each: Attachment) -> dict[str, list[str]]:
        """What ends one plugin of the chain somewhere in the midst of it."""
        kinds = [entry["type"] for entry in each.runtime.network["plugins"]]
        return {self.chance.choice(kinds): ["timeout", "-s", "KILL", f"{self.chance.uniform(0.0003, 0.006):.4f}"]}

    def check(self, each: Attachment) -> None:
        """CHECK."""
        self.call("CHECK", each, lambda: each.runtime.check(each.container, each.ifname, **each.options))

    def die(self, container: Container, each: list[Attachment]) -> None:
        """A container's namespace goes, and nobody tells the plugins."""
        self.figures.done["containers killed"] += 1
        self.log.append(f"container {container.id} killed")
        for attachment in each:
            attachment.is_dead = True
        self.host.must(f"ip netns del {container.id}")

    def sweep(self, name: str) -> None:
        """GC of one network, whose runtime lists everybody but the dead."""
        mine = [each for each in self.attachments.values() if each.network == name]
        gone = [each for each in mine if each.is_dead]
        runtime = self.networks.runtimes[name]
        listed = valid_attachments(*(each.key for each in mine if not each.is_dead))
        self.call("GC", name, lambda: runtime.sweep(listed))
        for each in gone:
            each.state = "absent"

    def status(self, name: str) -> None:
        """STATUS of one network."""
        self.call("STATUS", name, self.networks.runtimes[name].status, {50})

    # What happens to a host besides

    def operate(self, *words: str) -> Outcome:
        """A tool of the operator's, which has to succeed."""
        outcome = self.tool.run(*words)
        name = f"culvert {' '.join(words)}"
        self.figures.done[name] += 1
        self.log.append(f"{name}: {outcome.status} {outcome.stdout[-300:]!r}")
        if not outcome.ok and not self.is_disturbed:
            raise Broken(f"{name}: exit {outcome.status}: {outcome.stdout} {outcome.stderr}")
        return outcome

    def damage(self, what: str, command: str, *remedy: str) -> None:
        """Somebody's hand slips, and somebody may put it right at once."""
        self.figures.done[what] += 1
        self.log.append(f"{what}: {command}")
        self.host.run(["sh", "-c", command])
        if remedy:
            self.operate(*remedy)

    def disturbance(self, what: str) -> Callable[[], None]:
        """Something that happens to the host in the midst of a batch."""
        bystanders = [each for each in self.attachments.values()
                      if each.network in REPAIRABLE and each.state == "whole" and not each.is_dead]
        each = self.chance.choice(bystanders) if bystanders else None
        seconds = f"{self.chance.uniform(0.05, 0.5):.2f}"
        match what:
            case "rules flushed":
                return lambda: self.damage(what, "nft flush ruleset", "reload")
            case "bridge deleted":
                bridge = self.chance.choice(list(BRIDGES.values()))
                return lambda: self.damage(what, f"ip link del {bridge}", "reconcile")
            case "pair deleted" if each:
                return lambda: self.damage(what, f"ip -n {each.container.id} link del {each.ifname}")
            case "addresses flushed" if each:
                return lambda: self.damage(what, f"ip -n {each.container.id} address flush dev {each.ifname}")
            case "lease lock held":
                path = f"{LEASES}/{self.chance.choice(list(BRIDGES))}/lock"
                return lambda: self.damage(what, f"flock {path} sleep {seconds}")
            case "record lock held" if each:
                path = f"{RECORDS}/{each.network}/{each.container.id}:{each.ifname}.json"
                return lambda: self.damage(what, f"test ! -e {path} || flock {path} sleep {seconds}")
            case "culvert gc":
                return lambda: self.operate("gc", "--yes")
            case "ipam gc":
                return lambda: self.operate("ipam", "gc", "--yes")
            case "reconcile" | "reload":
                return lambda: self.operate(what)
            case _:
                return lambda: None

    def repair(self) -> None:
        """What an operator does after a hand has slipped."""
        self.operate("reload")
        self.operate("reconcile")

    # Batches

    def batch(self) -> None:
        """Some calls and perhaps a disturbance, at the same time."""
        what = self.chance.choice(DISTURBANCES)
        self.is_disturbed = what in ("rules flushed", "bridge deleted", "pair deleted", "addresses flushed")
        jobs = self.jobs()
        jobs.insert(self.chance.randrange(len(jobs)), self.disturbance(what))
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as crowd:
            running = [crowd.submit(job) for job in jobs]
        for job in running:
            job.result()
        was_disturbed, self.is_disturbed = self.is_disturbed, False
        if was_disturbed:
            self.repair()
        for key in [key for key, each in self.attachments.items() if each.state == "absent"]:
            self.forget(key)
        alive = sum(each.state == "whole" and not each.is_dead for each in self.attachments.values())
        self.note("attachments", alive)

    def jobs(self) -> list[Callable[[], None]]:
        """Calls that do not concern the same container."""
        jobs: list[Callable[[], None]] = []
        by_container: dict[str, list[Attachment]] = {}
        for each in self.attachments.values():
            by_container.setdefault(each.container.id, []).append(each)
        free = list(by_container)
        self.chance.shuffle(free)
        newcomers = 0.75 if len(self.attachments) < POPULATION * 0.95 else 0.3
        for _ in range(BATCH):
            if not free or self.chance.random() < newcomers:
                jobs.append(self.newcomer(by_container, free))
            else:
                jobs.append(self.change(by_container[free.pop()]))
        if self.chance.random() < 0.2:
            jobs.append(self.about_network(self.chance.choice((self.sweep, self.status))))
        return jobs

    def about_network(self, call: Callable[[str], None]) -> Callable[[], None]:
        """A call that concerns all of a network."""
        name = self.chance.choice(list(self.networks.runtimes))
        return lambda: call(name)

    def newcomer(self, by_container: dict[str, list[Attachment]], free: list[str]) -> Callable[[], None]:
        """An ADD: of a new container, or of one that has another interface already."""
        container, ifname = None, "eth0"
        if free and self.chance.random() < 0.15:
            mine = by_container[free[-1]]
            if len(mine) == 1 and mine[0].state == "whole" and not mine[0].is_dead:
                container, ifname = mine[0].container, {"eth0": "net1", "net1": "eth0"}[mine[0].ifname]
                free.pop()
        if container is None:
            self.number += 1
            container = Container(f"c{self.number}", f"/run/netns/c{self.number}")
        each = self.networks.choose(container, ifname)
        if any(each.network == other.network for other in by_container.get(container.id, ())):
            # The order of routes to one network by two links is nobody's promise.
            each = dataclasses.replace(each, runtime=self.networks.runtimes["six"], options={}, ports=())
            if any(each.network == other.network for other in by_container[container.id]):
                return lambda: None
        killer = self.killer(each) if self.chance.random() < 0.12 else None
        hasty = self.chance.random() < 0.05
        self.attachments[each.key] = each

        def run() -> None:
            if container.id not in by_container:
                self.host.must(f"ip netns add {container.id}")
            self.add(each, killer=killer, hasty=hasty)
        return run

    def change(self, mine: list[Attachment]) -> Callable[[], None]:
        """What happens to a container that is there."""
        each = self.chance.choice(mine)
        if each.state == "unsure" or each.is_dead:
            way = self.chance.choice(("DEL", "DEL without anything", "DEL killed", "nothing", "nothing"))
            return (lambda: None) if way == "nothing" else self.deletion(each, way)
        match self.chance.choices(("check", "delete", "die"), (35, 50, 15))[0]:
            case "check":
                return lambda: self.check(each)
            case "die":
                return lambda: self.die(each.container, mine)
            case _:
                way = self.chance.choices(("DEL", "DEL without anything", "DEL twice", "DEL killed"), (5, 2, 1, 2))[0]
                return self.deletion(each, way)

    def deletion(self, each: Attachment, way: str) -> Callable[[], None]:
        """A DEL; where it is killed is decided before anything runs, so that a seed says what happens."""
        killer = self.killer(each) if way == "DEL killed" else None
        return lambda: self.delete(each, way, killer)

    def forget(self, key: tuple[str, str]) -> None:
        """An attachment that is gone; its container goes with its last one."""
        each = self.attachments.pop(key)
        if not each.is_dead and not any(other.container.id == each.container.id for other in self.attachments.values()):
            self.host.must(f"ip netns del {each.container.id}")

    def note(self, what: str, number: int) -> None:
        """Keeps the highest number."""
        self.figures.most[what] = max(self.figures.most[what], number)

    # Looking

    def end(self, ended: list[Attachment]) -> None:
        """Ends attachments for good, in any order and any way."""
        self.chance.shuffle(ended)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as crowd:
            ways = self.chance.choices(("DEL", "DEL without anything", "DEL twice"), (4, 2, 1), k=len(ended))
            for job in [crowd.submit(self.delete, each, way) for each, way in zip(ended, ways)]:
                job.result()
        for each in ended:
            self.forget(each.key)

    def look(self) -> None:
        """Ends all that was cut off or is dead, then compares everything."""
        if self.chance.random() < 0.5:
            self.operate("gc", "--yes")
        self.end([each for each in self.attachments.values() if each.is_dead or each.state != "whole"])
        whole = list(self.attachments.values())
        self.probe()
        trouble = self.invariants.broken(whole)
        trouble += self.invariants.answers(self.chance.sample(whole, min(len(whole), 8)))
        self.figures.done["looks"] += 1
        self.note("octets in /run/culvert", sum(files(self.host, "/run/culvert").values()))
        self.note("links of the host", len(link_names(self.host)))
        if trouble:
            raise Broken("\n".join(trouble[:30]))

    def probe(self) -> None:
        """One container comes to each network and goes: whoever leases next clears up behind those that died.

        With ports where there can be some, so that whatever is kept for good is there afterwards.
        """
        self.number += 1
        container = self.host.add_container(f"c{self.number}")
        for name in self.networks.runtimes:
            each = self.networks.choose(container, "eth0")
            while each.network != name or (name in PUBLISHING and not each.ports):
                each = self.networks.choose(container, "eth0")
            each.options["args"] = each.options["args"].partition(";IP=10.77")[0]
            self.add(each)
            if each.state == "whole":
                self.delete(each)
        self.host.must(f"ip netns del {container.id}")

    def trace(self) -> dict[str, Any]:
        """What has to be the same before and after."""
        links = link_names(self.host)
        return {
            "links": sorted(links - OWN_LINKS), "rules": self.host.must("nft list ruleset"),
            "files": sorted(files(self.host, "/run", "/var/lib")), "temporary": temporary(self.host),
            "processes": processes(self.host),
            "namespaces": sorted(path.name for path in self.host.path("/run/netns").iterdir()),
        }

    def story(self, trouble: str) -> str:
        """What went wrong, what was done to those concerned, and what was done last."""
        named = set(CONTAINER.findall(trouble))
        lives = [f"{number}: {line}" for number, line in enumerate(self.log)
                 if named & set(CONTAINER.findall(line)) or line.startswith("culvert")]
        parts = [f"CULVERT_TEST_SEED={self.seed}", trouble, "what became of them:", *(lives[-200:] if named else ()),
                 "the last operations:", *self.log[-REMEMBERED:]]
        return "\n".join(parts)

    def run(self, seconds: float) -> Figures:
        """Goes on for so long, then ends everything and compares the host with what it was."""
        began = time.monotonic()
        try:
            self.probe()
            before = self.trace()
            size = sum(files(self.host, "/run/culvert").values())
            batches = 0
            while time.monotonic() < began + seconds:
                self.batch()
                batches += 1
                if batches % LOOK_EVERY == 0:
                    self.look()
            self.look()
            self.end(list(self.attachments.values()))
            self.look()
            if (after := self.trace()) != before:
                changed = [f"{key} were {before[key]} and are {after[key]}" for key in after if after[key] != before[key]]
                raise Broken(f"left: {'; '.join(changed)}")
            rest = sum(files(self.host, "/run/culvert").values())
            if rest > size + SLACK:
                raise Broken(f"{rest} octets are left in /run/culvert, where {size} were in the beginning")
            self.figures.most["octets in /run/culvert in the end"] = rest
            self.figures.most["octets in /run/culvert in the beginning"] = size
        except Exception as wrong:
            raise Broken(self.story(str(wrong))) from wrong
        finally:
            self.figures.seconds = time.monotonic() - began
        return self.figures


def soak(ours: Implementation, seconds: float, seed: int) -> Figures:
    """One soak on a host of its own, on a machine that may have much else to do."""
    usual, hosts.PATIENCE_SECONDS = hosts.PATIENCE_SECONDS, PATIENCE_SECONDS
    try:
        with new_host() as host:
            return Soak(host, ours, seed).run(seconds)
    finally:
        hosts.PATIENCE_SECONDS = usual


def main() -> int:
    """For `make soak`."""
    seed = int(os.environ.get("CULVERT_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    seconds = float(os.environ.get("SOAK_SECONDS") or 1800)
    print(f"CULVERT_TEST_SEED={seed}, {seconds:.0f} s", flush=True)
    ours = implementations.install()
    try:
        for line in soak(ours, seconds, seed).lines():
            print(line)
        return 0
    except Broken as broken:
        print(broken)
        return 1
    finally:
        implementations.uninstall(ours)


if __name__ == "__main__":
    sys.exit(main())
