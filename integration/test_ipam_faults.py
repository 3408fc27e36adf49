# SPDX-License-Identifier: Apache-2.0
"""`ipam` that is killed or refused at every system call, over an index of noise, a clock gone back, and a reboot."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import random
import shutil
import threading
import time
from collections.abc import Callable

import pytest

from faults import KILLED, REFUSABLE, Point, points_in, thinned
from host import Container, Host, Outcome, new_host
from implementations import Implementation
from ipam_tool import CONFIGURATIONS, INDEX, Leases, Tool
from kernel_state import LEASES
from runtime import Runtime, host_local, network

pytestmark = pytest.mark.needs_culvert
NOWHERE = "/run/netns/none"
LISTED = network({"type": "host-local", "ipam": host_local("10.77.0.0/24", quarantineSeconds=0)})
POD = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0"
BYSTANDERS = {"10.77.0.2": "by1\r\neth0", "10.77.0.3": "by2\r\neth0", "10.77.0.30": "@reserved\r\ndefault/web-0"}
BEFORE = {**BYSTANDERS, "10.77.0.40": "vm1\r\neth0", "10.77.0.50": "dead\r\neth0"}
KEPT = "10.77.0.30\treserved\tdefault/web-0\tnote\n10.77.0.40\tallocated\tvm1 eth0\t\n"
IMPORTED = "".join(line + "\n" for line in (
    '{"network":"net","address":"10.77.0.2","containerID":"by1","interface":"eth0"}',
    '{"network":"net","address":"10.77.0.60","containerID":"in1","interface":"eth0"}',
    '{"network":"net","address":"10.77.0.61","containerID":"in2","interface":"eth0"}',
    '{"network":"net","address":"10.77.0.62","kind":"allocated","containerID":"vm2","interface":"eth0"}',
    '{"network":"net","address":"10.77.0.70-10.77.0.71","kind":"reserved","reservedFor":"default/db"}',
))
WORKERS = 2
#: The calls that change files.
CHANGING = frozenset("""
    write pwrite64 writev link linkat unlink unlinkat rename renameat renameat2 mkdir mkdirat ftruncate utimensat utime
    fchmod fallocate
""".split())


@dataclasses.dataclass(frozen=True)
class Change:
    """A command, and the leases that it leads to."""

    words: tuple[str, ...]
    after: dict[str, str]
    stdin: str = ""
    #: Whether a refusal leaves everything as it was.
    is_all_or_nothing: bool = True


def without(*addresses: str) -> dict[str, str]:
    """The leases at the beginning but for some."""
    return {address: content for address, content in BEFORE.items() if address not in addresses}


RESERVING = {f"10.77.0.{number}": "@reserved\r\n" for number in (80, 81)}
CHANGES = {
    "release": Change(("release", "10.77.0.40", "10.77.0.50"), without("10.77.0.40", "10.77.0.50"),
                      is_all_or_nothing=False),
    "import": Change(("import", "-"), {
        **BEFORE, "10.77.0.60": "in1\r\neth0", "10.77.0.61": "in2\r\neth0", "10.77.0.62": "vm2\r\neth0",
        "10.77.0.70": "@reserved\r\ndefault/db", "10.77.0.71": "@reserved\r\ndefault/db"}, IMPORTED),
    "reserve": Change(("reserve", "10.77.0.80/31"), {**BEFORE, **RESERVING}),
    "unreserve": Change(("unreserve", "10.77.0.30"), without("10.77.0.30"), is_all_or_nothing=False),
    "allocate": Change(("allocate", "--owner", "vm3", "--ip", "10.77.0.90"), {**BEFORE, "10.77.0.90": "vm3\r\neth0"}),
    "gc": Change(("gc", "--yes"), without("10.77.0.50"), is_all_or_nothing=False),
}


class Bench:
    """One host on which the same change is made and broken again and again."""

    def __init__(self, host: Host, change: Change) -> None:
        self.host, self.change = host, change
        self.tool, self.leases = Tool(host, LISTED), Leases(host)

    def reset(self) -> None:
        """The leases of the beginning, known to an index."""
        shutil.rmtree(self.leases.path, ignore_errors=True)
        shutil.rmtree(self.host.path(INDEX), ignore_errors=True)
        for address, content in BEFORE.items():
            self.leases.write(address, content, is_old=address == "10.77.0.50")
        self.leases.write(".culvert.kept", KEPT)
        self.tool.must("list")

    def run(self, wrapper: list[str] | None = None) -> Outcome:
        """The change itself."""
        return self.tool.run(*self.change.words, wrapper=wrapper or [], stdin=self.change.stdin)

    def state(self) -> dict[str, str]:
        """Everything that has to be as before when nothing was changed."""
        return {name: content for name, content in self.leases.all().items() if not name.startswith("last_reserved")}

    def lost(self) -> str:
        """Who was harmed that nobody meant."""
        owners = self.leases.owners()
        meant = {address for address in BEFORE if self.change.after.get(address) != BEFORE[address]}
        wrong = {address: owners.get(address) for address, content in BEFORE.items()
                 if address not in meant and owners.get(address) != content}
        strange = {address: content for address, content in owners.items()
                   if content not in (BEFORE.get(address), self.change.after.get(address))}
        return f"harmed: {wrong}, {strange}" if wrong or strange else self.leases.broken_invariants()

    def completes(self) -> str:
        """The same command again leads to where it should have; then nothing is wrong."""
        again = self.run()
        if not again.ok:
            return f"the second run: exit {again.status}: {again.stderr}"
        if self.leases.owners() != self.change.after:
            return f"after the second run: {self.leases.owners()}"
        if self.change.words[0] != "release" and "10.77.0.50" in self.change.after:
            self.tool.must("release", "10.77.0.50")
        return f"check: {problems}" if (problems := self.tool.problems()) else ""


def points_of(change: Change) -> list[Point]:
    """The system calls of an undisturbed run, from where it looks for networks: before that it cannot change anything."""
    with new_host() as host:
        bench = Bench(host, change)
        bench.reset()
        outcome = bench.run(["strace", "-f", "-qq", "-o", "/run/trace"])
        assert outcome.ok, outcome
        assert bench.leases.owners() == change.after
        points = points_in(host.path("/run/trace").read_text(errors="replace"))
    start = next(number for number, point in enumerate(points) if CONFIGURATIONS in point.arguments)
    return points[start:]


def changes_files(point: Point) -> bool:
    """Whether anything on a disk can be another after a call."""
    if point.name in ("write", "writev") and point.arguments.startswith(("1,", "2,")):
        return False
    return point.name in CHANGING or (point.name in ("openat", "open") and "O_CREAT" in point.arguments)


def apart(points: list[Point]) -> list[Point]:
    """The first call after each that changes files: to die at any other leaves the same files as at one of these."""
    return points[:1] + [point for before, point in zip(points, points[1:]) if changes_files(before)]


def try_all(change: Change, points: list[Point], attempt: Callable[[Bench, Point], str]) -> list[str]:
    """Tries every point; returns what went wrong."""
    waiting, trouble, guard = list(reversed(points)), [], threading.Lock()

    def work() -> None:
        with new_host() as host:
            bench = Bench(host, change)
            while True:
                with guard:
                    if not waiting:
                        return
                    point = waiting.pop()
                bench.reset()
                if complaint := attempt(bench, point):
                    trouble.append(f"{point}: {complaint}")

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
        for done in [workers.submit(work) for _ in range(WORKERS)]:
            done.result()
    return trouble


def killed(bench: Bench, point: Point) -> str:
    """Dies; nobody else is harmed, nothing is half written, and the same command again completes it."""
    outcome = bench.run(point.wrapper)
    if not outcome.ok and outcome.status not in KILLED:
        return f"exit {outcome.status}: {outcome.stderr}"
    return bench.lost() or bench.completes()


def refused(bench: Bench, point: Point) -> str:
    """Is refused one call: it works all the same, or says why and, where it promises so, has changed nothing."""
    before = bench.state()
    outcome = bench.run(point.wrapper)
    if outcome.status not in (0, 1):
        return f"exit {outcome.status}: {outcome.stdout} {outcome.stderr}"
    is_printing = point.name in ("write", "writev") and point.arguments.startswith(("1,", "2,"))
    if outcome.status == 1 and not outcome.stderr and not is_printing:
        return "no reason was given"
    if outcome.ok and bench.change.words[0] != "gc" and bench.leases.owners() != bench.change.after:
        return f"success, but {bench.leases.owners()}"
    is_kept = bench.change.is_all_or_nothing and outcome.status == 1 and not is_printing
    if is_kept and "left behind" not in outcome.stderr and bench.state() != before:
        return f"failed, and yet {bench.state()}: {outcome.stderr}"
    if outcome.status == 1 and bench.state() == before:
        return ""  # As if nobody had tried.
    return bench.lost() or bench.completes()


@pytest.mark.parametrize("name", CHANGES)
def test_killed_anywhere(name: str, ours: Implementation, say: Callable[[str], None]) -> None:
    """However far it came, whoever comes next finds whole leases, each with one owner, and can complete the change."""
    points = thinned(apart(points_of(CHANGES[name])))
    trouble = try_all(CHANGES[name], points, killed)
    say(f"ipam {name}: killed at {len(points)} points, {len(trouble)} went wrong")
    assert points and not trouble, "\n".join(trouble[:20])


@pytest.mark.parametrize("name", ["release", "import"])
def test_refused_anywhere(name: str, ours: Implementation, say: Callable[[str], None]) -> None:
    """A disk that is full or broken at any one call costs nobody anything."""
    # Who only reads is never told that the disk is full.
    points = thinned([dataclasses.replace(point, error=error) for point in points_of(CHANGES[name])
                      for error in ("EIO", "ENOSPC")
                      if point.name in REFUSABLE and (error == "EIO" or changes_files(point))])
    trouble = try_all(CHANGES[name], points, refused)
    say(f"ipam {name}: refused at {len(points)} points, {len(trouble)} went wrong")
    assert points and not trouble, "\n".join(trouble[:20])


@pytest.mark.parametrize("verb", ["ADD", "DEL"])
def test_killed_while_a_reservation_changes_hands(verb: str, host: Host, ours: Implementation,
                                                  say: Callable[[str], None]) -> None:
    """At no moment is a reserved address nobody's: it is the reservation's or the pod's, and in the end the former's."""
    runtime, tool, leases = Runtime(host, ours, LISTED), Tool(host, LISTED), Leases(host)
    pod, reserved = Container("pod", NOWHERE), ("@reserved\r\ndefault/web-0", "pod\r\neth0")
    tool.must("reserve", "10.77.0.30", "--for", "default/web-0")

    def call(wrapper: list[str] | None = None) -> Outcome:
        run = runtime.add if verb == "ADD" else runtime.delete
        return run(pod, args=POD, wrapper=wrapper or [])

    def prepare() -> None:
        assert (runtime.delete if verb == "ADD" else runtime.add)(pod, args=POD).ok

    prepare()
    assert call(["strace", "-f", "-qq", "-o", "/run/trace"]).ok
    points = thinned(apart(points_in(host.path("/run/trace").read_text(errors="replace"))))
    for point in points:
        prepare()
        call(point.wrapper)
        assert leases.owners().get("10.77.0.30") in reserved, point
        assert not leases.broken_invariants(), point
        other = runtime.add(Container("other", NOWHERE)).result()["ips"][0]["address"]
        assert other != "10.77.0.30/24", point
        assert runtime.delete(Container("other", NOWHERE)).ok
        assert runtime.add(pod, args=POD).result()["ips"][0]["address"] == "10.77.0.30/24", point
        assert runtime.delete(pod).ok
        assert leases.owners() == {"10.77.0.30": reserved[0]}, point
    assert tool.problems() == []
    say(f"reserved address, {verb}: killed at {len(points)} points, 0 went wrong")


def test_noise_in_the_index(host: Host, ours: Implementation) -> None:
    """Index and log cut off, or overwritten anywhere: no address is given twice, and gc makes the index true again."""
    runtime, tool, leases = Runtime(host, ours, LISTED), Tool(host, LISTED), Leases(host)
    for number in range(2, 62):
        leases.write(f"10.77.0.{number}", f"c{number}\r\neth0")
    for seed in range(int(os.environ.get("CULVERT_NOISE_SEEDS", "12"))):
        chance = random.Random(seed)
        tool.must("list")
        runtime.add(Container(f"warm{seed}", NOWHERE)).result()
        assert runtime.delete(Container(f"warm{seed}", NOWHERE)).ok
        files = sorted(host.path(INDEX).iterdir())
        assert len(files) >= 2, files
        for file in files:
            content = bytearray(file.read_bytes())
            if chance.random() < 0.3:
                content = content[:chance.randrange(len(content))]
            for _ in range(chance.choice((0, 1, 8, 64, 512)) if content else 0):
                content[chance.randrange(len(content))] = chance.randrange(256)
            file.write_bytes(content)
        before = leases.owners()
        for words in (["usage"], ["list"], ["check", "-o", "json"]):
            assert tool.run(*words).status in (0, 3), (seed, words)
        added = runtime.add(Container("new", NOWHERE))
        if added.ok:
            address = added.result()["ips"][0]["address"].split("/")[0]
            assert address not in before, seed
        else:
            assert added.error()["code"] == 103, added
        tool.must("gc", "--yes")
        assert tool.problems() == [], seed
        assert sorted(tool.addresses()) == sorted(leases.owners()), seed
        assert before.items() <= leases.owners().items(), seed
        assert runtime.delete(Container("new", NOWHERE)).ok
        assert leases.owners() == before, seed


def test_clock_set_back(host: Host, ours: Implementation) -> None:
    """Every file is from tomorrow: nobody is taken for dead, no address is given twice, and all can be released."""
    runtime, tool, leases = Runtime(host, ours, LISTED), Tool(host, LISTED), Leases(host)
    for number in range(3):
        runtime.add(Container(f"c{number}", NOWHERE)).result()
    tool.must("reserve", "10.77.0.20")
    tool.must("allocate", "--owner", "vm1", "--ip", "10.77.0.21")
    before = leases.owners()
    tomorrow = time.time() + 86400
    for path in leases.path.iterdir():
        os.utime(path, (tomorrow, tomorrow))
    os.utime(leases.path, (tomorrow, tomorrow))
    for loses_index in (False, True):
        if loses_index:
            host.must("rm -rf /run/culvert")
        assert tool.problems() == [] or not loses_index
        tool.must("gc", "--yes")
        assert tool.problems() == []
        assert leases.owners() == before
        address = runtime.add(Container("new", NOWHERE)).result()["ips"][0]["address"].split("/")[0]
        assert address not in before
        assert runtime.delete(Container("new", NOWHERE)).ok
    tool.must("release", "--force", *(address for address in before if address != "10.77.0.20"))
    assert leases.owners() == {"10.77.0.20": "@reserved\r\n"}


def test_reboot(host: Host, ours: Implementation) -> None:
    """A new boot id and an empty /run over the same leases: the dead go, what operators keep stays."""
    runtime, tool, leases = Runtime(host, ours, LISTED), Tool(host, LISTED), Leases(host)
    for number in range(3):
        runtime.add(Container(f"c{number}", NOWHERE)).result()
    tool.must("reserve", "10.77.0.20", "--for", "default/web-0")
    tool.must("reserve", "10.77.0.22/31")
    tool.must("allocate", "--owner", "vm1", "--ip", "10.77.0.30")
    runtime.add(Container("pod", NOWHERE), args=POD).result()
    exported = tool.must("export")
    host.must("mkdir /tmp/$$ && rmdir /tmp/$$; cat /proc/sys/kernel/random/boot_id >/var/lib/boot_id.before")
    host.must("echo 00000000-0000-4000-8000-000000000000 >/var/lib/boot_id; "
              "mount --bind /var/lib/boot_id /proc/sys/kernel/random/boot_id")
    assert host.must("cat /proc/sys/kernel/random/boot_id") != host.must("cat /var/lib/boot_id.before")
    old = time.time() - 10 * 365 * 86400
    for path in leases.path.iterdir():
        os.utime(path, (old, old))
    host.must("rm -rf /run/culvert")
    dead = ["10.77.0.2", "10.77.0.3", "10.77.0.4", "10.77.0.20"]
    assert sorted(tool.problems()) == sorted(("deadOwner", address) for address in dead)
    assert "nothing was done" in tool.run("gc").stderr
    tool.must("gc", "--yes")
    assert tool.problems() == []
    assert leases.owners() == {
        "10.77.0.20": "@reserved\r\ndefault/web-0", "10.77.0.22": "@reserved\r\n", "10.77.0.23": "@reserved\r\n",
        "10.77.0.30": "vm1\r\neth0"}
    again = runtime.add(Container("pod2", NOWHERE), args=POD).result()["ips"][0]["address"]
    assert again == "10.77.0.20/24"
    refused_import = tool.run("import", "-", stdin=exported)
    assert refused_import.status == 1 and "pod2 eth0" in refused_import.stderr
    assert runtime.delete(Container("pod2", NOWHERE)).ok
    assert LEASES in str(leases.path)
