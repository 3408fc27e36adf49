# SPDX-License-Identifier: Apache-2.0
"""The lease store: many processes of both implementations, reboots, and plugins killed at every system call."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import random
import time
from collections.abc import Callable

import pytest

from faults import REFUSABLE, Point, points_in, thinned
from host import Container, Host, Outcome, new_host
from implementations import Implementation
from kernel_state import LEASES, lease_files
from runtime import Network, Runtime, host_local, network, valid_attachments

needs_culvert = pytest.mark.needs_culvert
NOWHERE = "/run/netns/none"
SECONDS = float(os.environ.get("CULVERT_HAMMER_SECONDS", "10"))
PARTIES = 32
INDEX = "/run/culvert/ipam"


def leasing(*subnets: str, version: str = "1.1.0", **members: object) -> Network:
    """A network which only gives addresses."""
    ipam = host_local(*(subnets or ["10.77.0.0/24"]), **members)
    return network({"type": "host-local", "ipam": ipam}, version=version)


def addresses(outcome: Outcome) -> list[str]:
    """The addresses of a result, without their prefixes."""
    return [entry["address"].split("/")[0] for entry in outcome.result()["ips"]]


def owner(address: str, host: Host) -> str | None:
    """Whom the lease directory says an address belongs to."""
    path = host.path(f"{LEASES}/net/{address}")
    return path.read_text().replace("\n", " ") if path.exists() else None


def reboot(host: Host) -> None:
    """What a reboot does: /run is empty, and every file is older than the boot."""
    host.must("rm -rf /run/culvert")
    old = time.time() - 10 * 365 * 86400
    for path in host.path(f"{LEASES}/net").iterdir():
        os.utime(path, (old, old))


# Both at once


class Crowd:
    """Many runtimes of both implementations on one directory, each with a container of its own."""

    def __init__(self, host: Host, sides: tuple[Implementation, Implementation], listed: Network) -> None:
        self.runtimes = [Runtime(host, sides[number % 2], listed) for number in range(2 * PARTIES)]
        self.other = [Runtime(host, sides[1 - number % 2], listed) for number in range(2 * PARTIES)]
        self.trouble: list[str] = []
        self.lives = 0

    def live(self, number: int, end: float) -> None:
        """Comes and goes until the end; DEL comes from either side."""
        chance = random.Random(number)
        life = 0
        while time.monotonic() < end and not self.trouble:
            container = Container(f"c{number}-{life}", NOWHERE)
            added = self.runtimes[number].add(container)
            if not added.ok:
                self.trouble.append(f"ADD: {added.stdout} {added.stderr}")
                return
            given = addresses(added)
            wrong = [a for a in given if owner(a, self.runtimes[number].host) != f"{container.id} eth0"]
            if wrong:
                self.trouble.append(f"{container.id} was given {wrong}")
            deleted = chance.choice([self.runtimes, self.other])[number].delete(container)
            if not deleted.ok:
                self.trouble.append(f"DEL: {deleted.stdout} {deleted.stderr}")
            life += 1
            self.lives += 1


def test_hammering_together(host: Host, ours: Implementation, reference: Implementation) -> None:
    """32 of each come and go: nobody gets another one's address, and nothing is left."""
    crowd = Crowd(host, (ours, reference), leasing("10.77.0.0/24", "fd77::/64", version="1.0.0"))
    end = time.monotonic() + SECONDS
    with concurrent.futures.ThreadPoolExecutor(2 * PARTIES) as pool:
        for done in [pool.submit(crowd.live, number, end) for number in range(2 * PARTIES)]:
            done.result()
    assert crowd.trouble == []
    assert crowd.lives >= 2 * PARTIES
    assert lease_files(host) == {}


# Reboot


@needs_culvert
def test_reboot_frees_what_is_needed(host: Host, ours: Implementation) -> None:
    """A full pool of dead leases is no full pool: they go when an address is needed, and STATUS knows."""
    runtime = Runtime(host, ours, leasing("10.77.0.0/29"))
    before = {addresses(runtime.add(Container(f"old{number}", NOWHERE)))[0] for number in range(5)}
    assert runtime.add(Container("one-too-many", NOWHERE)).error()["code"] == 103
    assert runtime.status().error()["code"] == 50
    reboot(host)
    assert runtime.status().ok
    added = runtime.add(Container("new", NOWHERE))
    assert addresses(added)[0] in before
    assert "reclaimed" in added.stderr
    assert {content.split("\r\n")[0] for content in lease_files(host).values()} == {"new"}


@needs_culvert
def test_the_number_of_a_dead_namespace_keeps_no_address(host: Host, ours: Implementation) -> None:
    """The kernel gives the lowest number that is free to the next namespace, which knows nothing of the address."""
    runtime = Runtime(host, ours, leasing("10.77.0.0/30"))
    dead = host.add_container("dead")
    given = addresses(runtime.add(dead))
    number = host.must(f"stat -L -c %i {dead.netns}")
    host.remove_container(dead)
    # Another test may be quicker, which makes it as good a stranger.
    strangers = 0
    while strangers < 64 and number != host.must(f"ip netns add s{strangers}; stat -L -c %i /run/netns/s{strangers}"):
        strangers += 1
    assert addresses(runtime.add(host.add_container("new"))) == given


@needs_culvert
def test_reboot_keeps_the_address_of_who_comes_back(host: Host, ours: Implementation) -> None:
    """A container that is started again before its lease was needed has its address."""
    runtime = Runtime(host, ours, leasing())
    before = [addresses(runtime.add(Container(f"c{number}", NOWHERE))) for number in range(3)]
    reboot(host)
    assert [addresses(runtime.add(Container(f"c{number}", NOWHERE))) for number in range(3)] == before


@needs_culvert
def test_reboot_does_not_free_what_has_come_since(host: Host, ours: Implementation,
                                                  reference: Implementation) -> None:
    """Leases of this boot stay, whoever made them."""
    listed = leasing("10.77.0.0/29", version="1.0.0")
    runtime, other = Runtime(host, ours, listed), Runtime(host, reference, listed)
    addresses(runtime.add(Container("old", NOWHERE)))
    reboot(host)
    mine = addresses(runtime.add(Container("mine", NOWHERE)))
    theirs = [addresses(other.add(Container(f"theirs{number}", NOWHERE))) for number in range(3)]
    addresses(runtime.add(Container("new", NOWHERE)))
    error = runtime.add(Container("one-too-many", NOWHERE)).error()
    assert error["code"] == 103 and "5 in total, 5 used" in error["details"] and "ipam gc" in error["details"]
    assert owner(mine[0], host) == "mine eth0"
    assert [owner(address[0], host) for address in theirs] == [f"theirs{number} eth0" for number in range(3)]


# Containers that are gone


@needs_culvert
def test_dead_containers_are_not_in_the_way(host: Host, ours: Implementation) -> None:
    """Who lost his namespace without any DEL gives way; who has it stays."""
    runtime = Runtime(host, ours, leasing("10.77.0.0/29"))
    containers = host.add_containers([f"c{number}" for number in range(5)])
    for container in containers:
        addresses(runtime.add(container))
    assert runtime.add(host.add_container("early")).error()["code"] == 103
    host.remove_container(containers[3])
    addresses(runtime.add(host.add_container("new")))
    assert {content.split("\r\n")[0] for content in lease_files(host).values()} == {"c0", "c1", "c2", "c4", "new"}


@needs_culvert
def test_second_namespace_is_refused(host: Host, ours: Implementation) -> None:
    """One interface in two living namespaces: the error names both, and the first one keeps its address."""
    runtime = Runtime(host, ours, leasing())
    first, second = host.add_containers(["a", "b"])
    given = addresses(runtime.add(Container("c1", first.netns)))
    error = runtime.add(Container("c1", second.netns)).error_text
    assert "duplicate allocation is not allowed" in error and first.netns in error and second.netns in error
    assert addresses(runtime.add(Container("c1", first.netns))) == given
    assert runtime.delete(Container("c1", second.netns)).ok
    assert owner(given[0], host) == "c1 eth0"
    host.remove_container(first)
    assert addresses(runtime.add(Container("c1", second.netns))) == given
    assert runtime.delete(Container("c1", "")).ok
    assert lease_files(host) == {}


@needs_culvert
def test_holder_of_the_lock_is_named(host: Host, ours: Implementation) -> None:
    """Code 11 says whom to look at."""
    runtime = Runtime(host, ours, leasing())
    addresses(runtime.add(Container("c1", NOWHERE)))
    holder = host.start(["flock", f"{LEASES}/net/lock", "sh", "-c", "echo ready; exec cat"])
    assert holder.stdout and holder.stdout.readline() == "ready\n"
    error = runtime.add(Container("c2", NOWHERE), env={"CULVERT_LOCK_TIMEOUT": "0.05"})
    assert error.error()["code"] == 11 and "held by process" in error.error_text
    assert runtime.status().ok


# What the configuration says besides ranges


@needs_culvert
def test_sticky_address_outlives_a_reboot(host: Host, ours: Implementation) -> None:
    """A pod gets its address again, also after others came and the machine went down."""
    runtime = Runtime(host, ours, leasing("10.77.0.0/24", sticky=True))
    pod = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0"
    given = addresses(runtime.add(Container("c1", NOWHERE), args=pod))
    assert runtime.delete(Container("c1", NOWHERE)).ok
    for number in range(100):
        container = Container(f"other{number}", NOWHERE)
        assert addresses(runtime.add(container)) != given
        assert runtime.delete(container).ok
    reboot(host)
    assert addresses(runtime.add(Container("c2", NOWHERE), args=pod)) == given


@needs_culvert
def test_index_may_be_impossible(host: Host, ours: Implementation) -> None:
    """No room in /run, or no directory there: leases work all the same."""
    host.must("mkdir -p /run/culvert && mount -t tmpfs -o size=8k tmpfs /run/culvert")
    runtime = Runtime(host, ours, leasing())
    for number in range(20):
        addresses(runtime.add(Container(f"c{number}", NOWHERE)))
    assert len(lease_files(host)) == 20
    host.must("umount /run/culvert && rmdir /run/culvert && touch /run/culvert")
    for number in range(20):
        assert runtime.check(Container(f"c{number}", NOWHERE)).ok
        assert runtime.delete(Container(f"c{number}", NOWHERE)).ok
    assert lease_files(host) == {}


# Killed


class Bench:
    """One host with some leases, on which one call is killed."""

    def __init__(self, host: Host, ours: Implementation, warm: int) -> None:
        self.host = host
        self.runtime = Runtime(host, ours, leasing("10.77.0.0/24", "fd77::/64", quarantineSeconds=0))
        for number in range(warm):
            addresses(self.runtime.add(Container(f"w{number}", NOWHERE)))
        self.warm = warm

    def call(self, verb: str, wrapper: list[str] | None = None) -> Outcome:
        """The call in question."""
        options = {"wrapper": wrapper} if wrapper else {}
        container = Container("c1", NOWHERE)
        if verb == "ADD":
            return self.runtime.add(container, **options)
        if verb == "DEL":
            return self.runtime.delete(container, **options)
        if wrapper:
            return self.host.plugin(
                self.runtime.implementation.executable("host-local"), "GC",
                self.runtime.stdin({**self.runtime.network["plugins"][0],
                                    **valid_attachments(*((f"w{n}", "eth0") for n in range(self.warm)))}),
                cni_path=self.runtime.implementation.cni_path, wrapper=wrapper)
        return self.runtime.sweep(valid_attachments(*((f"w{n}", "eth0") for n in range(self.warm))))

    def invariants(self) -> str:
        """One owner for each address; what the plugin says is what the directory says; nothing leaks for good."""
        files = lease_files(self.host)
        for number in range(self.warm):
            container = Container(f"w{number}", NOWHERE)
            if not (checked := self.runtime.check(container)).ok:
                return f"a bystander lost his lease: {checked.stdout}"
        added = self.runtime.add(Container("c1", NOWHERE))
        given = addresses(added)
        now = lease_files(self.host)
        if any(now.get(address) != "c1\r\neth0" for address in given):
            return f"given {given}, and the directory says {now}"
        stranger = addresses(self.runtime.add(Container("stranger", NOWHERE)))
        if set(stranger) & (set(files) | set(given)):
            return f"{stranger} was given although taken"
        for name in ("c1", "stranger"):
            if not (deleted := self.runtime.delete(Container(name, NOWHERE))).ok:
                return f"DEL failed: {deleted.stdout}"
        left = {content.split("\r\n")[0] for content in lease_files(self.host).values()}
        wanted = {f"w{number}" for number in range(self.warm)}
        return "" if left == wanted else f"left: {left ^ wanted}"


def interrupted(
    ours: Implementation,
    verb: str,
    prepare: Callable[[Bench], None],
    choose: Callable[[list[Point]], list[Point]],
) -> tuple[int, list[str]]:
    """Kills a call, or refuses it something, at the points that are chosen of all it has, each time on a new host."""
    warm = 3
    with new_host() as host:
        bench = Bench(host, ours, warm)
        prepare(bench)
        bench.call(verb, ["strace", "-f", "-qq", "-o", "/run/trace"])
        points = points_in(host.path("/run/trace").read_text(errors="replace"))

    def attempt(point: Point) -> str:
        with new_host() as host:
            bench = Bench(host, ours, warm)
            prepare(bench)
            before = lease_files(host)
            outcome = bench.call(verb, point.wrapper)
            complaint = ""
            if point.error and not outcome.ok:
                is_whole = verb != "ADD" or lease_files(host) == before
                complaint = unclear(outcome) or ("" if is_whole else "not taken back")
            complaint = complaint or bench.invariants()
            return f"{point}: {complaint}" if complaint else ""

    chosen = thinned(choose(points))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return len(chosen), [complaint for complaint in pool.map(attempt, chosen) if complaint]


def unclear(outcome: Outcome) -> str:
    """What is wrong with the way a plugin failed."""
    try:
        return "" if outcome.error()["code"] else "no code"
    except (AssertionError, ValueError) as problem:
        return f"no error: {problem}"


def failing_disk(points: list[Point]) -> list[Point]:
    """Each call that has to do with files, once broken and once without room, from where the input has been read."""
    start = next(number for number, point in enumerate(points) if point.name == "read")
    # An answer that cannot be written is heard by nobody.
    return [dataclasses.replace(point, error=error) for point in points[start + 1:]
            if point.name in REFUSABLE | {"stat", "lstat", "utimensat"}
            and not (point.name == "write" and point.arguments.startswith("1,")) for error in ("EIO", "ENOSPC")]


def nothing(_: Bench) -> None:
    """The usual case."""


def take_first(bench: Bench) -> None:
    """There is something to free."""
    addresses(bench.call("ADD"))


def lose_the_log(bench: Bench) -> None:
    """The database has to be opened."""
    bench.call("ADD")
    bench.host.must(f"rm {INDEX}/*.log")


def lose_the_index(bench: Bench) -> None:
    """The directory has to be compared."""
    bench.call("ADD")
    bench.host.must(f"rm {INDEX}/*")


@needs_culvert
@pytest.mark.parametrize("prepare", [nothing, take_first, lose_the_log, lose_the_index])
@pytest.mark.parametrize("verb", ["ADD", "DEL", "GC"])
def test_killed_anywhere(ours: Implementation, verb: str, prepare: Callable[[Bench], None],
                         say: Callable[[str], None]) -> None:
    """Whatever was half done, the next calls find one owner for each address and leave none behind."""
    count, trouble = interrupted(ours, verb, prepare, list)
    say(f"{verb}, {prepare.__name__}: killed at {count} points, {len(trouble)} went wrong")
    assert count > 0 and not trouble, "\n".join(trouble[:20])


@needs_culvert
@pytest.mark.parametrize("prepare", [nothing, lose_the_index])
@pytest.mark.parametrize("verb", ["ADD", "DEL", "GC"])
def test_failing_disk(ours: Implementation, verb: str, prepare: Callable[[Bench], None],
                      say: Callable[[str], None]) -> None:
    """A disk that is full or broken at any one call: a clear error or none, nothing half done, and nobody loses."""
    count, trouble = interrupted(ours, verb, prepare, failing_disk)
    say(f"{verb}, {prepare.__name__}: refused at {count} points, {len(trouble)} went wrong")
    assert count > 0 and not trouble, "\n".join(trouble[:20])
