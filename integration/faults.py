# SPDX-License-Identifier: Apache-2.0
"""System calls of a plugin as points in time, at each of which it can be killed or refused."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import guest
from host import Host, Outcome, new_host
from implementations import Implementation
from kernel_state import LEASES, RECORDS, lease_files, left_behind, read_tree
from runtime import Network, Runtime

TRACE = "/run/trace"
HOST_PORTS = "/run/culvert/host-ports"
FOREIGN_RULES = """
table inet somebody {
    set hosts { type ipv4_addr; elements = { 192.0.2.1 }; }
    chain forward { type filter hook forward priority filter; ip saddr @hosts counter packets 0 bytes 0 accept; }
}
"""
CALL = re.compile(r"^(?:\d+ +)?(?P<name>[a-z_0-9]+)\((?P<arguments>.*)")
#: The calls that ask for files, for descriptors or for changes of the network.
REFUSABLE = frozenset("""
    openat open creat mkdir mkdirat read pread64 write writev pwrite64 link linkat unlink unlinkat rename renameat
    renameat2 flock fsync fdatasync ftruncate fchmod fchmodat getdents64 fstat newfstatat statx socket bind connect
    getsockname setsockopt sendto sendmsg recvfrom recvmsg setns unshare fcntl
""".split())
#: One port alone, three neighbours, one of an address, and one of UDP.
CAPABILITIES = {"portMappings": [
    *({"hostPort": port, "containerPort": port, "protocol": "tcp"} for port in (8080, 9000, 9001, 9002)),
    {"hostPort": 53, "containerPort": 53, "protocol": "udp"},
    {"hostPort": 81, "containerPort": 80, "protocol": "tcp", "hostIP": "127.0.0.1"},
]}
ERRORS = ("ENOSPC", "EPERM", "EBUSY")
#: How many points a campaign goes on by. No multiple of three, which is how many errors each call is refused with.
STRIDES = {"killed": 2, "refused": 4}
WORKERS = 2
KILLED = (-9, 137)
Tried = TypeVar("Tried")


@dataclasses.dataclass(frozen=True)
class Point:
    """The `ordinal`-th call of that name; `arguments` is how strace printed it."""

    name: str
    ordinal: int
    arguments: str = ""
    #: The error it returns, or empty when the process is killed there.
    error: str = ""

    @property
    def wrapper(self) -> list[str]:
        """The command which runs a plugin up to this point."""
        fate = f"error={self.error}" if self.error else "signal=KILL"
        return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={self.name}",
                "-e", f"inject={self.name}:{fate}:when={self.ordinal}"]

    def __str__(self) -> str:
        return f"{self.error or 'killed'} at {self.name}#{self.ordinal}({self.arguments[:60]}"


def points_in(trace: str) -> list[Point]:
    """Every system call of a recorded run."""
    counts: Counter[str] = Counter()
    found = []
    for line in trace.splitlines():
        # What the kernel begins anew, because somebody else was busy, is one call.
        if (call := CALL.match(line)) and "= ? ERESTART" not in line:
            counts[call["name"]] += 1
            found.append(Point(call["name"], counts[call["name"]], call["arguments"]))
    return found


def refusals(points: Sequence[Point]) -> list[Point]:
    """Each refusable call after the program began to read its input, with each error."""
    start = next(number for number, point in enumerate(points) if point.name == "read" and
                 point.arguments.startswith("0,"))
    return [
        dataclasses.replace(point, error=error)
        for point in points[start:] if point.name in REFUSABLE for error in ERRORS
    ]


def thinned(points: list[Point], stride: int | None = None, start: int | None = None) -> list[Point]:
    """Each n-th point, where n is what CULVERT_FAULT_STRIDE says, or else the test; the first is number `start`.

    Unless the test says otherwise, every second point where a process is killed and every fourth where it is refused
    something, beginning by chance: runs with other seeds try the others.
    """
    usual = STRIDES["refused" if any(point.error for point in points) else "killed"]
    chosen = int(os.environ.get("CULVERT_FAULT_STRIDE", stride or usual))
    if start is None:
        seed = os.environ.get("CULVERT_TEST_SEED")
        chance = random.Random(f"{seed} {len(points)}") if seed else random.SystemRandom()
        start = chance.randrange(chosen)
    return points[start % chosen::chosen]


class Bench:
    """A host on which the same attachment is made and broken again and again."""

    def __init__(self, host: Host, implementation: Implementation, listed: Network) -> None:
        self.host = host
        self.runtime = Runtime(host, implementation, listed)
        self.container = host.add_container("c1")
        self.env = {"CULVERT_LOCK_TIMEOUT": "0.3"}
        host.must("nft -f -", stdin=FOREIGN_RULES)
        #: Of somebody else; the same, to the octet, whenever the attachment is gone.
        self.rules = host.must("nft list ruleset")

    def reset(self) -> None:
        """Takes away what survives a DEL on purpose, so that every run makes the same calls."""
        forwarding = "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"
        off = "; ".join(f"echo 0 > {path}" for path in forwarding)
        self.host.must(f"ip link del cni0 2>/dev/null || :; {off}; rm -rf {LEASES} {RECORDS} {HOST_PORTS}")

    def add(self, wrapper: Sequence[str] = ()) -> Outcome:
        """ADD, the last plugin of the chain perhaps under strace."""
        return self.runtime.add(self.container, wrapper=self.last(wrapper), env=self.env, capabilities=CAPABILITIES)

    def delete(self, wrapper: Sequence[str] = ()) -> Outcome:
        """DEL with neither prevResult nor memory, as after a crash of the runtime."""
        return self.runtime.delete(self.container, wrapper=self.last(wrapper), env=self.env, remembering=False)

    def last(self, wrapper: Sequence[str]) -> dict[str, Sequence[str]]:
        """The wrapper for the last plugin only."""
        return {self.runtime.network["plugins"][-1]["type"]: wrapper}

    def trace(self, run: Callable[[Sequence[str]], Outcome]) -> list[Point]:
        """The points of a run that succeeds."""
        outcome = run(["strace", "-f", "-qq", "-o", TRACE])
        assert outcome.ok, outcome
        return points_in(self.host.path(TRACE).read_text(errors="replace"))

    def remains(self) -> str:
        """What is left of the attachment; empty when nothing is."""
        found = left_behind(self.host, [self.container])
        rules = self.host.must("nft list ruleset")
        if rules != self.rules:
            found["rules"] = rules
        return f"left: {found}" if found else ""

    def remains_of_last(self) -> str:
        """What is left of the last plugin of the chain, which failed; a runtime deletes the others."""
        plugins = self.runtime.network["plugins"]
        if len(plugins) == 1:
            return self.remains()
        own = f":{plugins[-1]['type']}.json"
        left = [path for path in read_tree(self.host.path(RECORDS)) if own in path]
        rules = self.host.must("nft list ruleset")
        return f"left: {left} {rules}" if left or rules != self.rules else ""

    def debris(self) -> str:
        """What a killed process left beyond the record, the link, whole leases and their temporary files."""
        for address, content in lease_files(self.host).items():
            if not address.endswith(".culvert.new") and content != "c1\r\neth0":
                return f"a lease file {address} that says {content!r}"
        for path, entry in read_tree(self.host.path(RECORDS)).items():
            own = re.fullmatch(r"net/c1:eth0(:portmap|:firewall)?\.json(\.tmp)?", path)
            if entry["content"] is not None and not own:
                return f"a record {path}"
        return ""

    def check(self) -> Outcome:
        """CHECK after an ADD."""
        return self.runtime.check(self.container, env=self.env, capabilities=CAPABILITIES)

    def lacks(self, added: Outcome) -> str:
        """What an ADD that succeeded should have answered."""
        has_addresses = len(json.loads(added.stdout or "{}").get("ips", ())) == 2
        return "" if has_addresses else f"success without a result: {added.stdout}"

    def changed(self, point: Point) -> str:
        """What is not as it was after an ADD that was refused at a point, without any DEL."""
        # Unless it was the result that could not be said.
        return "" if point.arguments[:2] == "1," else self.remains_of_last()

    def settled(self) -> str:
        """What is not as it was after a whole ADD and DEL."""
        return self.remains()

    def forgives(self, refused: Outcome) -> bool:
        """Whether a DEL that was refused something has said what it could not give back."""
        return False

    def lives_on(self) -> str:
        """What goes wrong when the same attachment is made again and ended properly; empty when nothing does."""
        for run in (self.add, self.delete):
            if not (outcome := run()).ok:
                return f"afterwards {run.__name__} failed: {outcome.stdout} {outcome.stderr}"
        return self.remains()


def try_all(points: Sequence[Tried], implementation: Implementation, listed: Network,
            attempt: Callable[[Bench, Tried], str], kind: type[Bench] = Bench) -> list[str]:
    """Tries every point, however described, on hosts that are used by one worker each; returns what went wrong."""
    # A guest has one processor: a second worker would only stand in the first one's way.
    workers = 1 if guest.inside() else WORKERS
    waiting = list(reversed(points))
    guard = threading.Lock()
    trouble: list[str] = []

    def work() -> None:
        while True:
            with new_host() as host:
                bench = kind(host, implementation, listed)
                while True:
                    with guard:
                        if not waiting:
                            return
                        point = waiting.pop()
                    bench.reset()
                    if complaint := attempt(bench, point):
                        trouble.append(f"{point}: {complaint}")
                        break  # Go on with a host which is clean for certain.

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work) for _ in range(workers)]:
            done.result()
    return trouble
